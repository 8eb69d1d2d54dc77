import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { deadLetter, type JobHandler } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import { jobPartitionKey } from '../../../shared/jobs/record.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const definition = {
  type: 'ending',
  payload: z.object({ key: z.string() }),
  key: ({ key }: { key: string }) => key,
  schedule: schedule([10, 60]),
  timeoutSeconds: 20,
};
const job = defineJob(definition);
const cancellable = defineJob({ ...definition, cancellable: true });
type Handler = JobHandler<{ key: string }>;

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

const fails: Handler = async () => {
  throw new Error('failed');
};
const never: Handler = async () => {
  throw new Error('must not run');
};
const uncertain: Handler = async (_, { step }) => {
  await step(
    'charge',
    async () => {
      throw new Error('no answer');
    },
    { ifUncertain: deadLetter() },
  );
};

function expiring(key: string, seconds: number): string {
  const expirytime = new Date(lab.cloud.clock.now() + seconds * 1000).toISOString();
  return lab.message(job, { key }, { expirytime });
}

/** Sends other work under the key of a job that has ended. */
async function expectDeadLetterOf(consumer: InProcess<{ key: string }, { key: string }>, key: string) {
  consumer.send(lab.message(job, { key, other: 'work' }));
  await consumer.drain({ handler: never });
  expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  expect(consumer.count('DeadLettered')).toBe(1);
}

async function cancel(key: string): Promise<void> {
  await lab.dynamo.send(
    new UpdateCommand({
      TableName: tableName(STAGE, 'jobs'),
      Key: { pk: jobPartitionKey(job.type, key), sk: 'job' },
      UpdateExpression: 'SET cancelRequestedAtMs = :now',
      ExpressionAttributeValues: { ':now': lab.cloud.clock.now() },
    }),
  );
}

describe('a job past its expirytime', () => {
  it('never runs, is counted, and is no dead letter', async () => {
    const consumer = new InProcess(lab, job);
    consumer.send(expiring('late', 60));
    await lab.advance(60);
    await consumer.drain({ handler: never });
    expect(await consumer.record('late')).toMatchObject({ state: 'expired', attempts: 0 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(consumer.count('Expired')).toBe(1);
  });

  it('takes no other work under its key with it: that is a dead letter', async () => {
    const consumer = new InProcess(lab, job);
    consumer.send(expiring('reused late', -1));
    await consumer.drain({ handler: never });
    expect(await consumer.record('reused late')).toMatchObject({ state: 'expired' });
    await expectDeadLetterOf(consumer, 'reused late');
  });

  it('is not tried again', async () => {
    const consumer = new InProcess(lab, job);
    consumer.send(expiring('retry', 2));
    await consumer.deliver({ handler: fails });
    await consumer.drain({ handler: never });
    expect(await consumer.record('retry')).toMatchObject({ state: 'expired', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('is a dead letter when a step of it is uncertain', async () => {
    const consumer = new InProcess(lab, job);
    consumer.send(expiring('open', 2));
    await consumer.deliver({ handler: uncertain });
    await consumer.drain({ handler: never });
    expect(await consumer.record('open')).toMatchObject({
      state: 'dead',
      verdict: { code: 'EXPIRED_UNCERTAIN', message: expect.stringContaining('"charge"') },
    });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
    expect(consumer.count('Expired')).toBe(0);
  });

  it('that completed before is a duplicate', async () => {
    const consumer = new InProcess(lab, job);
    consumer.send(expiring('done', 60));
    await consumer.deliver({ handler: async () => 'ok' });
    consumer.send(expiring('done', -1));
    await consumer.drain({ handler: never });
    expect(await consumer.record('done')).toMatchObject({ state: 'completed' });
    expect(consumer.count('Duplicates')).toBe(1);
  });

  it('runs when it is received in time', async () => {
    const consumer = new InProcess(lab, job);
    consumer.send(expiring('in time', 60));
    await consumer.deliver({ handler: async () => 'ok' });
    expect(await consumer.record('in time')).toMatchObject({ state: 'completed' });
  });
});

describe('a cancelled job', () => {
  it('that waits for its next attempt never runs', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'waiting' });
    await consumer.deliver({ handler: fails });
    await cancel('waiting');
    await consumer.drain({ handler: never });
    expect(await consumer.record('waiting')).toMatchObject({ state: 'cancelled', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(consumer.count('Cancelled')).toBe(1);
  });

  it('does not swallow other work under its key: that is a dead letter', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'reused' });
    await consumer.deliver({ handler: fails });
    await cancel('reused');
    await consumer.drain({ handler: never });
    expect(await consumer.record('reused')).toMatchObject({ state: 'cancelled' });
    await expectDeadLetterOf(consumer, 'reused');
  });

  it('with an uncertain step is a dead letter', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'uncertain' });
    await consumer.deliver({ handler: uncertain });
    await cancel('uncertain');
    await consumer.drain({ handler: never });
    expect(await consumer.record('uncertain')).toMatchObject({
      state: 'dead',
      verdict: { code: 'CANCELLED_UNCERTAIN', message: expect.stringContaining('"charge"') },
    });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('that runs is aborted within seconds where its contract says so', async () => {
    const consumer = new InProcess(lab, cancellable);
    let reason: unknown;
    const handler: Handler = (_, { signal }) =>
      new Promise((_resolve, fail) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          fail(signal.reason);
        });
      });
    await consumer.publish({ key: 'running' });
    const delivered = consumer.deliver({ handler });
    await lab.until(async () => (await consumer.record('running'))?.state === 'running');
    await cancel('running');
    await delivered;
    expect(reason).toMatchObject({ code: 'CANCELLED' });
    expect(await consumer.record('running')).toMatchObject({ state: 'cancelled' });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('that completes all the same has completed', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'too late' });
    await consumer.deliver({
      handler: async () => {
        await cancel('too late');
        return 'done';
      },
    });
    expect(await consumer.record('too late')).toMatchObject({ state: 'completed', result: '"done"' });
  });

  it('whose process died is not run again', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'crashed' });
    void consumer.deliver({ handler: () => new Promise(() => {}), remainingSeconds: 30 }).catch(() => {});
    await lab.until(async () => (await consumer.record('crashed'))?.state === 'running');
    await cancel('crashed');
    await lab.advance(40);
    await consumer.drain({ handler: never });
    expect(await consumer.record('crashed')).toMatchObject({
      state: 'cancelled',
      history: [{ code: 'CRASHED' }],
    });
  });
});
