import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, SqsCloud } from './sqs-cloud.ts';

const MESSAGE_LIMIT_BYTES = 1_048_576;

describe('SQS batches', () => {
  let cloud: SqsCloud;
  beforeAll(async () => {
    cloud = await SqsCloud.open();
  });
  afterAll(() => cloud.close());

  const sendAll = (QueueUrl: string, Entries: SendMessageBatchRequestEntry[]) =>
    cloud.client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  const deleteAll = (QueueUrl: string, Entries: { Id: string; ReceiptHandle: string }[]) =>
    cloud.client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  const changeAll = (
    QueueUrl: string,
    Entries: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[],
  ) => cloud.client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));

  const kinds = {
    SendMessageBatch: (url: string, ids: string[]) =>
      sendAll(
        url,
        ids.map((Id) => ({ Id, MessageBody: 'x' })),
      ),
    DeleteMessageBatch: (url: string, ids: string[]) =>
      deleteAll(
        url,
        ids.map((Id) => ({ Id, ReceiptHandle: 'x' })),
      ),
    ChangeMessageVisibilityBatch: (url: string, ids: string[]) =>
      changeAll(
        url,
        ids.map((Id) => ({ Id, ReceiptHandle: 'x', VisibilityTimeout: 1 })),
      ),
  };

  describe.each(Object.entries(kinds))('%s', (_, batch) => {
    const refusal = async (ids: string[]) => failure(batch(await cloud.queue(), ids));

    it('without entries is refused', async () => {
      expect(await refusal([])).toBe('AWS.SimpleQueueService.EmptyBatchRequest');
    });

    it('of more than ten entries is refused', async () => {
      expect(await refusal(Array.from({ length: 11 }, (_, index) => String(index)))).toBe(
        'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
      );
    });

    it('with an id twice is refused', async () => {
      expect(await refusal(['a', 'b', 'a'])).toBe('AWS.SimpleQueueService.BatchEntryIdsNotDistinct');
    });

    it.each(['', 'a:b', 'x'.repeat(81)])('with the id %j is refused', async (id) => {
      expect(await refusal([id])).toBe('AWS.SimpleQueueService.InvalidBatchEntryId');
    });
  });

  it('send each message, with its own attributes and delay', async () => {
    const url = await cloud.queue();
    const { Successful, Failed } = await sendAll(url, [
      {
        Id: 'now',
        MessageBody: 'one',
        MessageGroupId: 'g',
        MessageAttributes: { attribName1: { DataType: 'String', StringValue: 'attribValue 1' } },
      },
      { Id: 'later', MessageBody: 'two', DelaySeconds: 900 },
    ]);
    expect(Failed ?? []).toEqual([]);
    expect(Successful).toEqual([
      expect.objectContaining({
        Id: 'now',
        MD5OfMessageBody: 'f97c5d29941bfb1b2fdab0874906ab82',
        MD5OfMessageAttributes: '19e27d4e946b072f3f58da80d94fd778',
      }),
      expect.objectContaining({ Id: 'later', MessageId: expect.any(String) }),
    ]);
    const message = await cloud.receiveOne(url, { MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] });
    expect(message).toMatchObject({ Body: 'one', Attributes: { MessageGroupId: 'g' } });
    expect((await cloud.attributes(url)).ApproximateNumberOfMessagesDelayed).toBe('1');
  });

  it('send the good entries when others fail, and say which failed and whose fault it was', async () => {
    const url = await cloud.queue();
    const { Successful, Failed } = await sendAll(url, [
      { Id: 'good', MessageBody: 'x' },
      { Id: 'control', MessageBody: '\u0000' },
      { Id: 'late', MessageBody: 'x', DelaySeconds: 901 },
    ]);
    expect(Successful?.map(({ Id }) => Id)).toEqual(['good']);
    expect(Failed).toEqual([
      { Id: 'control', SenderFault: true, Code: 'InvalidMessageContents', Message: expect.any(String) },
      { Id: 'late', SenderFault: true, Code: 'InvalidParameterValue', Message: expect.any(String) },
    ]);
    expect(await cloud.receiveOne(url)).toMatchObject({ Body: 'x' });
  });

  it('are refused as a whole when their messages are longer than 1 MiB together', async () => {
    const url = await cloud.queue();
    const half = 'x'.repeat(MESSAGE_LIMIT_BYTES / 2);
    expect(
      await failure(
        sendAll(url, [
          { Id: 'a', MessageBody: half },
          { Id: 'b', MessageBody: `${half}x` },
        ]),
      ),
    ).toBe('AWS.SimpleQueueService.BatchRequestTooLong');
    const { Successful } = await sendAll(url, [
      { Id: 'a', MessageBody: half },
      { Id: 'b', MessageBody: half },
    ]);
    expect(Successful).toHaveLength(2);
  });

  it('delete the messages of valid handles and report the others', async () => {
    const url = await cloud.queue();
    await cloud.send(url, 'x');
    const { ReceiptHandle = '' } = await cloud.receiveOne(url);
    const { Successful, Failed } = await deleteAll(url, [
      { Id: 'good', ReceiptHandle },
      { Id: 'bad', ReceiptHandle: 'nonsense' },
    ]);
    expect(Successful).toEqual([{ Id: 'good' }]);
    expect(Failed).toMatchObject([{ Id: 'bad', SenderFault: true, Code: 'ReceiptHandleIsInvalid' }]);
    expect((await cloud.attributes(url)).ApproximateNumberOfMessagesNotVisible).toBe('0');
  });

  it('change the visibility of messages in flight and report the others', async () => {
    const url = await cloud.queue({ VisibilityTimeout: '300' });
    await cloud.send(url, 'x');
    const { ReceiptHandle = '' } = await cloud.receiveOne(url);
    const { Successful, Failed } = await changeAll(url, [
      { Id: 'good', ReceiptHandle, VisibilityTimeout: 0 },
      { Id: 'again', ReceiptHandle, VisibilityTimeout: 5 },
      { Id: 'bad', ReceiptHandle: 'nonsense', VisibilityTimeout: 5 },
      { Id: 'long', ReceiptHandle, VisibilityTimeout: 43_201 },
    ]);
    expect(Successful).toEqual([{ Id: 'good' }]);
    expect(Failed?.map(({ Id, Code }) => [Id, Code])).toEqual([
      ['again', 'AWS.SimpleQueueService.MessageNotInflight'],
      ['bad', 'ReceiptHandleIsInvalid'],
      ['long', 'InvalidParameterValue'],
    ]);
    expect(await cloud.receiveOne(url)).toMatchObject({ Body: 'x' });
  });
});
