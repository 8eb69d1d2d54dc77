import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { Consumer } from 'sqs-consumer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunningClock } from '../../local/kernel/clock.ts';
import { Sqs } from '../../local/sqs/index.ts';
import { serveRooms } from '../local/serve-rooms.ts';

/** As the package's own README has it; nothing in it knows that this is no AWS. */
describe('sqs-consumer', () => {
  let cloud: Awaited<ReturnType<typeof serve>>;
  let sqs: SQSClient;
  let queueUrl: string;
  const serve = () => serveRooms((context) => ({ sqs: new Sqs(context) }), { clock: new RunningClock() });

  beforeEach(async () => {
    cloud = await serve();
    sqs = new SQSClient(cloud.client);
    const made = await sqs.send(
      new CreateQueueCommand({ QueueName: 'consumed', Attributes: { VisibilityTimeout: '30' } }),
    );
    queueUrl = made.QueueUrl ?? '';
  });
  afterEach(async () => {
    sqs.destroy();
    await cloud.stop();
  });

  const send = async (...bodies: string[]): Promise<void> => {
    const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  };
  const left = async (): Promise<unknown> => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: queueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return [Attributes?.ApproximateNumberOfMessages, Attributes?.ApproximateNumberOfMessagesNotVisible].map(
      Number,
    );
  };
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((turn) => setTimeout(turn, 10));
  };

  /** Stopping aborts a long poll, which is told as an error. */
  const quietly = (): void => {};

  it('receives by long poll, handles and deletes', async () => {
    const handled: string[] = [];
    const consumer = Consumer.create({
      queueUrl,
      sqs,
      batchSize: 10,
      handleMessage: async ({ Body = '', ...message }) => {
        handled.push(Body);
        return { Body, ...message };
      },
    });
    consumer.on('error', quietly);
    consumer.start();
    await send('one', 'two', 'three');
    await until(async () => handled.length === 3 && JSON.stringify(await left()) === '[0,0]');
    consumer.stop({ abort: true });
    expect(handled.sort()).toEqual(['one', 'three', 'two']);
  });

  it('shows a failed message again at once where it is told to, and leaves it hidden where not', async () => {
    const receives: number[] = [];
    const errors: string[] = [];
    const consumer = Consumer.create({
      queueUrl,
      sqs,
      terminateVisibilityTimeout: true,
      messageSystemAttributeNames: ['ApproximateReceiveCount'],
      handleMessage: async (message) => {
        receives.push(Number(message.Attributes?.ApproximateReceiveCount));
        if (receives.length < 3) throw new Error('not yet');
        return message;
      },
    });
    consumer.on('processing_error', ({ message }) => errors.push(message));
    consumer.on('error', ({ message }) => errors.push(message));
    consumer.start();
    await send('stubborn');
    await until(async () => receives.length === 3 && JSON.stringify(await left()) === '[0,0]');
    consumer.stop({ abort: true });
    expect(receives).toEqual([1, 2, 3]);
    expect(errors).toHaveLength(2);
  });

  it('keeps a message hidden by its heartbeat while it is handled', async () => {
    let handled = 0;
    const consumer = Consumer.create({
      queueUrl,
      sqs,
      visibilityTimeout: 2,
      heartbeatInterval: 1,
      handleMessage: async (message) => {
        handled++;
        await new Promise((turn) => setTimeout(turn, 3500));
        return message;
      },
    });
    consumer.on('error', quietly);
    consumer.start();
    await send('slow');
    await until(() => handled > 0);
    await until(async () => JSON.stringify(await left()) === '[0,0]');
    consumer.stop({ abort: true });
    expect(handled).toBe(1);
  });
});
