import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { RetryAfter } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const DAY_SECONDS = 86_400;
const job = defineJob({ type: 'dropped', payload: z.object({ key: z.string() }), key: ({ key }) => key });

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** Defers a job so many times by a day, and loses the last message, as EventBridge Scheduler does that gives up on it. */
async function lost(consumer: InProcess<{ key: string }, { key: string }>, key: string, deferrals: number) {
  const handler = async () => {
    throw new RetryAfter(DAY_SECONDS, 'tomorrow');
  };
  await consumer.publish({ key });
  for (let deferral = 1; deferral <= deferrals; deferral++) {
    await consumer.deliver({ handler });
    if (deferral < deferrals) await lab.advance(DAY_SECONDS + 1);
  }
  await dropSchedule();
  await lab.advance(2 * DAY_SECONDS);
}

async function dropSchedule(): Promise<void> {
  const { scheduler } = lab.cloud;
  const [dropped, ...others] = scheduler.schedules.due(Number.MAX_SAFE_INTEGER);
  expect(others).toEqual([]);
  scheduler.schedules.delete(dropped?.group ?? '', dropped?.name ?? '');
}

describe('a job that waited for its next attempt and that no message carries any more', () => {
  it('runs when it is sent again with the hop of its record', async () => {
    const patient = defineJob({ ...job, type: 'dropped-retry', schedule: schedule([2 * DAY_SECONDS]) });
    const consumer = new InProcess(lab, patient);
    let runs = 0;
    const handler = async () => {
      if (++runs === 1) throw new Error('failed');
    };
    await consumer.publish({ key: 'retrying' });
    await consumer.deliver({ handler });
    await dropSchedule();
    await lab.advance(3 * DAY_SECONDS);
    const { state, hop = 0, notBeforeMs = 0 } = (await consumer.record('retrying')) ?? {};
    expect(state).toBe('retrying');
    expect(notBeforeMs).toBeLessThan(lab.cloud.clock.now());
    consumer.send(lab.message(patient, { key: 'retrying' }, { hop }));
    await consumer.drain({ handler });
    expect(runs).toBe(2);
    expect(await consumer.record('retrying')).toMatchObject({ state: 'completed', attempts: 2 });
  });
});

describe('a deferred job that no message carries any more', () => {
  it.each([
    ['once', 1],
    ['three times', 3],
  ])(
    'and that was deferred %s runs when it is sent again with the hop of its record',
    async (key, deferrals) => {
      const consumer = new InProcess(lab, job);
      await lost(consumer, key, deferrals);
      expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
      const { state, hop } = (await consumer.record(key)) ?? {};
      expect(state).toBe('deferred');
      consumer.send(lab.message(job, { key }, hop === undefined ? {} : { hop }));
      const ran: string[] = [];
      await consumer.drain({
        handler: async (payload) => {
          ran.push(payload.key);
        },
      });
      expect(ran).toEqual([key]);
      expect(await consumer.record(key)).toMatchObject({ state: 'completed' });
    },
  );
});
