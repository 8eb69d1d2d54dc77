import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { cancelJob } from '../../../shared/client/cancel.ts';
import { statusOf } from '../../../shared/client/job-status.ts';
import { PermanentError, type Runtime } from '../../../shared/consumer/index.ts';
import { defineJob, maxReceiveCount, RETENTION_SECONDS } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const base = { payload: z.object({ key: z.string() }), key: ({ key }: { key: string }) => key };
const job = defineJob({ ...base, type: 'patient', schedule: schedule([3 * DAY, 14 * HOUR, 10]) });
const later = defineJob({ ...base, type: 'patient-later', schedule: schedule([10, 10, 14 * HOUR]) });
const many = schedule([10, 10, ...Array.from({ length: 11 }, () => 11 * HOUR)]);
const weeks = defineJob({ ...base, type: 'patient-for-weeks', schedule: many });

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

type Consumer = InProcess<{ key: string }, { key: string }>;

/** Fails so many times, and then returns. */
function failing(times: number, error = () => new Error('failed')) {
  const runs: { readonly atMs: number; readonly attempt: number }[] = [];
  return {
    runs,
    handler: async (_: unknown, context: { job: { attempt: number } }) => {
      runs.push({ atMs: lab.cloud.clock.now(), attempt: context.job.attempt });
      if (runs.length <= times) throw error();
    },
  };
}

/** Publishes a job whose first attempt fails. @returns when the next one may begin */
async function failedOnce(
  consumer: Consumer,
  key: string,
  handler: Parameters<Consumer['deliver']>[0]['handler'],
  runtime: Partial<Runtime> = {},
): Promise<number> {
  await consumer.publish({ key });
  await consumer.deliver({ handler, runtime });
  return dueMs(consumer, key);
}

async function dueMs(consumer: Consumer, key: string): Promise<number> {
  const record = await consumer.record(key);
  expect(record?.state).toBe('retrying');
  return record?.notBeforeMs ?? 0;
}

async function advanceTo(atMs: number): Promise<void> {
  await lab.advance(Math.max(0, Math.ceil((atMs - lab.cloud.clock.now()) / 1000)));
  await lab.settle();
}

function schedules(): number {
  return lab.cloud.scheduler.schedules.due(Number.MAX_SAFE_INTEGER).length;
}

/** A client of which nothing is heard from its first call on. */
function hanging<Client extends object>(client: Client): Client {
  return Object.assign(Object.create(client), { send: () => new Promise(() => {}) });
}

function refusing<Client extends object>(client: Client): Client {
  return Object.assign(Object.create(client), { send: () => Promise.reject(new Error('refused')) });
}

describe('a failed job whose delay is longer than SQS hides a message for', () => {
  it('waits in EventBridge Scheduler, is backing off all the while, and runs again at its time', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    const due = await failedOnce(consumer, 'long', handler);
    expect(due - lab.cloud.clock.now()).toBeGreaterThan(1.49 * DAY * 1000);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(schedules()).toBe(1);
    await advanceTo(due - 60_000);
    const record = await consumer.record('long');
    expect(record && statusOf(record, lab.cloud.clock.now())).toEqual({
      state: 'backing-off',
      untilMs: due,
      failedAttempts: 1,
    });
    expect(consumer.messages().left).toBe(0);
    await advanceTo(due + 1000);
    await consumer.drain({ handler });
    expect(runs.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(runs[1]?.atMs).toBeGreaterThanOrEqual(due);
    expect(await consumer.record('long')).toMatchObject({ state: 'completed', attempts: 2, hop: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(consumer.count('Renewed')).toBe(0);
  });

  it('is hidden where jitter leaves it under 11 hours, and sent on where not', async () => {
    for (const [random, left, hop] of [
      [0, 1, 0],
      [0.99, 0, 1],
    ] as const) {
      const consumer = new InProcess(lab, later);
      const { handler } = failing(3);
      const key = `jitter ${random}`;
      const runtime = { random: () => random };
      await consumer.publish({ key });
      for (let receive = 1; receive <= 3; receive++) {
        await consumer.deliver({ handler, runtime });
        if (receive < 3) await consumer.untilVisible();
      }
      expect(consumer.messages()).toEqual({ left, dead: 0 });
      await advanceTo((await dueMs(consumer, key)) + 1000);
      await consumer.drain({ handler });
      expect(await consumer.record(key)).toMatchObject({ state: 'completed', attempts: 4, hop });
    }
  });

  it('is not hidden for hours while AWS still counts its age, which would look late', async () => {
    const consumer = new InProcess(lab, defineJob({ ...job, schedule: schedule([HOUR, 900, 10]) }));
    const { runs, handler } = failing(2);
    const due = await failedOnce(consumer, 'counted', handler);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    await advanceTo(due + 1000);
    await consumer.deliver({ handler });
    expect(consumer.messages()).toEqual({ left: 1, dead: 0 });
    await consumer.drain({ handler });
    expect(runs).toHaveLength(3);
    expect(await consumer.record('counted')).toMatchObject({ state: 'completed', attempts: 3, hop: 1 });
  });

  it('tells of all its attempts, with the delays between them, when it is given up on', async () => {
    const consumer = new InProcess(lab, job);
    const { handler } = failing(4);
    let due = await failedOnce(consumer, 'given up', handler);
    for (let attempt = 2; attempt < 4; attempt++) {
      await advanceTo(due + 1000);
      await consumer.deliver({ handler });
      due = await dueMs(consumer, 'given up');
    }
    await consumer.drain({ handler });
    const { state, history = [] } = (await consumer.record('given up')) ?? {};
    expect(state).toBe('dead');
    expect(history.map(({ delayWhy }) => delayWhy)).toEqual([
      'delay 1 of 3, 259200 s before jitter',
      'delay 2 of 3, 50400 s before jitter',
      'delay 3 of 3, 10 s before jitter',
      undefined,
    ]);
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('whose process died before its message was sent on is sent on by the former one', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    await consumer.publish({ key: 'before' });
    const runtime = { scheduler: hanging(new SchedulerClient()), sqs: hanging(lab.sqs) };
    void consumer.deliver({ handler, runtime }).catch(() => {});
    await lab.until(async () => (await consumer.record('before'))?.state === 'retrying');
    const due = await dueMs(consumer, 'before');
    expect(schedules()).toBe(0);
    await consumer.untilVisible();
    await consumer.deliver({ handler });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    await advanceTo(due + 1000);
    await consumer.drain({ handler });
    expect(runs).toHaveLength(2);
    expect(runs[1]?.atMs).toBeGreaterThanOrEqual(due);
    expect(await consumer.record('before')).toMatchObject({ state: 'completed', attempts: 2, hop: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('whose process died after its message was sent on waits in one schedule and runs once', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    const { sqs } = lab.cloud;
    const deleteMessages = sqs.deleteMessages;
    // The answer that would have deleted the former message never comes.
    sqs.deleteMessages = () => [];
    const due = await failedOnce(consumer, 'after', handler);
    sqs.deleteMessages = deleteMessages;
    expect(schedules()).toBe(1);
    await consumer.untilVisible();
    await consumer.deliver({ handler });
    expect(schedules()).toBe(1);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    await advanceTo(due + 1000);
    await consumer.drain({ handler });
    expect(runs).toHaveLength(2);
    expect(await consumer.record('after')).toMatchObject({ state: 'completed', attempts: 2, hop: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('takes a former message off the queue that comes when its successor has begun', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(2);
    const former = lab.message(job, { key: 'former' });
    consumer.send(former);
    const { sqs } = lab.cloud;
    const deleteMessages = sqs.deleteMessages;
    sqs.deleteMessages = () => [];
    await consumer.deliver({ handler });
    sqs.deleteMessages = deleteMessages;
    await advanceTo((await dueMs(consumer, 'former')) + 1000);
    // Both are there now, the former one first.
    expect(consumer.messages().left).toBe(2);
    await consumer.deliver({ handler });
    await consumer.deliver({ handler });
    expect(runs).toHaveLength(2);
    await advanceTo((await dueMs(consumer, 'former')) + 1000);
    await consumer.drain({ handler });
    expect(runs).toHaveLength(3);
    expect(await consumer.record('former')).toMatchObject({ state: 'completed', attempts: 3 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('comes in steps of 15 minutes where the scheduler refuses', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    const runtime = { scheduler: refusing(new SchedulerClient()), random: () => 0 };
    const due = await failedOnce(consumer, 'steps', handler, runtime);
    await consumer.drain({ handler, runtime });
    expect(runs).toHaveLength(2);
    expect(runs[1]?.atMs).toBeGreaterThanOrEqual(due);
    const { state, hop = 0 } = (await consumer.record('steps')) ?? {};
    expect(state).toBe('completed');
    // In 36 hours.
    expect(hop).toBeGreaterThanOrEqual(143);
    expect(hop).toBeLessThanOrEqual(145);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('stays where neither the scheduler nor SQS takes its message, and is sent on later', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    // Refuses to send, and takes whatever else is asked of it.
    const sqs = Object.assign(Object.create(lab.sqs), {
      send: (command: object, ...rest: never[]) =>
        command.constructor.name === 'SendMessageCommand'
          ? Promise.reject(new Error('refused'))
          : lab.sqs.send(command as never, ...rest),
    });
    const due = await failedOnce(consumer, 'neither', handler, {
      scheduler: refusing(new SchedulerClient()),
      sqs,
    });
    expect(consumer.messages()).toEqual({ left: 1, dead: 0 });
    await consumer.untilVisible();
    expect(lab.cloud.clock.now()).toBeLessThan(due);
    await consumer.deliver({ handler });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    await advanceTo(due + 1000);
    await consumer.drain({ handler });
    expect(runs).toHaveLength(2);
    expect(await consumer.record('neither')).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('runs once in its turn when an older letter of it is redriven while it waits', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    // Two messages of one job, both given up on; the first one redriven fails and waits.
    await consumer.publish({ key: 'redriven' });
    await consumer.publish({ key: 'redriven' });
    await consumer.drain({
      handler: async () => {
        throw new PermanentError('as the test wanted');
      },
    });
    expect(consumer.messages()).toEqual({ left: 0, dead: 2 });
    const redrive = async () => {
      await lab.sqs.send(new StartMessageMoveTaskCommand({ SourceArn: consumer.deadLetterArn }));
      await lab.until(async () => {
        await lab.advance(1);
        return consumer.messages().dead === 0;
      });
    };
    await redrive();
    await consumer.drain({ handler });
    expect(runs).toHaveLength(1);
    const due = await dueMs(consumer, 'redriven');
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    await advanceTo(due + 1000);
    await consumer.drain({ handler });
    expect(runs.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(await consumer.record('redriven')).toMatchObject({ state: 'completed', life: 2, attempts: 2 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('never runs again when it is cancelled while it waits', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    const due = await failedOnce(consumer, 'cancelled', handler);
    const { now } = consumer.runtime;
    await cancelJob(job, 'cancelled', { dynamo: lab.dynamo, stage: STAGE, now });
    const record = await consumer.record('cancelled');
    expect(record && statusOf(record, now())).toMatchObject({ state: 'cancelled', pending: true });
    await advanceTo(due + 1000);
    await consumer.drain({ handler });
    expect(runs).toHaveLength(1);
    expect(await consumer.record('cancelled')).toMatchObject({ state: 'cancelled', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('expires when its expirytime comes while it waits', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    const expiryTime = new Date(lab.cloud.clock.now() + DAY * 1000);
    await consumer.publishOne({ key: 'expires' }, { expiryTime });
    await consumer.deliver({ handler });
    await advanceTo((await dueMs(consumer, 'expires')) + 1000);
    await consumer.drain({ handler });
    expect(runs).toHaveLength(1);
    expect(await consumer.record('expires')).toMatchObject({ state: 'expired', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(consumer.count('Expired')).toBe(1);
  });

  it('is taken off the queue at the last of its receives too, though its answer is lost', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = failing(1);
    await consumer.publish({ key: 'last receive' });
    for (let spent = 1; spent < maxReceiveCount(job); spent++)
      await lab.cloud.sqs.receive(consumer.queueArn, { maxMessages: 1, visibilityTimeoutSeconds: 0 });
    const { sqs } = lab.cloud;
    const deleteMessages = sqs.deleteMessages;
    let deletions = 0;
    // The consumer's own deletion is taken, the mapping's is lost.
    sqs.deleteMessages = (...call) => (deletions++ === 0 ? deleteMessages.apply(sqs, call) : []);
    await consumer.deliver({ handler });
    sqs.deleteMessages = deleteMessages;
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    await advanceTo((await dueMs(consumer, 'last receive')) + 1000);
    await consumer.drain({ handler });
    expect(runs).toHaveLength(2);
    expect(await consumer.record('last receive')).toMatchObject({ state: 'completed', attempts: 2 });
  });
});

describe('a job whose delays add up to more than the queue keeps a message for', () => {
  it('has all of its attempts, in messages none of which grows older than half of those days', async () => {
    const consumer = new InProcess(lab, weeks);
    const { runs, handler } = failing(many.delaysSeconds.length);
    const runtime = { random: () => 0.999 };
    await consumer.publish({ key: 'all' });
    while (runs.length <= many.delaysSeconds.length) {
      await consumer.drain({ handler, runtime });
      if (schedules() > 0) await lab.advance(HOUR);
      await lab.settle();
    }
    const attempts = many.delaysSeconds.length + 1;
    expect((runs.at(-1)?.atMs ?? 0) - (runs[0]?.atMs ?? 0)).toBeGreaterThan(RETENTION_SECONDS * 1000);
    expect(await consumer.record('all')).toMatchObject({ state: 'completed', attempts });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    const ages = consumer.counted.filter(({ name }) => name === 'Age').map(({ value }) => value);
    expect(Math.max(...ages)).toBeGreaterThan(DAY);
    expect(Math.max(...ages)).toBeLessThan(RETENTION_SECONDS / 2);
    expect(consumer.count('Renewed')).toBeGreaterThanOrEqual(1);
  });
});
