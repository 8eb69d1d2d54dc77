import * as z from 'zod';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';

/** What the probe does in an attempt. */
export const ACTS = [
  'return',
  'throw',
  'permanent',
  'hang',
  'heed',
  'exit',
  'slow',
  'impostor',
  'mutate',
] as const;
export const STEP_ACTS = ['succeed', 'throw', 'notDone', 'refusedForGood', 'exit'] as const;

/** A job that does as its payload says, so that a test can make every failure happen. */
export const probe = defineJob({
  type: 'probe',
  payload: z.object({
    key: z.string(),
    /** One a life and attempt, in order; the last one goes on. */
    acts: z.array(z.enum(ACTS)).min(1),
    /** A step before the act: what it does in each attempt that runs it, and what its author says of uncertainty. */
    step: z
      .object({
        acts: z.array(z.enum(STEP_ACTS)).min(1),
        ifUncertain: z.enum(['repeat', 'deadLetter', 'verify-done', 'verify-notDone', 'verify-unknown']),
      })
      .optional(),
  }),
  key: ({ key }) => key,
  timeoutSeconds: 2,
  schedule: schedule([10, 60, 600]),
  maxConcurrency: 5,
});
