import * as z from 'zod';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';

/** What the probe does in an attempt. `later` asks once for a later run, `often` twenty times; `slow` takes half a second. */
export const ACTS = ['return', 'throw', 'permanent', 'exit', 'later', 'often', 'slow'] as const;

/** A job that does as its payload says and is tried again within seconds, so that its whole story can be waited for in real time. */
export const integrationProbe = defineJob({
  type: 'integration-probe',
  payload: z.object({
    key: z.string().min(1),
    /** One list a life, in it one act an attempt; the last of each goes on. */
    lives: z.array(z.array(z.enum(ACTS)).min(1)).min(1),
  }),
  key: ({ key }) => key,
  timeoutSeconds: 2,
  schedule: schedule([1, 1]),
  batchSize: 5,
  maxConcurrency: 5,
});
