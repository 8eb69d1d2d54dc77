import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { type JobHandler, RetryAfter } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'alone',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([10, 10, 10]),
});
type Handler = JobHandler<{ key: string }>;

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** Keeps account of what runs beside what. */
function observed() {
  const running = new Set<string>();
  const beside = new Map<string, string[]>();
  const handler: Handler = async ({ key }) => {
    for (const other of running) {
      beside.get(other)?.push(key);
    }
    beside.set(key, [...running]);
    running.add(key);
    await new Promise((resume) => setTimeout(resume, 200));
    running.delete(key);
  };
  return { beside, handler };
}

/** An invocation that dies in the middle: its handlers never end, and it never answers. */
async function crash(consumer: InProcess<{ key: string }, { key: string }>, ...keys: string[]) {
  await consumer.publish(...keys.map((key) => ({ key })));
  void consumer.deliver({ handler: () => new Promise(() => {}), remainingSeconds: 40 }).catch(() => {});
  for (const key of keys) await lab.until(async () => (await consumer.record(key))?.state === 'running');
  await lab.advance(50);
  // The next receives find the crashes; each job then waits for its own delay.
  while (await consumer.deliver({ handler: () => Promise.reject(new Error('must not run')) }));
  await lab.advance(10);
}

describe('a job whose process died', () => {
  it('runs alone from then on, after its neighbours', async () => {
    const consumer = new InProcess(lab, job);
    await crash(consumer, 'died', 'died with it');
    expect(await consumer.record('died')).toMatchObject({ state: 'retrying', crashed: true });
    await consumer.publish({ key: 'fresh' }, { key: 'fresh too' });
    const { beside, handler } = observed();
    await consumer.drain({ handler });
    expect(beside.get('fresh')).toEqual(['fresh too']);
    expect(beside.get('died')).toEqual([]);
    expect(beside.get('died with it')).toEqual([]);
    for (const key of ['died', 'died with it', 'fresh', 'fresh too'])
      expect(await consumer.record(key)).toMatchObject({ state: 'completed' });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('takes no neighbour along when it dies again: their fates are settled before', async () => {
    const consumer = new InProcess(lab, job);
    await crash(consumer, 'poison');
    await consumer.publish({ key: 'fails' });
    const handler: Handler = async ({ key }) => {
      if (key === 'fails') throw new Error('failed');
      await new Promise(() => {});
    };
    void consumer.deliver({ handler, remainingSeconds: 40 }).catch(() => {});
    await lab.until(async () => (await consumer.record('poison'))?.state === 'running');
    expect(await consumer.record('fails')).toMatchObject({ state: 'retrying', attempts: 1 });
    // Hidden until its own delay, and not until the dead invocation's messages come back.
    await lab.advance(10);
    expect(lab.cloud.sqs.counts(consumer.queueArn)).toMatchObject({ visible: 1, notVisible: 1 });
  });

  it('leaves one message of a neighbour that was deferred beside it', async () => {
    const consumer = new InProcess(lab, job);
    await crash(consumer, 'poison beside');
    await consumer.publish({ key: 'deferred' });
    const handler: Handler = async ({ key }) => {
      if (key === 'deferred') throw new RetryAfter(300, 'later');
      await new Promise(() => {});
    };
    void consumer.deliver({ handler, remainingSeconds: 40 }).catch(() => {});
    await lab.until(async () => (await consumer.record('poison beside'))?.state === 'running');
    expect(await consumer.record('deferred')).toMatchObject({ state: 'deferred' });
    // Its former message is gone, though the invocation will never answer for it.
    expect(lab.cloud.sqs.counts(consumer.queueArn)).toMatchObject({ visible: 0, notVisible: 1, delayed: 1 });
  });
});
