import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, SqsCloud } from './sqs-cloud.ts';

const HOUR_SECONDS = 3600;

describe('SQS ReceiveMessage', () => {
  let cloud: SqsCloud;
  beforeAll(async () => {
    cloud = await SqsCloud.open();
  });
  afterAll(() => cloud.close());

  const remove = (QueueUrl: string, { ReceiptHandle }: Message) =>
    cloud.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  const change = (QueueUrl: string, { ReceiptHandle }: Message, VisibilityTimeout: number) =>
    cloud.client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));

  describe('a receive', () => {
    it('answers no Messages at all when there are none', async () => {
      const answer = await cloud.client.send(new ReceiveMessageCommand({ QueueUrl: await cloud.queue() }));
      expect(answer.Messages).toBeUndefined();
    });

    it('answers one message unless more are asked for, and at most ten', async () => {
      const url = await cloud.queue();
      for (let index = 0; index < 12; index++) await cloud.send(url, String(index));
      expect(await cloud.receive(url)).toHaveLength(1);
      if (cloud.kind === 'embedded')
        expect(await cloud.receive(url, { MaxNumberOfMessages: 10 })).toHaveLength(10);
    });

    it.each([0, 11])('of %i messages is refused', async (MaxNumberOfMessages) => {
      const url = await cloud.queue();
      expect(await failure(cloud.receive(url, { MaxNumberOfMessages }))).toBe('InvalidParameterValue');
    });

    it.each([-1, 43_201])('with a visibility timeout of %i s is refused', async (VisibilityTimeout) => {
      const url = await cloud.queue();
      expect(await failure(cloud.receive(url, { VisibilityTimeout }))).toBe('InvalidParameterValue');
    });

    it.each([-1, 21])('with a wait of %i s is refused', async (WaitTimeSeconds) => {
      const url = await cloud.queue();
      expect(await failure(cloud.receive(url, { WaitTimeSeconds }))).toBe('InvalidParameterValue');
    });

    it('tells when a message was sent, first received, and how often', async () => {
      const url = await cloud.queue();
      await cloud.send(url, 'x');
      const first = await cloud.receiveOne(url, { VisibilityTimeout: 0 });
      const second = await cloud.receiveOne(url, { VisibilityTimeout: 0 });
      expect(first.Attributes).toMatchObject({
        SenderId: expect.any(String),
        SentTimestamp: expect.stringMatching(/^\d{13}$/),
        ApproximateReceiveCount: '1',
        ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
      });
      expect(second.Attributes).toEqual({ ...first.Attributes, ApproximateReceiveCount: '2' });
    });

    it('answers only the system attributes that were asked for, by either name of the parameter', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '0' });
      await cloud.send(url, 'x');
      const by = async (names: object) =>
        Object.keys(
          (await cloud.receiveOne(url, { MessageSystemAttributeNames: [], ...names })).Attributes ?? {},
        );
      expect(await by({})).toEqual([]);
      expect(await by({ MessageSystemAttributeNames: ['SentTimestamp'] })).toEqual(['SentTimestamp']);
      expect(await by({ AttributeNames: ['SentTimestamp'] })).toEqual(['SentTimestamp']);
    });

    it('answers only the message attributes that were asked for, by name or prefix', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '0' });
      const attribute = { DataType: 'String', StringValue: 'x' };
      await cloud.client.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: 'x',
          MessageAttributes: { Hello: attribute, 'Help.Me': attribute, General: attribute },
        }),
      );
      const by = async (...MessageAttributeNames: string[]) =>
        Object.keys((await cloud.receiveOne(url, { MessageAttributeNames })).MessageAttributes ?? {}).sort();
      expect(await by()).toEqual([]);
      expect(await by('Hello', 'Absent')).toEqual(['Hello']);
      expect(await by('Hel.*')).toEqual(['Hello', 'Help.Me']);
      expect(await by('All')).toEqual(['General', 'Hello', 'Help.Me']);
      expect(await by('.*')).toEqual(['General', 'Hello', 'Help.Me']);
    });
  });

  describe('a received message', () => {
    it("is hidden for the queue's visibility timeout and then received again", async (test) => {
      const url = await cloud.queue({ VisibilityTimeout: '2' });
      await cloud.send(url, 'x');
      await cloud.receiveOne(url);
      expect(await cloud.receive(url)).toEqual([]);
      await cloud.pass(2, test);
      expect((await cloud.receiveOne(url)).Attributes?.ApproximateReceiveCount).toBe('2');
    });

    it('is hidden for as long as the receive says', async (test) => {
      const url = await cloud.queue({ VisibilityTimeout: '0' });
      await cloud.send(url, 'x');
      await cloud.receiveOne(url, { VisibilityTimeout: 12 * HOUR_SECONDS });
      await cloud.pass(12 * HOUR_SECONDS - 1, test);
      expect(await cloud.receive(url)).toEqual([]);
      await cloud.pass(1, test);
      expect(await cloud.receive(url)).toHaveLength(1);
    });

    it('is counted as in flight until it is deleted or visible again', async (test) => {
      const url = await cloud.queue({ VisibilityTimeout: '2' });
      for (const body of ['one', 'two']) await cloud.send(url, body);
      const message = await cloud.receiveOne(url);
      expect(await cloud.attributes(url)).toMatchObject({
        ApproximateNumberOfMessages: '1',
        ApproximateNumberOfMessagesNotVisible: '1',
      });
      await cloud.pass(2, test);
      expect(await cloud.attributes(url)).toMatchObject({
        ApproximateNumberOfMessages: '2',
        ApproximateNumberOfMessagesNotVisible: '0',
      });
      await remove(url, message);
      expect((await cloud.attributes(url)).ApproximateNumberOfMessages).toBe('1');
    });
  });

  describe('a receipt handle', () => {
    it('is another one at each receive', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '0' });
      await cloud.send(url, 'x');
      const [first, second] = [await cloud.receiveOne(url), await cloud.receiveOne(url)];
      expect(first.MessageId).toBe(second.MessageId);
      expect(first.ReceiptHandle).not.toBe(second.ReceiptHandle);
    });

    it('deletes its message', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '1' });
      await cloud.send(url, 'x');
      await remove(url, await cloud.receiveOne(url));
      expect(await cloud.attributes(url)).toMatchObject({
        ApproximateNumberOfMessages: '0',
        ApproximateNumberOfMessagesNotVisible: '0',
      });
    });

    it('deletes its message after the visibility timeout too, when nobody received it since', async (test) => {
      const url = await cloud.queue({ VisibilityTimeout: '1' });
      await cloud.send(url, 'x');
      const message = await cloud.receiveOne(url);
      await cloud.pass(2, test);
      await remove(url, message);
      expect(await cloud.receive(url)).toEqual([]);
    });

    it('may be used to delete twice', async () => {
      const url = await cloud.queue();
      await cloud.send(url, 'x');
      const message = await cloud.receiveOne(url);
      await remove(url, message);
      await remove(url, message);
    });

    it('of an earlier receive is taken, but deletes nothing', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '0' });
      await cloud.send(url, 'x');
      const stale = await cloud.receiveOne(url);
      await cloud.receiveOne(url);
      await remove(url, stale);
      expect(await cloud.receiveOne(url)).toBeDefined();
    });

    it('that was never handed out is invalid', async () => {
      const url = await cloud.queue();
      const invalid = { ReceiptHandle: 'AQEBnonsense' };
      expect(await failure(remove(url, invalid))).toBe('ReceiptHandleIsInvalid');
      expect(await failure(change(url, invalid, 1))).toBe('ReceiptHandleIsInvalid');
    });

    it('is invalid for another queue', async () => {
      const [url, other] = [await cloud.queue(), await cloud.queue()];
      await cloud.send(url, 'x');
      const message = await cloud.receiveOne(url);
      expect(await failure(remove(other, message))).toBe('ReceiptHandleIsInvalid');
    });
  });

  describe('ChangeMessageVisibility', () => {
    it('hides a message longer, counted from now', async (test) => {
      const url = await cloud.queue({ VisibilityTimeout: '2' });
      await cloud.send(url, 'x');
      const message = await cloud.receiveOne(url);
      await cloud.pass(1, test);
      await change(url, message, 3);
      await cloud.pass(2, test);
      expect(await cloud.receive(url)).toEqual([]);
      await cloud.pass(1, test);
      expect(await cloud.receiveOne(url)).toBeDefined();
    });

    it('to 0 shows a message at once', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '300' });
      await cloud.send(url, 'x');
      await change(url, await cloud.receiveOne(url), 0);
      expect((await cloud.receiveOne(url)).Attributes?.ApproximateReceiveCount).toBe('2');
    });

    it('is refused for a message that is not in flight', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '300' });
      await cloud.send(url, 'x');
      const message = await cloud.receiveOne(url);
      await change(url, message, 0);
      expect(await failure(change(url, message, 5))).toBe('AWS.SimpleQueueService.MessageNotInflight');
    });

    it('is refused for a message that was deleted', async () => {
      const url = await cloud.queue();
      await cloud.send(url, 'x');
      const message = await cloud.receiveOne(url);
      await remove(url, message);
      expect(await failure(change(url, message, 5))).toBe('InvalidParameterValue');
    });

    it('does nothing for the handle of an earlier receive', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '0' });
      await cloud.send(url, 'x');
      const stale = await cloud.receiveOne(url);
      await cloud.receiveOne(url, { VisibilityTimeout: 300 });
      // Whether the request itself succeeds is not documented.
      await change(url, stale, 0).catch(() => {});
      expect(await cloud.receive(url)).toEqual([]);
    });

    it.each([-1, 43_201])('to %i seconds is refused', async (seconds) => {
      const url = await cloud.queue();
      await cloud.send(url, 'x');
      expect(await failure(change(url, await cloud.receiveOne(url), seconds))).toBe('InvalidParameterValue');
    });

    it('cannot hide a message longer than twelve hours from its receive', async (test) => {
      const url = await cloud.queue({ VisibilityTimeout: String(2 * HOUR_SECONDS) });
      await cloud.send(url, 'x');
      const message = await cloud.receiveOne(url);
      await cloud.pass(HOUR_SECONDS, test);
      await change(url, message, 11 * HOUR_SECONDS - 60);
      expect(await failure(change(url, message, 11 * HOUR_SECONDS + 60))).toBe('InvalidParameterValue');
    });
  });

  describe('a long poll', () => {
    it('answers at once when there is a message', async () => {
      const url = await cloud.queue();
      await cloud.send(url, 'x');
      expect(await cloud.receive(url, { WaitTimeSeconds: 20 })).toHaveLength(1);
    });

    it('answers when a message is sent', async () => {
      const url = await cloud.queue();
      const poll = cloud.receive(url, { WaitTimeSeconds: 20 });
      await cloud.send(url, 'x');
      expect(await poll).toHaveLength(1);
    });

    it('answers when a hidden message becomes visible', async () => {
      const url = await cloud.queue();
      await cloud.send(url, 'x');
      await cloud.receiveOne(url, { VisibilityTimeout: 1 });
      expect(await cloud.receive(url, { WaitTimeSeconds: 20 })).toHaveLength(1);
    });

    it('answers when a message is shown again', async () => {
      const url = await cloud.queue({ VisibilityTimeout: '300' });
      await cloud.send(url, 'x');
      const message = await cloud.receiveOne(url);
      const poll = cloud.receive(url, { WaitTimeSeconds: 20 });
      await change(url, message, 0);
      expect(await poll).toHaveLength(1);
    });

    it('answers nothing when its time is over', async () => {
      expect(await cloud.receive(await cloud.queue(), { WaitTimeSeconds: 1 })).toEqual([]);
    });

    it('is the default of a queue that says so', async () => {
      const url = await cloud.queue({ ReceiveMessageWaitTimeSeconds: '20' });
      const poll = cloud.receive(url);
      await cloud.send(url, 'x');
      expect(await poll).toHaveLength(1);
    });

    it('hands each message to one poll only', async () => {
      const url = await cloud.queue();
      const polls = Array.from({ length: 3 }, () => cloud.receive(url, { WaitTimeSeconds: 20 }));
      for (const body of ['one', 'two', 'three']) await cloud.send(url, body);
      const bodies = (await Promise.all(polls)).map(([message]) => message?.Body).sort();
      expect(bodies).toEqual(['one', 'three', 'two']);
    });

    it('that the client gave up takes no message', async () => {
      const url = await cloud.queue();
      const client = new AbortController();
      const poll = cloud.client.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }), {
        abortSignal: client.signal,
      });
      client.abort();
      await failure(poll);
      await cloud.send(url, 'x');
      expect((await cloud.receiveOne(url)).Attributes?.ApproximateReceiveCount).toBe('1');
    });
  });

  describe('a queue with as many messages in flight as it may have', () => {
    const fill = async (limit: number) => {
      const url = await cloud.queue({ VisibilityTimeout: '300' });
      for (let index = 0; index <= limit; index++) await cloud.send(url, String(index));
      const received: Message[] = [];
      while (received.length < limit)
        received.push(...(await cloud.receive(url, { MaxNumberOfMessages: 10 })));
      return { url, received };
    };

    it('refuses a short poll', async (test) => {
      const { url } = await fill(cloud.inFlightLimit(test));
      expect(await failure(cloud.receive(url))).toBe('OverLimit');
    });

    it('stays silent under a long poll', async (test) => {
      const { url } = await fill(cloud.inFlightLimit(test));
      expect(await cloud.receive(url, { WaitTimeSeconds: 1 })).toEqual([]);
    });

    it('goes on as soon as one of them is deleted', async (test) => {
      const { url, received } = await fill(cloud.inFlightLimit(test));
      const poll = cloud.receive(url, { WaitTimeSeconds: 20 });
      await remove(url, received[0] as Message);
      expect(await poll).toHaveLength(1);
    });
  });
});
