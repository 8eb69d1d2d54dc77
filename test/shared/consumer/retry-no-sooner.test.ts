import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { NotDone, RetryNoSooner, repeat } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'no-sooner',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([60, 60]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

const overloaded = (seconds: number): Error =>
  new RetryNoSooner(seconds, 'the endpoint answered 503', { code: 'HTTP_503' });

describe('an attempt that failed with RetryNoSooner', () => {
  it('is spent, and the next one begins no sooner than that, by a message of its own', async () => {
    const consumer = new InProcess(lab, job);
    const runs: number[] = [];
    const handler = async () => {
      runs.push(lab.cloud.clock.now());
      if (runs.length === 1) throw overloaded(600);
    };
    await consumer.publish({ key: 'asked' });
    await consumer.deliver({ handler });
    expect(await consumer.record('asked')).toMatchObject({ state: 'retrying', attempts: 1 });
    await consumer.drain({ handler });
    expect((runs[1] ?? 0) - (runs[0] ?? 0)).toBeGreaterThanOrEqual(600_000);
    const record = await consumer.record('asked');
    expect(record).toMatchObject({ state: 'completed', attempts: 2, hop: 1 });
    expect(record?.deferrals).toBeUndefined();
    expect(record?.history).toMatchObject([
      {
        code: 'HTTP_503',
        message: 'the endpoint answered 503',
        delaySeconds: 600,
        delayWhy: expect.stringMatching(
          /^no sooner than 600 s, as the handler said; delay 1 of 2 would have been [3-6]\d s$/,
        ),
      },
    ]);
    expect(record?.history?.[0]).not.toHaveProperty('asked');
    expect(consumer.count('Failed')).toBe(1);
    expect(consumer.count('Deferred')).toBe(0);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    // It was not hidden meanwhile, and so nothing says that it is late.
    expect(
      Math.max(...consumer.counted.filter(({ name }) => name === 'Age').map(({ value }) => value)),
    ).toBeLessThan(
      // SQS counts the time that it delays a message.
      602,
    );
  });

  it('waits for its schedule where that is longer', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    const handler = async () => {
      if (++runs === 1) throw overloaded(5);
    };
    await consumer.publish({ key: 'longer' });
    await consumer.drain({ handler });
    expect(await consumer.record('longer')).toMatchObject({
      state: 'completed',
      attempts: 2,
      hop: 0,
      history: [{ delayWhy: 'delay 1 of 2, 60 s before jitter' }],
    });
  });

  it('waits for days in EventBridge Scheduler, a week at most', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    const handler = async () => {
      if (++runs === 1) throw overloaded(Number.POSITIVE_INFINITY);
    };
    await consumer.publish({ key: 'days' });
    await consumer.deliver({ handler });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect((await consumer.record('days'))?.history).toMatchObject([{ delaySeconds: 7 * 86_400 }]);
    await lab.advance(7 * 86_400 + 1);
    await lab.settle();
    await consumer.drain({ handler });
    expect(await consumer.record('days')).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('is the last one where the schedule has no more', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    await consumer.publish({ key: 'last' });
    await consumer.drain({
      handler: async () => {
        runs++;
        throw overloaded(300);
      },
    });
    expect(runs).toBe(3);
    expect(await consumer.record('last')).toMatchObject({
      state: 'dead',
      verdict: {
        code: 'HTTP_503',
        message: 'Attempt 3 of 3, the last: the endpoint answered 503',
        exhausted: true,
      },
    });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('leaves a step free to run again that certainly did nothing', async () => {
    const consumer = new InProcess(lab, job);
    let calls = 0;
    await consumer.publish({ key: 'step' });
    const handler: Parameters<typeof consumer.deliver>[0]['handler'] = async (_, { step }) => {
      await step(
        'post',
        async () => {
          if (++calls === 1) throw new NotDone('refused', { cause: overloaded(120) });
        },
        { ifUncertain: repeat() },
      );
    };
    await consumer.deliver({ handler });
    expect((await consumer.step('step', 'post'))?.state).toBe('not-done');
    await consumer.drain({ handler });
    expect(calls).toBe(2);
    expect(await consumer.record('step')).toMatchObject({
      state: 'completed',
      attempts: 2,
      history: [{ code: 'HTTP_503', delaySeconds: 120 }],
    });
  });
});

describe('the seconds of RetryNoSooner', () => {
  it.each([
    [0.2, 1],
    [-5, 1],
    [Number.NaN, 1],
    [90.1, 91],
    [1e9, 7 * 86_400],
  ])('given as %s are %s', (given, seconds) => {
    expect(new RetryNoSooner(given, 'any')).toMatchObject({ seconds, code: 'RETRY_NO_SOONER' });
  });
});
