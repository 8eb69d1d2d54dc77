import { createHash } from 'node:crypto';
import {
  type MessageAttributeValue,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, SqsCloud } from './sqs-cloud.ts';

const MESSAGE_LIMIT_BYTES = 1_048_576;

describe('SQS SendMessage', () => {
  let cloud: SqsCloud;
  let url: string;
  beforeAll(async () => {
    cloud = await SqsCloud.open();
    url = await cloud.queue();
  });
  afterAll(() => cloud.close());

  const send = (
    input: { MessageBody: string } & Partial<ConstructorParameters<typeof SendMessageCommand>[0]>,
    to = url,
  ) => cloud.client.send(new SendMessageCommand({ QueueUrl: to, ...input }));

  it('answers an id and the MD5 of the body', async () => {
    const { MessageId, MD5OfMessageBody } = await send({ MessageBody: 'grüße' });
    expect(MessageId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(MD5OfMessageBody).toBe(createHash('md5').update('grüße').digest('hex'));
  });

  it('answers the documented MD5 of message attributes and of system attributes', async () => {
    const sent = await send({
      MessageBody: 'x',
      MessageAttributes: {
        attribName1: { DataType: 'String', StringValue: 'attribValue 1' },
        customNumberTypeAttrib: {
          DataType: 'Number.float',
          StringValue: '4563442423554324324264524243.32543234',
        },
        binaryAttribute: { DataType: 'Binary', BinaryValue: Buffer.from('Hello binary world!') },
      },
      MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1-2-3' } },
    });
    expect(sent.MD5OfMessageAttributes).toBe('c932db14a896c663f83c260297d594ff');
    expect(sent.MD5OfMessageSystemAttributes).toMatch(/^[0-9a-f]{32}$/);
  });

  it('keeps attributes, trace header and message group for the receiver', async () => {
    const queue = await cloud.queue();
    const MessageAttributes = {
      text: { DataType: 'String.uuid', StringValue: 'ä' },
      number: { DataType: 'Number', StringValue: '-1.5' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 255, 7) },
    };
    await send(
      {
        MessageBody: 'x',
        MessageAttributes,
        MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1-2-3' } },
        MessageGroupId: 'tenant-1',
      },
      queue,
    );
    const message = await cloud.receiveOne(queue, { MessageAttributeNames: ['All'] });
    expect(message.MessageAttributes).toEqual(MessageAttributes);
    expect(message.Attributes).toMatchObject({ AWSTraceHeader: 'Root=1-2-3', MessageGroupId: 'tenant-1' });
  });

  it.each([
    ['a reserved name', { 'AWS.x': { DataType: 'String', StringValue: 'x' } }],
    ['a name with two periods in succession', { 'a..b': { DataType: 'String', StringValue: 'x' } }],
    ['a name that starts with a period', { '.a': { DataType: 'String', StringValue: 'x' } }],
    ['a name of other characters', { 'a b': { DataType: 'String', StringValue: 'x' } }],
    ['an unknown type', { a: { DataType: 'Date', StringValue: 'x' } }],
    ['an empty value', { a: { DataType: 'String', StringValue: '' } }],
    ['a number that is none', { a: { DataType: 'Number', StringValue: 'x' } }],
  ] as [string, Record<string, MessageAttributeValue>][])(
    'refuses a message attribute with %s',
    async (_, MessageAttributes) => {
      expect(await failure(send({ MessageBody: 'x', MessageAttributes }))).toBe('InvalidParameterValue');
    },
  );

  it('refuses more than ten message attributes', async () => {
    const attribute = { DataType: 'String', StringValue: 'x' };
    const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`a${index}`, attribute]));
    expect(await failure(send({ MessageBody: 'x', MessageAttributes: eleven }))).toBe(
      'InvalidParameterValue',
    );
  });

  it('refuses an empty body', async () => {
    expect(await failure(send({ MessageBody: '' }))).toBe('MissingParameter');
  });

  it.each(['\u0000', '\u0008', '\u001f', '\ufffe', '\uffff'])(
    'refuses a body with the character %j',
    async (character) => {
      expect(await failure(send({ MessageBody: `a${character}b` }))).toBe('InvalidMessageContents');
    },
  );

  it('takes every other character', async () => {
    const queue = await cloud.queue();
    const body = '\t\n\r ~\u007f\u0085\ud7ff\ue000\ufffd😀';
    await send({ MessageBody: body }, queue);
    expect((await cloud.receiveOne(queue)).Body).toBe(body);
  });

  it('takes a message of 1 MiB and refuses one byte more', async () => {
    await send({ MessageBody: 'x'.repeat(MESSAGE_LIMIT_BYTES) });
    expect(await failure(send({ MessageBody: 'x'.repeat(MESSAGE_LIMIT_BYTES + 1) }))).toBe(
      'InvalidParameterValue',
    );
  });

  it('counts bytes, not characters', async () => {
    expect(await failure(send({ MessageBody: 'ä'.repeat(MESSAGE_LIMIT_BYTES / 2 + 1) }))).toBe(
      'InvalidParameterValue',
    );
  });

  it("counts an attribute's name, type and value into the size", async () => {
    const body = 'x'.repeat(MESSAGE_LIMIT_BYTES - 'name'.length - 'String'.length - 'value'.length);
    const MessageAttributes = { name: { DataType: 'String', StringValue: 'value' } };
    await send({ MessageBody: body, MessageAttributes });
    expect(await failure(send({ MessageBody: `${body}x`, MessageAttributes }))).toBe('InvalidParameterValue');
  });

  it("holds to the queue's own maximum message size", async () => {
    const small = await cloud.queue({ MaximumMessageSize: '1024' });
    await send({ MessageBody: 'x'.repeat(1024) }, small);
    expect(await failure(send({ MessageBody: 'x'.repeat(1025) }, small))).toBe('InvalidParameterValue');
  });

  it('hides a message for its delay', async (test) => {
    const queue = await cloud.queue();
    await send({ MessageBody: 'later', DelaySeconds: 3 }, queue);
    expect(await cloud.receive(queue)).toEqual([]);
    expect((await cloud.attributes(queue)).ApproximateNumberOfMessagesDelayed).toBe('1');
    await cloud.pass(3, test);
    expect((await cloud.receiveOne(queue)).Body).toBe('later');
  });

  it("hides a message for the queue's delay, unless it has its own", async (test) => {
    const queue = await cloud.queue({ DelaySeconds: '900' });
    await send({ MessageBody: 'later' }, queue);
    await send({ MessageBody: 'now', DelaySeconds: 0 }, queue);
    expect((await cloud.receiveOne(queue, { VisibilityTimeout: 10_000 })).Body).toBe('now');
    await cloud.pass(899, test);
    expect(await cloud.receive(queue)).toEqual([]);
    await cloud.pass(1, test);
    expect((await cloud.receiveOne(queue)).Body).toBe('later');
  });

  it.each([-1, 901])('refuses a delay of %i seconds', async (DelaySeconds) => {
    expect(await failure(send({ MessageBody: 'x', DelaySeconds }))).toBe('InvalidParameterValue');
  });

  it('refuses a deduplication id, which is for FIFO queues', async () => {
    expect(await failure(send({ MessageBody: 'x', MessageDeduplicationId: 'd' }))).toBe(
      'InvalidParameterValue',
    );
  });

  it('keeps a message for the retention period and no longer', async (test) => {
    const queue = await cloud.queue({ MessageRetentionPeriod: '60' });
    await send({ MessageBody: 'old' }, queue);
    await cloud.pass(50, test);
    expect(await cloud.receive(queue, { VisibilityTimeout: 0 })).toHaveLength(1);
    await cloud.pass(11, test);
    expect(await cloud.receive(queue)).toEqual([]);
    expect((await cloud.attributes(queue)).ApproximateNumberOfMessages).toBe('0');
  });

  it('drops messages that are there already when the retention period is made shorter than their age', async (test) => {
    const queue = await cloud.queue();
    await send({ MessageBody: 'old' }, queue);
    await cloud.pass(100, test);
    await cloud.client.send(
      new SetQueueAttributesCommand({ QueueUrl: queue, Attributes: { MessageRetentionPeriod: '60' } }),
    );
    expect((await cloud.attributes(queue)).ApproximateNumberOfMessages).toBe('0');
  });
});
