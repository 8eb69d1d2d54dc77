import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { deadLetter } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'time-left',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([30]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
});
afterAll(() => lab.stop());

/** Does something before the first write that says so. */
function beforeWriteOf(what: string, act: () => Promise<void>): void {
  let done = false;
  lab.cloud.dynamodb.intercept = async (operation, input) => {
    if (done || operation !== 'UpdateItem' || !JSON.stringify(input).includes(what)) return undefined;
    done = true;
    await act();
    return undefined;
  };
}

describe('a claim that took most of what its invocation had left', () => {
  it('is given back: nothing runs and no attempt is spent', async () => {
    const consumer = new InProcess(lab, job);
    const remainingSeconds = job.timeoutSeconds + 10;
    beforeWriteOf('INPROGRESS', () => lab.advance(9));
    let runs = 0;
    const handler = async () => ++runs;
    await consumer.publish({ key: 'slow claim' });
    await consumer.deliver({ handler, remainingSeconds });
    expect(runs).toBe(0);
    expect(await consumer.record('slow claim')).toMatchObject({
      state: 'deferred',
      attempts: 0,
      deferrals: 0,
    });
    expect(consumer.count('Waited')).toBe(1);
    await consumer.drain({ handler });
    expect(runs).toBe(1);
    expect(await consumer.record('slow claim')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});

describe('a write that hangs at the end of an invocation', () => {
  it.each([
    ['of a job that is done', '"COMPLETED"'],
    ['of a step that is done', '":done"'],
  ])('is left behind, so that the batch is answered (%s)', async (key, what) => {
    const consumer = new InProcess(lab, job);
    const hanging = Promise.withResolvers<void>();
    beforeWriteOf(what, () => hanging.promise);
    await consumer.publish({ key });
    const beganMs = lab.cloud.clock.now();
    const remainingSeconds = job.timeoutSeconds + 6;
    const response = await consumer.deliver({
      remainingSeconds,
      handler: async (_, { step }) => {
        await lab.advance(job.timeoutSeconds + 2);
        await step('charge', async () => 'charged', { ifUncertain: deadLetter() });
      },
    });
    expect(response?.batchItemFailures).toHaveLength(1);
    expect(lab.cloud.clock.now() - beganMs).toBeLessThan(remainingSeconds * 1000);
    hanging.resolve();
    // What comes late is as true as it was.
    await consumer.drain({ handler: async () => {} });
    expect(await consumer.step(key, 'charge')).toMatchObject({ state: 'done' });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});
