import type * as z from 'zod';
import { defineJob, type Job, type JobDefinition, LONGEST_TIMEOUT_SECONDS } from './define-job.ts';
import { DefinitionError } from './honest-jobs-error.ts';

/** What infra needs of a stage: everything but its schemas' types. */
export interface StageSettings {
  /** Lower case letters, digits and `-`, at most 30; unique in its job, never renamed while jobs are under way. */
  readonly name: string;
  /** How long one run may take, 1 to 840 s. */
  readonly timeoutSeconds: number;
  /** The stage's function's memory, 128 to 10,240 MB. */
  readonly memoryMegabytes: number;
  /** How the state machine tries a failed run again. */
  readonly retry: StageRetry;
  /** The list in the input, one run for each of its items; absent: one run. */
  readonly forEach?: { readonly list: string; readonly mostAtATime: number };
}

/**
 * Delays of `min(capSeconds, baseSeconds * 2^(n-1))` after the n-th failed run, each times a random factor in [0, 1] (Step Functions' full jitter). What
 * Lambda refuses, or fails at by itself, is no run: it is asked again by a budget of its own.
 */
export interface StageRetry {
  /** Runs in all, 1 to 100. */
  readonly attempts: number;
  /** 1 to 3,600. */
  readonly baseSeconds: number;
  /** 1 to 86,400. */
  readonly capSeconds: number;
}

/** One stage of a long job. Its input is what the one before returned (the first: the payload), or an item of a list in it. */
export interface Stage<Input = unknown, Output = unknown> extends StageSettings {
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
}

export interface StageDefinition<Input, Output> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  /** @default 60 */
  readonly timeoutSeconds?: number;
  /** @default 512 */
  readonly memoryMegabytes?: number;
  /** @default DEFAULT_STAGE_RETRY: 10 runs, 5 s doubling up to 300 s, 20 minutes in all before jitter */
  readonly retry?: StageRetry;
  /**
   * Runs the stage for each item of the list of this name in the input, `mostAtATime` (1 to 40) side by side; the next stage's input
   * is the list of their outputs. At most {@link MOST_ITEMS} items.
   */
  readonly forEach?: { readonly list: string; readonly mostAtATime: number };
}

/** Stages in order. Those in a list of their own run side by side, and the next one's input is an object of their outputs by name. */
export type StageOrder = readonly (Stage | readonly Stage[])[];

/** A job whose work is done in stages by a state machine; published, deduplicated, cancelled and redriven like any other. */
export interface StagedJob<Payload = unknown, Input = Payload> extends Job<Payload, Input> {
  readonly stages: StageOrder;
  /** After this an execution is given up on, whatever its stages do; 60 to 31,536,000 s, Step Functions' year. */
  readonly executionTimeoutSeconds: number;
}

/** What infra needs of a staged job. */
export type StagedJobSettings = Omit<StagedJob, 'payload' | 'key'>;

export interface StagedJobDefinition<Payload, Input>
  extends Omit<JobDefinition<Payload, Input>, 'timeoutSeconds' | 'memoryMegabytes' | 'cancellable'> {
  readonly stages: StageOrder;
  /** @default 86,400 */
  readonly executionTimeoutSeconds?: number;
}

export const DEFAULT_STAGE_RETRY: StageRetry = Object.freeze({
  attempts: 10,
  baseSeconds: 5,
  capSeconds: 300,
});

/** An execution's history holds 25,000 events, and an item takes five or more. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
export const MOST_ITEMS = 1000;

/** The starter only starts an execution. */
const STARTER_TIMEOUT_SECONDS = 15;

/** @throws DefinitionError naming the stage, the setting, the value received and the allowed range */
export function defineStage<Input, Output>(definition: StageDefinition<Input, Output>): Stage<Input, Output> {
  const stage = Object.freeze({
    timeoutSeconds: 60,
    memoryMegabytes: 512,
    retry: DEFAULT_STAGE_RETRY,
    ...definition,
  });
  const { name, retry, forEach } = stage;
  // Two words tell a value from an object of values in an execution's data.
  if (!/^[a-z][a-z0-9-]{0,29}$/.test(name) || name === 'value' || name === 'object')
    throw new DefinitionError(
      `Stage "${name}": use lower case letters, digits and "-", starting with a letter, at most 30 characters; not "value" or "object".`,
    );
  const ranges: readonly (readonly [string, number, number, number])[] = [
    ['timeoutSeconds', stage.timeoutSeconds, 1, LONGEST_TIMEOUT_SECONDS],
    ['memoryMegabytes', stage.memoryMegabytes, 128, 10_240],
    ['retry.attempts', retry.attempts, 1, 100],
    ['retry.baseSeconds', retry.baseSeconds, 1, 3600],
    ['retry.capSeconds', retry.capSeconds, 1, 86_400],
    ...(forEach ? [['forEach.mostAtATime', forEach.mostAtATime, 1, 40] as const] : []),
  ];
  for (const [setting, value, least, most] of ranges)
    if (!Number.isInteger(value) || value < least || value > most)
      throw new DefinitionError(
        `Stage "${name}": ${setting} is ${JSON.stringify(value)}; give a whole number from ${least} to ${most}.`,
      );
  if (retry.capSeconds <= retry.baseSeconds)
    throw new DefinitionError(
      `Stage "${name}": retry.capSeconds is ${retry.capSeconds}; give more than retry.baseSeconds, which is ${retry.baseSeconds}.`,
    );
  return stage;
}

/**
 * Defines a job whose work is too long for one function: its stages are retried apart, and a job that failed in one resumes there.
 *
 * @throws DefinitionError as `defineJob`, and for stages whose names are not unique or whose order cannot be run
 */
export function defineStagedJob<Payload, Input>({
  stages,
  executionTimeoutSeconds = 86_400,
  ...definition
}: StagedJobDefinition<Payload, Input>): StagedJob<Payload, Input> {
  const job = defineJob({ ...definition, timeoutSeconds: STARTER_TIMEOUT_SECONDS });
  const wrong = (what: string): never => {
    throw new DefinitionError(`Staged job "${job.type}": ${what}.`);
  };
  if (stages.length === 0) wrong('give at least one stage');
  const names = stages.flat().map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) wrong(`stage "${twice}" is there twice; each has a name of its own`);
  for (const [index, element] of stages.entries()) {
    const before = stages[index - 1];
    if (!isOne(element)) {
      if (element.length < 2) wrong('stages side by side are two or more');
      const fanned = element.find(({ forEach }) => forEach);
      if (fanned) wrong(`stage "${fanned.name}" cannot both run side by side with others and fan out`);
    } else if (element.forEach && before !== undefined && !isOne(before))
      wrong(`stage "${element.name}" fans out over a list, and what is before it are several stages`);
    else if (element.forEach && before !== undefined && isOne(before) && before.forEach)
      wrong(`stage "${element.name}" fans out right after stage "${before.name}"; put a stage between them`);
  }
  if (
    !Number.isInteger(executionTimeoutSeconds) ||
    executionTimeoutSeconds < 60 ||
    executionTimeoutSeconds > 31_536_000
  )
    wrong(`executionTimeoutSeconds is ${executionTimeoutSeconds}; give a whole number from 60 to 31536000`);
  return Object.freeze({ ...job, stages, executionTimeoutSeconds });
}

export function isOne(element: StageOrder[number]): element is Stage {
  return 'name' in element;
}

/** Whether a job runs in stages. */
export function isStaged<Payload, Input>(job: Job<Payload, Input>): job is StagedJob<Payload, Input> {
  return 'stages' in job;
}
