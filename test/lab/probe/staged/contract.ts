import * as z from 'zod';
import { defineStage, defineStagedJob } from '../../../../shared/jobs/staged-job.ts';

/** What a run of a stage does. */
export const STAGE_ACTS = [
  'return',
  'throw',
  'permanent',
  'no-sooner',
  'exit',
  'hang',
  'large',
  'throw-in-step',
  'hang-in-step',
  'effect',
] as const;

const words = z.object({ words: z.array(z.string()) });
const retry = { attempts: 3, baseSeconds: 10, capSeconds: 60 };

export const collect = defineStage({
  name: 'collect',
  input: words,
  output: words,
  timeoutSeconds: 2,
  retry,
});
export const shout = defineStage({
  name: 'shout',
  input: z.string(),
  output: z.object({ word: z.string() }),
  timeoutSeconds: 2,
  retry,
  forEach: { list: 'words', mostAtATime: 4 },
});
const shouted = z.array(shout.output);
export const count = defineStage({
  name: 'count',
  input: shouted,
  output: z.int(),
  timeoutSeconds: 2,
  retry,
});
export const join = defineStage({
  name: 'join',
  input: shouted,
  output: z.string(),
  timeoutSeconds: 2,
  retry,
});
export const finish = defineStage({
  name: 'finish',
  input: z.object({ count: z.int(), join: z.string() }),
  output: z.object({ said: z.string() }),
  timeoutSeconds: 2,
  retry,
});

/** A staged job that does as its payload says, so that a test can make every failure happen in every stage. */
export const staged = defineStagedJob({
  type: 'staged',
  payload: z.object({
    key: z.string(),
    words: z.array(z.string()),
    /** By stage (`shout[1]` for an item): one a run, in order; after the last it returns. */
    acts: z.partialRecord(z.string(), z.array(z.enum(STAGE_ACTS))).default({}),
  }),
  key: ({ key }) => key,
  stages: [collect, shout, [count, join], finish],
});
