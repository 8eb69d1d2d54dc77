import * as z from 'zod';
import { defineJob } from '../../shared/jobs/define-job.ts';

/** A job that waits on a provider, one a batch: how many run at a time is up to the mapping's MaximumConcurrency alone. */
export const waiting = defineJob({
  type: 'waiting',
  payload: z.object({ call: z.string() }),
  key: ({ call }) => call,
  batchSize: 1,
  maxConcurrency: 2,
});

/** How long the provider takes to answer. */
export const PROVIDER_MS = 200;
