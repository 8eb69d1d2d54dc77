import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { deadLetter, type JobHandler, PermanentError, RetryAfter } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'verdicts',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([10]),
  mostDeferrals: 0,
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** Leaves steps uncertain in the first attempt, and ends the second by an error of its own before it looks at them. */
function uncertainThen(steps: readonly string[], end: Error): JobHandler<{ key: string }> {
  let runs = 0;
  return async (_, { step }) => {
    if (++runs > 1) throw end;
    await Promise.allSettled(
      steps.map((name) =>
        step(
          name,
          async () => {
            throw new Error('no answer');
          },
          { ifUncertain: deadLetter() },
        ),
      ),
    );
    throw new Error('no answer');
  };
}

describe('a verdict after an earlier attempt that left a step uncertain', () => {
  it.each([
    ['PERMANENT', new PermanentError('The account is closed.'), 'The account is closed.'],
    ['Error', new Error('down'), 'Attempt 2 of 2, the last: down'],
    ['DEFERRALS_EXHAUSTED', new RetryAfter(60, 'busy'), 'the last reason: busy'],
  ])('names the step, whatever decided it (%s)', async (code, end, reason) => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: code });
    await consumer.drain({ handler: uncertainThen(['charge'], end) });
    const { verdict } = (await consumer.record(code)) ?? {};
    expect(verdict).toMatchObject({ code, uncertain: ['charge'] });
    expect(verdict?.message).toContain(
      `${reason} Step "charge" left no certain outcome: its effect may have happened.`,
    );
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('names ten of them, and counts the others', async () => {
    const consumer = new InProcess(lab, job);
    const steps = Array.from({ length: 103 }, (_, item) => `item-${item}-${'x'.repeat(80)}`);
    await consumer.publish({ key: 'many' });
    await consumer.drain({ handler: uncertainThen(steps, new Error('some failed')) });
    const { verdict, state } = (await consumer.record('many')) ?? {};
    expect(state).toBe('dead');
    expect(verdict?.uncertain).toHaveLength(10);
    expect(verdict?.message).toMatch(/ And 93 more steps left none either\.$/);
    expect(verdict?.message.length).toBeLessThan(2000);
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });
});

describe('a verdict without an uncertain step', () => {
  it('names none', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'certain' });
    await consumer.drain({
      handler: async () => {
        throw new PermanentError('No.');
      },
    });
    expect((await consumer.record('certain'))?.verdict).not.toHaveProperty('uncertain');
  });
});
