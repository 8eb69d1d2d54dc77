import { describe, expect, it } from 'vitest';
import { type CloudWatchLab, MINUTE_MS, openCloudWatch } from './cloudwatch-lab.ts';

/** The value of a queue's metric in the minute that ended last. */
function latest({ cloudwatch, clock }: CloudWatchLab, QueueName: string, metricName: string) {
  const toMs = Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS;
  const identity = { namespace: 'AWS/SQS', metricName, dimensions: { QueueName } };
  const found = cloudwatch.metrics.read(identity, toMs - MINUTE_MS, toMs);
  return found.sampleCount === 0 ? undefined : found.maximum;
}

describe('the metrics of a queue', () => {
  it('are sampled each minute: what waits, runs and is delayed, and how old the oldest is', async () => {
    await using lab = await openCloudWatch();
    const { sqs, clock } = lab;
    sqs.createQueue('mail');
    const arn = sqs.arnOf('mail');
    for (const MessageBody of ['one', 'two', 'three']) sqs.send(arn, { MessageBody });
    sqs.send(arn, { MessageBody: 'later', DelaySeconds: 900 });
    await sqs.receive(arn, { maxMessages: 1, visibilityTimeoutSeconds: 3600 });
    await clock.advance(2 * MINUTE_MS);
    expect(latest(lab, 'mail', 'ApproximateNumberOfMessagesVisible')).toBe(2);
    expect(latest(lab, 'mail', 'ApproximateNumberOfMessagesNotVisible')).toBe(1);
    expect(latest(lab, 'mail', 'ApproximateNumberOfMessagesDelayed')).toBe(1);
    expect(latest(lab, 'mail', 'ApproximateAgeOfOldestMessage')).toBeGreaterThanOrEqual(119);
  });

  it('count what was sent, received and deleted, each in its minute', async () => {
    await using lab = await openCloudWatch();
    const { sqs, clock } = lab;
    sqs.createQueue('mail');
    const arn = sqs.arnOf('mail');
    sqs.send(arn, { MessageBody: 'one' });
    sqs.send(arn, { MessageBody: 'two' });
    const [message] = await sqs.receive(arn, { maxMessages: 1 });
    sqs.deleteMessages(arn, [message?.receiptHandle ?? '']);
    await clock.advance(MINUTE_MS);
    const names = ['NumberOfMessagesSent', 'NumberOfMessagesReceived', 'NumberOfMessagesDeleted'];
    expect(names.map((name) => latest(lab, 'mail', name))).toEqual([2, 1, 1]);
    await clock.advance(MINUTE_MS);
    expect(names.map((name) => latest(lab, 'mail', name))).toEqual([0, 0, 0]);
  });

  it('show a move by the redrive policy as visible in the dead-letter queue, and not as sent there', async () => {
    await using lab = await openCloudWatch();
    const { sqs, clock } = lab;
    sqs.createQueue('dead');
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: sqs.arnOf('dead'), maxReceiveCount: 1 });
    sqs.createQueue('mail', { RedrivePolicy });
    const arn = sqs.arnOf('mail');
    // The dead-letter queue has been silent for so long that it is sampled no more.
    await clock.advance(7 * 60 * MINUTE_MS);
    sqs.send(arn, { MessageBody: 'poison' });
    for (const _ of ['first', 'second']) await sqs.receive(arn, { visibilityTimeoutSeconds: 0 });
    await clock.advance(MINUTE_MS);
    expect(latest(lab, 'dead', 'ApproximateNumberOfMessagesVisible')).toBe(1);
    expect(latest(lab, 'dead', 'NumberOfMessagesSent')).toBe(0);
  });

  it('end six hours after the last thing that happened to an empty queue, and the clock is left alone', async () => {
    await using lab = await openCloudWatch();
    const { sqs, clock } = lab;
    sqs.createQueue('mail');
    await clock.advance(5 * 60 * MINUTE_MS);
    expect(latest(lab, 'mail', 'ApproximateNumberOfMessagesVisible')).toBe(0);
    await clock.advance(2 * 60 * MINUTE_MS);
    expect(latest(lab, 'mail', 'ApproximateNumberOfMessagesVisible')).toBeUndefined();
    const timers = lab.timersSet();
    await clock.advance(24 * 60 * MINUTE_MS);
    expect(lab.timersSet()).toBe(timers);
    sqs.send(sqs.arnOf('mail'), { MessageBody: 'one' });
    await clock.advance(MINUTE_MS);
    expect(latest(lab, 'mail', 'ApproximateNumberOfMessagesVisible')).toBe(1);
  });
});
