import {
  CancelMessageMoveTaskCommand,
  DeleteQueueCommand,
  ListMessageMoveTasksCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
  type StartMessageMoveTaskCommandInput,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, SqsCloud } from './sqs-cloud.ts';

describe('SQS message-move tasks', () => {
  let cloud: SqsCloud;
  beforeAll(async () => {
    cloud = await SqsCloud.open();
  });
  afterAll(() => cloud.close());

  const start = (SourceArn: string, options: Partial<StartMessageMoveTaskCommandInput> = {}) =>
    cloud.client.send(new StartMessageMoveTaskCommand({ SourceArn, ...options }));
  const cancel = (TaskHandle: string | undefined) =>
    cloud.client.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
  const list = async (SourceArn: string, MaxResults?: number) =>
    (await cloud.client.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults }))).Results ?? [];
  const waiting = async (url: string) => Number((await cloud.attributes(url)).ApproximateNumberOfMessages);

  it('take dead letters back to the queue that they came from', async () => {
    const pair = await cloud.pair(1);
    await cloud.deadLetter(pair, 'x');
    await start(pair.deadLetterArn);
    expect(await cloud.endedTask(pair.deadLetterArn)).toMatchObject({
      Status: 'COMPLETED',
      SourceArn: pair.deadLetterArn,
      ApproximateNumberOfMessagesMoved: 1,
      ApproximateNumberOfMessagesToMove: 1,
      StartedTimestamp: expect.any(Number),
    });
    expect(await waiting(pair.deadLetterUrl)).toBe(0);
    expect(await cloud.receiveOne(pair.url)).toMatchObject({ Body: 'x' });
  });

  it('take the dead letters of several queues each to its own', async () => {
    const pair = await cloud.pair(1);
    const policy = { deadLetterTargetArn: pair.deadLetterArn, maxReceiveCount: 1 };
    const other = await cloud.queue({ VisibilityTimeout: '0', RedrivePolicy: JSON.stringify(policy) });
    await cloud.deadLetter(pair, 'one');
    await cloud.deadLetter({ ...pair, url: other }, 'two');
    await start(pair.deadLetterArn);
    expect(await cloud.endedTask(pair.deadLetterArn)).toMatchObject({ ApproximateNumberOfMessagesMoved: 2 });
    expect(await cloud.receiveOne(pair.url)).toMatchObject({ Body: 'one' });
    expect(await cloud.receiveOne(other)).toMatchObject({ Body: 'two' });
  });

  it('make each message a new one: other id, later sent time, receives counted anew', async (test) => {
    const pair = await cloud.pair(1);
    const id = await cloud.send(pair.url, 'x');
    const before = await cloud.receiveOne(pair.url);
    expect(await cloud.receive(pair.url)).toEqual([]);
    await cloud.pass(2, test);
    await start(pair.deadLetterArn);
    await cloud.endedTask(pair.deadLetterArn);
    const after = await cloud.receiveOne(pair.url);
    expect(after.MessageId).not.toBe(id);
    expect(Number(after.Attributes?.SentTimestamp)).toBeGreaterThan(Number(before.Attributes?.SentTimestamp));
    expect(after.Attributes?.ApproximateReceiveCount).toBe('1');
    expect(after.Attributes).not.toHaveProperty('DeadLetterQueueSourceArn');
  });

  it('keep body, message attributes and message group', async () => {
    const pair = await cloud.pair(1);
    const MessageAttributes = { a: { DataType: 'String', StringValue: 'b' } };
    await cloud.client.send(
      new SendMessageCommand({
        QueueUrl: pair.url,
        MessageBody: 'x',
        MessageAttributes,
        MessageGroupId: 'g',
      }),
    );
    await cloud.receiveOne(pair.url);
    expect(await cloud.receive(pair.url)).toEqual([]);
    await start(pair.deadLetterArn);
    await cloud.endedTask(pair.deadLetterArn);
    expect(await cloud.receiveOne(pair.url, { MessageAttributeNames: ['All'] })).toMatchObject({
      Body: 'x',
      MessageAttributes,
      Attributes: { MessageGroupId: 'g' },
    });
  });

  it('move to another queue when one is named, whatever the messages came from', async () => {
    const pair = await cloud.pair(1);
    const elsewhere = await cloud.queue();
    await cloud.send(pair.deadLetterUrl, 'sent straight to the dead letters');
    await start(pair.deadLetterArn, { DestinationArn: await cloud.arn(elsewhere) });
    expect(await cloud.endedTask(pair.deadLetterArn)).toMatchObject({
      Status: 'COMPLETED',
      DestinationArn: await cloud.arn(elsewhere),
    });
    expect(await waiting(elsewhere)).toBe(1);
  });

  it('fail on a message that was sent straight to the dead-letter queue', async () => {
    const pair = await cloud.pair(1);
    await cloud.send(pair.deadLetterUrl, 'x');
    await start(pair.deadLetterArn);
    expect(await cloud.endedTask(pair.deadLetterArn)).toMatchObject({
      Status: 'FAILED',
      FailureReason: 'CouldNotDetermineMessageSource',
      ApproximateNumberOfMessagesMoved: 0,
    });
    expect(await waiting(pair.deadLetterUrl)).toBe(1);
  });

  it('fail when the destination is deleted meanwhile', async () => {
    const pair = await cloud.pair(1);
    const elsewhere = await cloud.queue();
    for (const body of ['one', 'two', 'three']) await cloud.deadLetter(pair, body);
    await start(pair.deadLetterArn, {
      DestinationArn: await cloud.arn(elsewhere),
      MaxNumberOfMessagesPerSecond: 1,
    });
    await cloud.client.send(new DeleteQueueCommand({ QueueUrl: elsewhere }));
    expect(await cloud.endedTask(pair.deadLetterArn)).toMatchObject({
      Status: 'FAILED',
      FailureReason: 'AWS.SimpleQueueService.NonExistentQueue',
    });
  });

  it('leave messages in flight where they are', async () => {
    const pair = await cloud.pair(1);
    for (const body of ['one', 'two']) await cloud.deadLetter(pair, body);
    await cloud.receiveOne(pair.deadLetterUrl, { VisibilityTimeout: 300 });
    await start(pair.deadLetterArn);
    expect(await cloud.endedTask(pair.deadLetterArn)).toMatchObject({ ApproximateNumberOfMessagesMoved: 1 });
  });

  it('move no faster than they were told', async (test) => {
    if (cloud.kind !== 'embedded') test.skip('rates can be told apart only where the clock can be moved');
    const pair = await cloud.pair(1);
    for (let index = 0; index < 12; index++) await cloud.deadLetter(pair, String(index));
    await start(pair.deadLetterArn, { MaxNumberOfMessagesPerSecond: 5 });
    await cloud.pass(1.05, test);
    expect(await waiting(pair.url)).toBe(5);
    await cloud.pass(1, test);
    expect(await list(pair.deadLetterArn)).toMatchObject([
      {
        Status: 'RUNNING',
        MaxNumberOfMessagesPerSecond: 5,
        ApproximateNumberOfMessagesMoved: 10,
        ApproximateNumberOfMessagesToMove: 12,
        TaskHandle: expect.any(String),
      },
    ]);
    expect(await cloud.endedTask(pair.deadLetterArn)).toMatchObject({ ApproximateNumberOfMessagesMoved: 12 });
  });

  it('stop when cancelled, and leave the messages that have not moved', async () => {
    const pair = await cloud.pair(1);
    for (const body of ['one', 'two', 'three', 'four']) await cloud.deadLetter(pair, body);
    const { TaskHandle } = await start(pair.deadLetterArn, { MaxNumberOfMessagesPerSecond: 1 });
    const { ApproximateNumberOfMessagesMoved = 0 } = await cancel(TaskHandle);
    expect(ApproximateNumberOfMessagesMoved).toBeLessThan(4);
    const ended = await cloud.endedTask(pair.deadLetterArn);
    expect(ended.Status).toBe('CANCELLED');
    expect(ended.TaskHandle).toBeUndefined();
    expect(await waiting(pair.deadLetterUrl)).toBeGreaterThan(0);
  });

  it('run one at a time for a queue', async () => {
    const pair = await cloud.pair(1);
    for (const body of ['one', 'two', 'three']) await cloud.deadLetter(pair, body);
    await start(pair.deadLetterArn, { MaxNumberOfMessagesPerSecond: 1 });
    expect(await failure(start(pair.deadLetterArn))).toBe('InvalidParameterValue');
    await cloud.endedTask(pair.deadLetterArn);
    await start(pair.deadLetterArn);
  });

  it('are listed newest first, one unless more are asked for', async () => {
    const pair = await cloud.pair(1);
    await cloud.deadLetter(pair, 'x');
    await start(pair.deadLetterArn, { MaxNumberOfMessagesPerSecond: 100 });
    await cloud.endedTask(pair.deadLetterArn);
    await start(pair.deadLetterArn, { MaxNumberOfMessagesPerSecond: 200 });
    await cloud.endedTask(pair.deadLetterArn);
    expect(await list(pair.deadLetterArn)).toHaveLength(1);
    const both = await list(pair.deadLetterArn, 10);
    expect(both.map((task) => task.MaxNumberOfMessagesPerSecond)).toEqual([200, 100]);
  });

  it('start only from a dead-letter queue', async () => {
    const url = await cloud.queue();
    expect(await failure(start(await cloud.arn(url)))).toBe('InvalidParameterValue');
  });

  it('start only between queues that exist', async () => {
    const { deadLetterArn } = await cloud.pair(1);
    expect(await failure(start(`${deadLetterArn}-absent`))).toBe('ResourceNotFoundException');
    expect(await failure(start(deadLetterArn, { DestinationArn: `${deadLetterArn}-absent` }))).toBe(
      'ResourceNotFoundException',
    );
    expect(await failure(list(`${deadLetterArn}-absent`))).toBe('ResourceNotFoundException');
  });

  it.each([0, 501])('start only at 1 to 500 messages a second, not %i', async (perSecond) => {
    const { deadLetterArn } = await cloud.pair(1);
    expect(await failure(start(deadLetterArn, { MaxNumberOfMessagesPerSecond: perSecond }))).toBe(
      'InvalidParameterValue',
    );
  });

  it('are cancelled by their own handle only, and while they run', async () => {
    const pair = await cloud.pair(1);
    expect(await failure(cancel('nonsense'))).toBe('InvalidParameterValue');
    const { TaskHandle } = await start(pair.deadLetterArn);
    await cloud.endedTask(pair.deadLetterArn);
    expect(await failure(cancel(TaskHandle))).toBe('ResourceNotFoundException');
  });
});
