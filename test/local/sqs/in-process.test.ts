import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { IN_FLIGHT_LIMIT_MESSAGES, type ReceivedMessage, type SqsEvent } from '../../../local/sqs/index.ts';
import { openSqs, pairOf, type SqsLab } from './sqs-lab.ts';

function queueIn({ sqs }: SqsLab, attributes = {}): string {
  sqs.createQueue('jobs', attributes);
  return sqs.arnOf('jobs');
}

async function receiveOne({ sqs }: SqsLab, arn: string): Promise<ReceivedMessage> {
  const [message] = await sqs.receive(arn, { maxMessages: 1 });
  if (message === undefined) throw new Error(`nothing to receive from ${arn}`);
  return message;
}

describe('SQS in process', () => {
  it('receives a message as a Lambda event holds it', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab);
    const messageId = lab.sqs.send(arn, {
      MessageBody: 'hello',
      MessageGroupId: 'tenant',
      MessageAttributes: {
        text: { DataType: 'String', StringValue: 'x' },
        bytes: { DataType: 'Binary', BinaryValue: 'AAE=' },
      },
    });
    expect(await receiveOne(lab, arn)).toEqual({
      messageId,
      receiptHandle: expect.any(String),
      body: 'hello',
      md5OfBody: '5d41402abc4b2a76b9719d911017c592',
      md5OfMessageAttributes: expect.any(String),
      attributes: {
        SenderId: '000000000000',
        SentTimestamp: expect.any(String),
        ApproximateReceiveCount: '1',
        ApproximateFirstReceiveTimestamp: expect.any(String),
        MessageGroupId: 'tenant',
      },
      messageAttributes: {
        text: { dataType: 'String', stringValue: 'x', stringListValues: [], binaryListValues: [] },
        bytes: { dataType: 'Binary', binaryValue: 'AAE=', stringListValues: [], binaryListValues: [] },
      },
    });
  });

  it('hands out messages in the order in which they became visible', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab);
    lab.sqs.send(arn, { MessageBody: 'second', DelaySeconds: 10 });
    lab.sqs.send(arn, { MessageBody: 'first', DelaySeconds: 5 });
    await lab.clock.advance(10_000);
    lab.sqs.send(arn, { MessageBody: 'third' });
    expect((await lab.sqs.receive(arn)).map(({ body }) => body)).toEqual(['first', 'second', 'third']);
  });

  it('receives more than the ten of the API, for the batches of a Lambda mapping', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab);
    for (let index = 0; index < 25; index++) lab.sqs.send(arn, { MessageBody: 'x' });
    expect(await lab.sqs.receive(arn, { maxMessages: 100 })).toHaveLength(25);
  });

  it('tells counts and ages', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab, { VisibilityTimeout: '300' });
    lab.sqs.send(arn, { MessageBody: 'in flight' });
    await receiveOne(lab, arn);
    await lab.clock.advance(60_000);
    lab.sqs.send(arn, { MessageBody: 'visible' });
    lab.sqs.send(arn, { MessageBody: 'delayed', DelaySeconds: 900 });
    await lab.clock.advance(10_000);
    const counts = lab.sqs.counts(arn);
    expect(counts).toMatchObject({ visible: 1, notVisible: 1, delayed: 1 });
    expect(Math.floor(counts.oldestAgeSeconds)).toBe(70);
    expect(Math.floor(counts.oldestVisibleAgeSeconds)).toBe(10);
  });

  it('leaves a message received three times out of the oldest age, as AWS does', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab, { VisibilityTimeout: '0' });
    lab.sqs.send(arn, { MessageBody: 'retried' });
    await lab.clock.advance(60_000);
    for (let receive = 1; receive <= 2; receive++) await receiveOne(lab, arn);
    expect(Math.floor(lab.sqs.counts(arn).oldestAgeSeconds)).toBe(60);
    await receiveOne(lab, arn);
    expect(lab.sqs.counts(arn).oldestAgeSeconds).toBe(0);
  });

  it('counts the oldest age of a dead-letter queue from the move', async () => {
    await using lab = openSqs();
    const { live, dead } = pairOf(lab, 1);
    lab.sqs.send(live, { MessageBody: 'x' });
    await receiveOne(lab, live);
    await lab.clock.advance(60_000);
    expect(await lab.sqs.receive(live)).toEqual([]);
    await lab.clock.advance(5_000);
    expect(Math.floor(lab.sqs.counts(dead).oldestAgeSeconds)).toBe(5);
  });

  it('tells when the next message becomes visible, for whoever skips idle time', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab);
    expect(lab.sqs.nextEventMs(arn)).toBeUndefined();
    lab.sqs.send(arn, { MessageBody: 'later', DelaySeconds: 900 });
    lab.sqs.send(arn, { MessageBody: 'now' });
    await lab.sqs.receive(arn, { visibilityTimeoutSeconds: 60 });
    const nextMs = lab.sqs.nextEventMs(arn) ?? 0;
    await lab.clock.advance(nextMs - lab.clock.now());
    expect(await receiveOne(lab, arn)).toMatchObject({ body: 'now' });
  });

  it('ignores stale receipt handles among those to delete', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab, { VisibilityTimeout: '0' });
    lab.sqs.send(arn, { MessageBody: 'x' });
    const stale = await receiveOne(lab, arn);
    const fresh = await receiveOne(lab, arn);
    lab.sqs.deleteMessages(arn, [stale.receiptHandle]);
    expect(lab.sqs.counts(arn).visible).toBe(1);
    lab.sqs.deleteMessages(arn, [stale.receiptHandle, fresh.receiptHandle]);
    expect(lab.sqs.counts(arn)).toMatchObject({ visible: 0, notVisible: 0 });
  });

  it('delivers a message twice when told to, and each copy is deleted by itself', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab);
    const messageId = lab.sqs.send(arn, { MessageBody: 'x' });
    const first = await receiveOne(lab, arn);
    lab.sqs.duplicate(arn, messageId);
    const second = await receiveOne(lab, arn);
    expect(second.messageId).toBe(messageId);
    lab.sqs.deleteMessages(arn, [first.receiptHandle]);
    expect(lab.sqs.counts(arn).notVisible).toBe(1);
    lab.sqs.deleteMessages(arn, [second.receiptHandle]);
    expect(() => lab.sqs.duplicate(arn, messageId)).toThrow(/holds no message/);
  });

  it('wakes a long poll with the second copy of a message', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab);
    const messageId = lab.sqs.send(arn, { MessageBody: 'x' });
    await receiveOne(lab, arn);
    const poll = lab.sqs.receive(arn, { waitSeconds: 20 });
    lab.sqs.duplicate(arn, messageId);
    expect(await poll).toHaveLength(1);
  });

  it('tells observers what happens to a message, after it is stored', async () => {
    await using lab = openSqs();
    const { live, dead } = pairOf(lab, 1);
    const events: SqsEvent[] = [];
    const leave = lab.sqs.observe((event) => events.push(event));
    const messageId = lab.sqs.send(live, { MessageBody: 'x' });
    lab.sqs.changeVisibility(live, (await receiveOne(lab, live)).receiptHandle, 0);
    await lab.sqs.receive(live);
    lab.sqs.deleteMessages(dead, [(await receiveOne(lab, dead)).receiptHandle]);
    leave();
    lab.sqs.send(live, { MessageBody: 'unseen' });
    expect(events.map(({ type, queueArn, receiveCount }) => [type, queueArn, receiveCount])).toEqual([
      ['sent', live, undefined],
      ['received', live, 1],
      ['visibility-changed', live, undefined],
      ['moved-to-dlq', live, 1],
      ['received', dead, 2],
      ['deleted', dead, undefined],
    ]);
    expect(new Set(events.map((event) => event.messageId))).toEqual(new Set([messageId]));
  });

  it('tells observers that a message expired', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab, { MessageRetentionPeriod: '60' });
    const messageId = lab.sqs.send(arn, { MessageBody: 'x' });
    const events: SqsEvent[] = [];
    lab.sqs.observe((event) => events.push(event));
    await lab.clock.advance(62_000);
    expect(lab.sqs.counts(arn).visible).toBe(0);
    expect(events).toMatchObject([{ type: 'expired', queueArn: arn, messageId }]);
  });

  it('lets a test refuse an operation', async () => {
    await using lab = openSqs();
    const arn = queueIn(lab);
    lab.sqs.send(arn, { MessageBody: 'x' });
    const { receiptHandle } = await receiveOne(lab, arn);
    lab.sqs.intercept = (operation) => {
      if (operation === 'DeleteMessageBatch') throw new AwsError('InternalFailure', 'made to fail', 500);
    };
    expect(() => lab.sqs.deleteMessages(arn, [receiptHandle])).toThrow('made to fail');
    lab.sqs.intercept = undefined;
    lab.sqs.deleteMessages(arn, [receiptHandle]);
    expect(lab.sqs.counts(arn).notVisible).toBe(0);
  });

  it('keeps a message that the dead-letter queue cannot take, and goes on delivering it', async () => {
    await using lab = openSqs();
    const { live } = pairOf(lab, 1);
    lab.sqs.send(live, { MessageBody: 'x' });
    await lab.sqs.receive(live, { visibilityTimeoutSeconds: 0 });
    const [denyAll] = lab.sqs.providers().filter(({ type }) => type === 'AWS::SQS::Queue');
    denyAll?.provision(
      { QueueName: 'dead', RedriveAllowPolicy: { redrivePermission: 'denyAll' } },
      {
        stackName: 'Test',
        logicalId: 'Dead',
        metadata: {},
        generatedName: () => 'unused',
        assetDirectory: () => 'unused',
      },
    );
    expect((await receiveOne(lab, live)).attributes.ApproximateReceiveCount).toBe('2');
  });

  it('stays truthful about counts when a write fails in the middle of a batch', async () => {
    await using lab = openSqs();
    const { live, dead } = pairOf(lab, 1);
    for (const body of ['bad', 'good']) lab.sqs.send(live, { MessageBody: body });
    await lab.sqs.receive(live, { visibilityTimeoutSeconds: 0 });
    lab.context.store.db.exec(
      `CREATE TRIGGER fail_moves BEFORE INSERT ON sqs_messages WHEN NEW.sourceArn IS NOT NULL AND NEW.body = 'good'
       BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
    );
    await expect(lab.sqs.receive(live)).rejects.toThrow('disk full');
    expect(lab.sqs.counts(live)).toMatchObject({ visible: 2, notVisible: 0 });
    expect(lab.sqs.counts(dead)).toMatchObject({ visible: 0 });
    lab.context.store.db.exec('DROP TRIGGER fail_moves');
    await lab.sqs.receive(live);
    expect(lab.sqs.counts(dead)).toMatchObject({ visible: 2 });
  });

  it("holds to AWS's limit of messages in flight unless told otherwise", () => {
    expect(IN_FLIGHT_LIMIT_MESSAGES).toBe(120_000);
  });
});
