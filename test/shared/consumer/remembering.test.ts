import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { deadLetter, type JobHandler, PermanentError, RetryAfter } from '../../../shared/consumer/index.ts';
import { defineJob, RECORD_RETENTION_SECONDS } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const HOUR = 3600;
type Payload = { readonly key: string };
const job = defineJob({
  type: 'long-lived',
  payload: z.object({ key: z.string() }),
  key: (payload: Payload) => payload.key,
  schedule: schedule([10 * HOUR, 10]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** Does its step in the first attempt, and then ends as `ends` says, which does not look at the step. */
function actingFirst(ends: readonly (() => void)[]) {
  let runs = 0;
  let effects = 0;
  const handler: JobHandler<Payload> = async (_, { step }) => {
    const act = () => step('act', async () => ++effects, { ifUncertain: deadLetter() });
    const run = runs++;
    if (run === 0 || run >= ends.length) await act();
    ends[run]?.();
  };
  return { handler, effects: () => effects };
}

const throws = (error: Error) => () => {
  throw error;
};

describe('a step that is done', () => {
  it('is remembered for as long as its job, but for half a day, however many waits it has', async () => {
    const consumer = new InProcess(lab, job);
    const later = throws(new RetryAfter(12 * HOUR, 'not yet'));
    const { handler, effects } = actingFirst([later, later, later, later]);
    await consumer.publish({ key: 'many waits' });
    for (let wait = 1; wait <= 4; wait++) {
      await consumer.deliver({ handler });
      const { deferrals, expiration = 0 } = (await consumer.record('many waits')) ?? {};
      expect(deferrals).toBe(wait);
      const behind = expiration - ((await consumer.step('many waits', 'act'))?.expiration ?? 0);
      expect(behind).toBeLessThanOrEqual(12 * HOUR + 60);
      await lab.advance(12 * HOUR + 60);
      await lab.settle();
    }
    await consumer.drain({ handler });
    expect(await consumer.record('many waits')).toMatchObject({ state: 'completed' });
    expect(effects()).toBe(1);
  });

  it('is not run again for a dead job that is published again on the last day of its record', async () => {
    const consumer = new InProcess(lab, job);
    const { handler, effects } = actingFirst([
      throws(new Error('failed')),
      throws(new PermanentError('hopeless')),
    ]);
    await consumer.publish({ key: 'last day' });
    await consumer.deliver({ handler });
    await lab.advance(11 * HOUR);
    await lab.settle();
    await consumer.drain({ handler });
    expect(await consumer.record('last day')).toMatchObject({ state: 'dead', attempts: 2 });
    await lab.advance(RECORD_RETENTION_SECONDS - HOUR);
    await consumer.publish({ key: 'last day' });
    await consumer.drain({ handler });
    expect(await consumer.record('last day')).toMatchObject({ state: 'completed', life: 2 });
    expect(effects()).toBe(1);
  });

  it('is run again with a job of its key that comes when both are forgotten', async () => {
    const consumer = new InProcess(lab, job);
    const { handler, effects } = actingFirst([() => {}]);
    await consumer.publish({ key: 'forgotten' });
    await consumer.drain({ handler });
    await lab.advance(RECORD_RETENTION_SECONDS + HOUR);
    await consumer.publish({ key: 'forgotten' });
    await consumer.drain({ handler });
    expect(effects()).toBe(2);
  });
});
