import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { cancelJob } from '../../../shared/client/cancel.ts';
import { queueUrlsOfStage } from '../../../shared/client/queue-urls.ts';
import { type JobReference, type JobReport, status } from '../../../shared/client/status.ts';
import { deadLetter, PermanentError, RetryAfter } from '../../../shared/consumer/index.ts';
import { Started } from '../../../shared/consumer/started.ts';
import { StepResults } from '../../../shared/consumer/step-results.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';
import { probe } from '../../lab/probe/contract.ts';

const told = defineJob({
  type: 'told',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([30, 30]),
});

let lab: Lab;
let consumer: InProcess<{ key: string }, { key: string }>;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
  consumer = new InProcess(lab, told);
});
afterAll(() => lab.stop());

const now = (): number => lab.cloud.clock.now();

async function look(reference: JobReference) {
  return status(reference, { lookup: lab.lookup, sqs: lab.sqs, stage: STAGE, types: ['probe', 'told'], now });
}

/** The one report of a job. */
async function reportOf(key: string): Promise<JobReport> {
  const { reports } = await look({ type: told.type, key });
  expect(reports).toHaveLength(1);
  return reports[0] as JobReport;
}

const fails = async (): Promise<never> => {
  throw new Error('the provider is down');
};

/** A run that lasts until the test ends it. */
async function startRun(key: string) {
  const end = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  await consumer.publish({ key });
  const delivery = consumer.deliver({
    handler: async (_, { step }) => {
      await step(
        'call',
        async () => {
          started.resolve();
          await end.promise;
        },
        { ifUncertain: deadLetter() },
      );
    },
  });
  await started.promise;
  return {
    end: async () => {
      end.resolve();
      await delivery;
    },
  };
}

describe('the status of a job without a record', () => {
  it('is unknown, and says so, where nothing lies on its queues that it could be', async () => {
    const nothing = { state: 'unknown', onQueues: 0, deadLetters: 0, duplicateOfForgotten: false };
    expect(await look({ type: 'probe', key: 'nobody' })).toEqual({ reports: [], noRecord: nothing });
    expect(await look({ jobId: 'nobody' })).toEqual({ reports: [], noRecord: nothing });
  });

  it('is waiting or unknown where a message lies on its queue, which SQS finds by no key', async () => {
    const QueueUrl = await queueUrlsOfStage(lab.sqs, STAGE)('probe');
    const MessageBody = lab.message(probe, { key: 'waits', acts: ['return'] }, { id: 'id-waits' });
    await lab.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, DelaySeconds: 60 }));
    const { noRecord } = await look({ jobId: 'id-waits' });
    expect(noRecord).toMatchObject({ state: 'waiting-or-unknown', onQueues: 1, deadLetters: 0 });
    expect((await look({ type: 'told', key: 'waits' })).noRecord?.state).toBe('unknown');
    await lab.drain();
    expect((await look({ jobId: 'id-waits' })).reports).toMatchObject([{ status: { state: 'completed' } }]);
  });

  it('points to the dead letters, since what was rejected has none', async () => {
    await lab.send(probe, 'no JSON');
    await lab.drain();
    const { noRecord } = await look({ jobId: 'rejected' });
    expect(noRecord).toMatchObject({ state: 'waiting-or-unknown', onQueues: 0, deadLetters: 1 });
  });
});

describe('the status of a job', () => {
  it('is running since its attempt began, with the step that it is in', async () => {
    const beforeMs = now();
    const run = await startRun('runs');
    const { status: found, steps } = await reportOf('runs');
    expect(found).toMatchObject({ state: 'running', attempt: 1 });
    expect(found.state === 'running' && found.sinceMs).toBeGreaterThanOrEqual(beforeMs);
    expect(steps).toMatchObject([{ name: 'call', state: 'under-way' }]);
    await run.end();
  });

  it('is never running for ever: after the lease it is crashed, and its step uncertain', async () => {
    const run = await startRun('crashes');
    await lab.advance(70);
    const { status: found, steps } = await reportOf('crashes');
    expect(found).toMatchObject({ state: 'crashed', attempt: 1 });
    expect(steps).toMatchObject([{ name: 'call', state: 'uncertain' }]);
    await consumer.drain({ handler: async () => {} });
    await run.end();
    expect((await reportOf('crashes')).record.history).toMatchObject([{ attempt: 1, code: 'CRASHED' }]);
  });

  it('is backing off after a failed attempt, and due once its time has come', async () => {
    await consumer.publish({ key: 'fails' });
    await consumer.deliver({ handler: fails });
    const { status: found, record } = await reportOf('fails');
    expect(found).toEqual({ state: 'backing-off', untilMs: record.notBeforeMs, failedAttempts: 1 });
    await lab.advance(31);
    expect((await reportOf('fails')).status).toEqual({
      state: 'due',
      sinceMs: record.notBeforeMs,
      failedAttempts: 1,
    });
    await consumer.drain({ handler: async () => {} });
  });

  it('is deferred with its reason, and due when later has come', async () => {
    await consumer.publish({ key: 'later' });
    await consumer.deliver({
      handler: async () => {
        throw new RetryAfter(60, 'rate limited');
      },
    });
    const { status: found, record } = await reportOf('later');
    expect(found).toEqual({
      state: 'deferred',
      untilMs: record.notBeforeMs,
      because: 'rate limited',
      deferrals: 1,
    });
    await lab.advance(61);
    expect((await reportOf('later')).status).toMatchObject({ state: 'due', failedAttempts: 0 });
    await consumer.drain({ handler: async () => {} });
  });

  it('is completed with its result and the results of its steps; one in S3 is named', async () => {
    const s3 = new S3Client({
      endpoint: lab.cloud.endpoint,
      region: lab.cloud.region,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
      forcePathStyle: true,
    });
    await s3.send(new CreateBucketCommand({ Bucket: 'large-results' }));
    await consumer.publish({ key: 'done' });
    await consumer.deliver({
      runtime: { results: new StepResults('large-results', async () => s3) },
      handler: async (_, { step }) => {
        await step('small', async () => ({ id: 7 }), { ifUncertain: deadLetter() });
        await step('large', async () => 'x'.repeat(300_000), { ifUncertain: deadLetter() });
        return { receipt: 'r-1' };
      },
    });
    s3.destroy();
    const { status: found, steps } = await reportOf('done');
    expect(found).toMatchObject({ state: 'completed', result: { receipt: 'r-1' } });
    expect(steps).toMatchObject([
      { name: 'large', state: 'done', resultObject: expect.stringMatching(/^step-results\/told\/.+/) },
      { name: 'small', state: 'done', result: '{"id":7}' },
    ]);
  });

  it('is started while an execution carries it', async () => {
    await consumer.publish({ key: 'staged' });
    await consumer.deliver({ handler: async () => new Started('arn:execution:1', 0, 60) });
    const { status: found, record } = await reportOf('staged');
    expect(found).toEqual({
      state: 'started',
      sinceMs: record.startedAtMs,
      executionArn: 'arn:execution:1',
    });
  });

  it('is told under a duplicate’s own id as that of the job it was one of', async () => {
    await consumer.publishOne({ key: 'twice' }, { id: 'id-first' });
    await consumer.deliver({ handler: async () => 'once' });
    await consumer.publishOne({ key: 'twice' }, { id: 'id-second' });
    await consumer.deliver({ handler: async () => 'again' });
    const first = (await look({ jobId: 'id-first' })).reports;
    const second = (await look({ jobId: 'id-second' })).reports;
    expect(first).toMatchObject([{ status: { state: 'completed', result: 'once' } }]);
    expect(first[0]).not.toHaveProperty('duplicateOf');
    expect(second).toEqual([{ ...first[0], duplicateOf: 'id-first' }]);
  });

  it('is told under a duplicate’s own id even where the job is older than the records', async () => {
    await consumer.publishOne({ key: 'gone' }, { id: 'id-gone' });
    await consumer.deliver({ handler: async () => 'once' });
    await consumer.publishOne({ key: 'gone' }, { id: 'id-outlives' });
    await consumer.deliver({ handler: async () => 'again' });
    await lab.dynamo.send(
      new DeleteCommand({ TableName: tableName(STAGE, 'jobs'), Key: { pk: 'told#gone', sk: 'job' } }),
    );
    const { reports, noRecord } = await look({ jobId: 'id-outlives' });
    expect(reports).toEqual([]);
    expect(noRecord?.duplicateOfForgotten).toBe(true);
  });

  it('is dead-lettered because of what ended it', async () => {
    await consumer.publish({ key: 'dead' });
    await consumer.drain({
      handler: async () => {
        throw new PermanentError('no such account', { code: 'NO_ACCOUNT' });
      },
    });
    expect((await reportOf('dead')).status).toMatchObject({
      state: 'dead-lettered',
      code: 'NO_ACCOUNT',
      reason: 'no such account',
    });
  });

  it('tells of a redriven job its life, since when, and why the former one ended', async () => {
    await lab.publish(probe, { key: 'redriven', acts: ['permanent', 'throw', 'return'] });
    await lab.drain();
    const deadAtMs = now();
    await lab.advance(60);
    await lab.redrive(probe);
    await lab.drain();
    const [report] = (await look({ type: 'probe', key: 'redriven' })).reports;
    expect(report?.status.state).toBe('completed');
    expect(report?.lives).toMatchObject({
      life: 2,
      exact: true,
      former: [{ life: 1, verdict: { code: 'HOPELESS', message: 'cannot ever work' } }],
    });
    expect(report?.lives.sinceMs).toBeGreaterThan(deadAtMs);
    expect(report?.lives.sinceMs).toBeLessThan(report?.record.startedAtMs ?? 0);
  });

  it('is expired when its expirytime came first', async () => {
    await consumer.publishOne({ key: 'too-old' }, { expiryTime: new Date(now() + 5000) });
    await lab.advance(6);
    await consumer.deliver({ handler: async () => 'too late' });
    expect((await reportOf('too-old')).status).toMatchObject({ state: 'expired' });
  });

  it('is told by its own id where it was cancelled or had expired before it ran, and is no duplicate', async () => {
    await cancelJob(told, 'never-ran', { dynamo: lab.dynamo, stage: STAGE, now });
    await consumer.publishOne({ key: 'never-ran' }, { id: 'id-never-ran' });
    await consumer.publishOne({ key: 'too-late' }, { id: 'id-too-late', expiryTime: new Date(now() + 5000) });
    await lab.advance(6);
    await consumer.drain({ handler: async () => 'too late' });
    const [cancelled] = (await look({ jobId: 'id-never-ran' })).reports;
    expect(cancelled).toMatchObject({ jobId: 'id-never-ran', status: { state: 'cancelled' } });
    expect(cancelled).not.toHaveProperty('duplicateOf');
    const [expired] = (await look({ jobId: 'id-too-late' })).reports;
    expect(expired).toMatchObject({ jobId: 'id-too-late', status: { state: 'expired' } });
    expect(expired).not.toHaveProperty('duplicateOf');
  });

  it('is told under a further message’s id as the one that had expired', async () => {
    await consumer.publishOne({ key: 'shed' }, { id: 'id-shed', expiryTime: new Date(now() + 5000) });
    await lab.advance(6);
    await consumer.drain({ handler: async () => 'too late' });
    await consumer.publishOne({ key: 'shed' }, { id: 'id-shed-again' });
    await consumer.drain({ handler: async () => 'too late' });
    expect((await look({ jobId: 'id-shed-again' })).reports).toMatchObject([
      { status: { state: 'expired' }, duplicateOf: 'id-shed' },
    ]);
  });

  it('is cancelled, pending until its message is met', async () => {
    await consumer.publish({ key: 'stopped' });
    await consumer.deliver({ handler: fails });
    await cancelJob(told, 'stopped', { dynamo: lab.dynamo, stage: STAGE, now });
    expect((await reportOf('stopped')).status).toMatchObject({ state: 'cancelled', pending: true });
    await consumer.drain({ handler: fails });
    expect((await reportOf('stopped')).status).toMatchObject({ state: 'cancelled', pending: false });
    expect(consumer.messages().left).toBe(0);
  });

  it('shows a cancellation while a running attempt goes on', async () => {
    const run = await startRun('to-be-stopped');
    await cancelJob(told, 'to-be-stopped', { dynamo: lab.dynamo, stage: STAGE, now });
    expect((await reportOf('to-be-stopped')).status).toMatchObject({
      state: 'running',
      cancelRequestedAtMs: expect.any(Number),
    });
    await run.end();
    expect((await reportOf('to-be-stopped')).status).toMatchObject({ state: 'completed' });
  });
});
