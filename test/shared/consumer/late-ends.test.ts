import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const payload = z.object({ key: z.string() });
const key = ({ key }: { key: string }): string => key;
const REMAINING_SECONDS = 60;
/** One whose last attempt is its first, and one that has another. */
const once = defineJob({ type: 'once', payload, key, schedule: schedule([]) });
const again = defineJob({ type: 'again', payload, key, schedule: schedule([30]) });

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
});
afterAll(() => lab.stop());

/** A job whose first run outlives its lease: a process that froze, and thaws when the test says so. */
async function frozen(job: typeof once, of: string) {
  const consumer = new InProcess(lab, job);
  const thaw = Promise.withResolvers<void>();
  const runs: string[] = [];
  await consumer.publish({ key: of });
  const first = consumer.deliver({
    remainingSeconds: REMAINING_SECONDS,
    handler: async () => {
      runs.push('frozen');
      await thaw.promise;
      return 'from the frozen run';
    },
  });
  await lab.until(async () => runs.length === 1);
  await lab.advance(REMAINING_SECONDS + 10);
  const handler = async () => {
    runs.push('other');
    return 'from another run';
  };
  return { consumer, first, thaw: () => thaw.resolve(), runs, handler };
}

/** Holds back the write that records the crash until `before` has happened. */
function beforeTheCrashIsRecorded(before: () => Promise<unknown>): void {
  lab.cloud.dynamodb.intercept = async (operation, input) => {
    if (operation === 'UpdateItem' && JSON.stringify(input).includes('CRASHED')) {
      lab.cloud.dynamodb.intercept = undefined;
      await before();
    }
    return undefined;
  };
}

describe('a run that comes back after its last attempt was given up on', () => {
  it('cannot take the verdict back', async () => {
    const { consumer, first, thaw, runs, handler } = await frozen(once, 'buried');
    await consumer.deliver({ handler });
    const buried = await consumer.record('buried');
    expect(buried).toMatchObject({ state: 'dead', attempts: 1, verdict: { code: 'CRASHED' } });
    thaw();
    await first;
    expect(await consumer.record('buried')).toEqual(buried);
    await consumer.drain({ handler });
    expect(runs).toEqual(['frozen']);
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
    expect(consumer.count('DeadLettered')).toBe(1);
    expect(consumer.count('Completed')).toBe(0);
  });

  it('counts, when it completed before the verdict was written', async () => {
    const { consumer, first, thaw, runs, handler } = await frozen(once, 'just-in-time');
    beforeTheCrashIsRecorded(async () => {
      thaw();
      await first;
    });
    await consumer.deliver({ handler });
    await consumer.drain({ handler });
    expect(await consumer.record('just-in-time')).toMatchObject({
      state: 'completed',
      attempts: 1,
      result: '"from the frozen run"',
    });
    expect(runs).toEqual(['frozen']);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(consumer.count('DeadLettered')).toBe(0);
  });
});

describe('a run that comes back after its attempt was taken for a crash', () => {
  it('leaves the next attempt its right to run, and the result is that one’s', async () => {
    const { consumer, first, thaw, runs, handler } = await frozen(again, 'taken-over');
    await consumer.deliver({ handler });
    const waiting = await consumer.record('taken-over');
    expect(waiting).toMatchObject({ state: 'retrying', attempts: 1, history: [{ code: 'CRASHED' }] });
    thaw();
    await first;
    expect(await consumer.record('taken-over')).toEqual(waiting);
    await consumer.drain({ handler });
    expect(runs).toEqual(['frozen', 'other']);
    expect(await consumer.record('taken-over')).toMatchObject({
      state: 'completed',
      attempts: 2,
      result: '"from another run"',
    });
    expect(consumer.count('Completed')).toBe(1);
  });

  it('has completed the job when it was first, and nothing runs again', async () => {
    const { consumer, first, thaw, runs, handler } = await frozen(again, 'was-first');
    beforeTheCrashIsRecorded(async () => {
      thaw();
      await first;
    });
    await consumer.deliver({ handler });
    await consumer.drain({ handler });
    expect(runs).toEqual(['frozen']);
    expect(await consumer.record('was-first')).toMatchObject({
      state: 'completed',
      attempts: 1,
      result: '"from the frozen run"',
    });
    expect(await consumer.record('was-first')).not.toHaveProperty('history');
  });

  it('fails in vain: the attempt that runs by then is untouched', async () => {
    const consumer = new InProcess(lab, again);
    const thaw = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    let running = 0;
    await consumer.publish({ key: 'fails-late' });
    const first = consumer.deliver({
      handler: async () => {
        running++;
        await thaw.promise;
        throw new Error('from the frozen run');
      },
    });
    await lab.until(async () => running === 1);
    await lab.advance(REMAINING_SECONDS + 10);
    await consumer.deliver({ handler: async () => {} });
    await consumer.untilVisible();
    const second = consumer.deliver({
      handler: async () => {
        running++;
        await finish.promise;
      },
    });
    await lab.until(async () => running === 2);
    thaw.resolve();
    await first;
    expect(await consumer.record('fails-late')).toMatchObject({ state: 'running', attempts: 2 });
    finish.resolve();
    await second;
    const record = await consumer.record('fails-late');
    expect(record).toMatchObject({ state: 'completed', attempts: 2 });
    expect(record?.history?.map(({ code }) => code)).toEqual(['CRASHED']);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});
