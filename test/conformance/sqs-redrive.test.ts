import {
  DeleteMessageCommand,
  ListDeadLetterSourceQueuesCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, SqsCloud } from './sqs-cloud.ts';

describe('SQS redrive policy', () => {
  let cloud: SqsCloud;
  beforeAll(async () => {
    cloud = await SqsCloud.open();
  });
  afterAll(() => cloud.close());

  const set = (QueueUrl: string, Attributes: Record<string, string>) =>
    cloud.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  const redriveTo = (deadLetterTargetArn: string, maxReceiveCount: unknown = 3) => ({
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }),
  });

  it('moves a message at the receive after the last that it allows', async () => {
    const { url, deadLetterUrl } = await cloud.pair(2);
    await cloud.send(url, 'x');
    await cloud.receiveOne(url);
    await cloud.receiveOne(url);
    expect((await cloud.attributes(deadLetterUrl)).ApproximateNumberOfMessages).toBe('0');
    expect(await cloud.receive(url)).toEqual([]);
    expect(await cloud.receiveOne(deadLetterUrl)).toMatchObject({ Body: 'x' });
  });

  it('moves a message with its id, its sent time and the ARN of where it was', async () => {
    const pair = await cloud.pair(1);
    const id = await cloud.send(pair.url, 'x');
    const before = await cloud.receiveOne(pair.url);
    expect(await cloud.receive(pair.url)).toEqual([]);
    const after = await cloud.receiveOne(pair.deadLetterUrl);
    expect(after.MessageId).toBe(id);
    expect(after.Attributes).toMatchObject({
      SentTimestamp: before.Attributes?.SentTimestamp,
      DeadLetterQueueSourceArn: pair.arn,
    });
    expect(before.Attributes).not.toHaveProperty('DeadLetterQueueSourceArn');
  });

  it('delivers the next message in place of one that it moved', async () => {
    const { url } = await cloud.pair(1);
    await cloud.send(url, 'bad');
    await cloud.receiveOne(url);
    await cloud.send(url, 'good');
    expect(await cloud.receiveOne(url)).toMatchObject({ Body: 'good' });
  });

  it('makes the receipt handles of a moved message worthless', async () => {
    const { url, deadLetterUrl } = await cloud.pair(1);
    await cloud.send(url, 'x');
    const { ReceiptHandle } = await cloud.receiveOne(url);
    expect(await cloud.receive(url)).toEqual([]);
    await cloud.client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
    expect(await cloud.receiveOne(deadLetterUrl)).toMatchObject({ Body: 'x' });
  });

  it("counts a dead letter's retention from when it was first sent", async (test) => {
    const { url, deadLetterUrl } = await cloud.pair(1, {}, { MessageRetentionPeriod: '120' });
    await cloud.send(url, 'x');
    await cloud.receiveOne(url);
    await cloud.pass(100, test);
    expect(await cloud.receive(url)).toEqual([]);
    expect((await cloud.attributes(deadLetterUrl)).ApproximateNumberOfMessages).toBe('1');
    await cloud.pass(21, test);
    expect((await cloud.attributes(deadLetterUrl)).ApproximateNumberOfMessages).toBe('0');
  });

  it('is answered as JSON with a number, also when it was set with a string', async () => {
    const { url, deadLetterArn } = await cloud.pair(1);
    await set(url, redriveTo(deadLetterArn, '7'));
    const { RedrivePolicy = '' } = await cloud.attributes(url);
    const policy = JSON.parse(RedrivePolicy);
    expect([policy.deadLetterTargetArn, Number(policy.maxReceiveCount)]).toEqual([deadLetterArn, 7]);
  });

  it('is removed by an empty string', async () => {
    const { url } = await cloud.pair(1);
    await set(url, { RedrivePolicy: '' });
    expect(await cloud.attributes(url)).not.toHaveProperty('RedrivePolicy');
  });

  it.each([0, 1001, 'many', 1.5])('refuses maxReceiveCount %j', async (maxReceiveCount) => {
    const { url, deadLetterArn } = await cloud.pair(1);
    expect(await failure(set(url, redriveTo(deadLetterArn, maxReceiveCount)))).toBe('InvalidParameterValue');
  });

  it('refuses a dead-letter queue that does not exist', async () => {
    const { url, deadLetterArn } = await cloud.pair(1);
    expect(await failure(set(url, redriveTo(`${deadLetterArn}-absent`)))).toBe('InvalidParameterValue');
  });

  it('refuses what is no ARN, no JSON or incomplete', async () => {
    const { url, deadLetterArn } = await cloud.pair(1);
    for (const RedrivePolicy of [
      'text',
      JSON.stringify({ maxReceiveCount: 1 }),
      JSON.stringify({ deadLetterTargetArn: deadLetterArn }),
      JSON.stringify({ deadLetterTargetArn: 'queue', maxReceiveCount: 1 }),
    ])
      expect(await failure(set(url, { RedrivePolicy }))).toBe('InvalidParameterValue');
  });

  it('lists the source queues of a dead-letter queue', async () => {
    const { url, deadLetterUrl } = await cloud.pair(1);
    const { queueUrls } = await cloud.client.send(
      new ListDeadLetterSourceQueuesCommand({ QueueUrl: deadLetterUrl }),
    );
    expect(queueUrls).toEqual([url]);
  });

  describe('under a redrive-allow policy', () => {
    const allowing = async (policy: object) => {
      const url = await cloud.queue({ RedriveAllowPolicy: JSON.stringify(policy) });
      return cloud.arn(url);
    };

    it('of denyAll cannot name the queue', async () => {
      const arn = await allowing({ redrivePermission: 'denyAll' });
      expect(await failure(set(await cloud.queue(), redriveTo(arn)))).toBe('InvalidParameterValue');
    });

    it('of allowAll can name the queue', async () => {
      const arn = await allowing({ redrivePermission: 'allowAll' });
      await set(await cloud.queue(), redriveTo(arn));
    });

    it('of byQueue can name the queue from the listed sources only', async () => {
      const [listed, other] = [await cloud.queue(), await cloud.queue()];
      const arn = await allowing({
        redrivePermission: 'byQueue',
        sourceQueueArns: [await cloud.arn(listed)],
      });
      await set(listed, redriveTo(arn));
      expect(await failure(set(other, redriveTo(arn)))).toBe('InvalidParameterValue');
    });

    it.each([
      ['an unknown permission', { redrivePermission: 'some' }],
      ['byQueue without sources', { redrivePermission: 'byQueue' }],
      [
        'more than ten sources',
        {
          redrivePermission: 'byQueue',
          sourceQueueArns: Array.from({ length: 11 }, (_, n) => `arn:aws:sqs:us-east-1:000000000000:q${n}`),
        },
      ],
      [
        'sources beside allowAll',
        { redrivePermission: 'allowAll', sourceQueueArns: ['arn:aws:sqs:us-east-1:000000000000:q'] },
      ],
    ])('which has %s is refused itself', async (_, policy) => {
      const url = await cloud.queue();
      expect(await failure(set(url, { RedriveAllowPolicy: JSON.stringify(policy) }))).toBe(
        'InvalidParameterValue',
      );
    });
  });
});
