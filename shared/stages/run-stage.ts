import { randomUUID } from 'node:crypto';
import type { Logger } from '@aws-lambda-powertools/logger';
import type { Context } from 'aws-lambda';
import type { StepFunction } from '../consumer/index.ts';
import { PermanentError, repeat, TimedOut } from '../consumer/index.ts';
import { stepsOf } from '../consumer/step.ts';
import { type StepOwner, StepRecords } from '../consumer/step-records.ts';
import { watchForCancellation } from '../consumer/watch.ts';
import { issuesOf } from '../jobs/message.ts';
import { longerForExecution, STAGE_STEP_PREFIX, stageStepName } from '../jobs/record.ts';
import type { DataRef, DataTree, StageData, StagedJobIdentity } from '../jobs/stage-data.ts';
import type { Stage, StagedJob } from '../jobs/staged-job.ts';
import { StageNotes } from './notes.ts';
import { itemsOf, neighboursOf } from './order.ts';
import { defaultStageRuntime, type StageRuntime } from './runtime.ts';

/** What a stage's handler is given beside its input. */
export interface StageContext<Payload> {
  readonly payload: Payload;
  readonly job: Pick<StagedJobIdentity, 'id' | 'type' | 'key' | 'life'>;
  /** Of a fan-out: the item's place in its list. */
  readonly index?: number;
  /** Aborts at the stage's `timeoutSeconds`. */
  readonly signal: AbortSignal;
  /** Runs a named part of the stage once, as in a job. */
  readonly step: StepFunction;
  /** Says how far the stage is: 0 to 1, and a few words. Written at most every two seconds; never fails the stage. */
  readonly progress: (fraction: number, text: string) => Promise<void>;
  readonly log: Logger;
}

export type StageHandler<Payload, Input, Output> = (
  input: Input,
  context: StageContext<Payload>,
) => Promise<Output>;

/** What the state machine calls a stage's function with. */
export interface StageEvent {
  readonly job: StagedJobIdentity;
  readonly payload: DataRef;
  readonly input: DataTree;
  readonly index?: number;
}

export interface StageAnswer {
  readonly output: DataRef;
  readonly items: readonly number[];
}

/** What a stage leaves of its invocation, to record its end. */
const RECORDING_MARGIN_MS = 5000;

/**
 * Turns the work of a stage into the Lambda function that the state machine calls.
 *
 * A run of a stage is a step of its job: one that finished is not run again, whoever asks (a retry whose answer was lost, a new execution after
 * the old one could no longer be resumed), and a run that was given up on while it went on can begin no step and record nothing any more.
 *
 * @throws what the handler throws: the machine's Retry decides by its name
 */
export function runStage<Payload, Input, Output>(
  job: StagedJob<Payload, unknown>,
  stage: Stage<Input, Output>,
  handler: StageHandler<Payload, Input, Output>,
  runtime: StageRuntime = defaultStageRuntime(),
): (event: StageEvent, context: Context) => Promise<StageAnswer> {
  return async (event, lambdaContext) => {
    const { data, now } = runtime;
    const { type, key } = event.job;
    const owner: StepOwner = { type, key, owner: randomUUID() };
    const name = stageStepName(stage.name, event.index);
    const notes = new StageNotes(runtime, owner, name, lambdaContext.awsRequestId);
    const leaseUntilMs = now() + lambdaContext.getRemainingTimeInMillis();
    const aborter = new AbortController();
    const { signal } = aborter;
    const timeout = setTimeout(
      () => aborter.abort(new TimedOut(`Stage "${stage.name}" ran past its ${stage.timeoutSeconds} s.`)),
      Math.min(stage.timeoutSeconds * 1000, leaseUntilMs - now() - RECORDING_MARGIN_MS),
    );
    const abandoned = new Promise<never>((_, fail) => {
      signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    });
    // Stopping an execution stops no function: what runs must learn it from the record.
    const unwatch = watchForCancellation(() => notes.cancelled(), aborter);
    const common = { signal, leaseUntilMs, now };
    const refuseIfCancelled = async (): Promise<void> => {
      if (await notes.cancelled()) throw new PermanentError('The job was cancelled.', { code: 'CANCELLED' });
    };
    // A worker that the machine has given up on begins none beside its successor.
    const lasting = { longerSeconds: longerForExecution(job.executionTimeoutSeconds), leaseUntilMs };
    const within = new StepRecords(runtime, owner, { ...lasting, within: name });
    const { step: ownStep } = stepsOf({ ...common, records: within, prefix: `${name}/` });
    const unfinished = new Set<string>();
    const step: StepFunction = async (...call) => {
      // The job may be recorded as cancelled by now: nothing may begin that its end did not see.
      await refuseIfCancelled();
      const stepName = `${name}/${call[0]}`;
      unfinished.add(stepName);
      const work = ownStep(...call);
      work.then(
        () => unfinished.delete(stepName),
        () => {},
      );
      return work;
    };
    const run = async (): Promise<StageAnswer> => {
      await refuseIfCancelled();
      const payload = valid(job.payload, await data.read(event.payload), `The payload of ${type}`);
      const { value, shares } = await inputOf(stage, event, data);
      const input = valid(stage.input, value, `The input of stage "${stage.name}"`);
      const output = await handler(input, {
        payload,
        job: event.job,
        ...(event.index === undefined ? {} : { index: event.index }),
        signal,
        step,
        progress: (fraction, text) => notes.progress(fraction, text),
        log: runtime.logger.createChild({ persistentKeys: { job: event.job, stage: name } }),
      });
      return answerOf(job, stage, event, valid(stage.output, output, `The output of stage "${stage.name}"`), {
        data,
        shares,
      });
    };
    try {
      // The outer step is repeatable as a whole: what is not, its author has put into steps of its own.
      const outer = stepsOf({
        ...common,
        records: new StepRecords(runtime, owner, lasting),
        prefix: STAGE_STEP_PREFIX,
      });
      const work = outer.step(name.slice(STAGE_STEP_PREFIX.length), run, { ifUncertain: repeat() });
      work.catch(() => {
        // Its rejection after the abandonment concerns nobody any more.
      });
      return await Promise.race([work, abandoned]);
    } catch (error) {
      await notes.failed(error);
      for (const left of unfinished)
        await within.leave(left).catch((cause: Error) => {
          runtime.logger.warn('A step keeps its lease, and cannot be resolved before that is over.', cause);
        });
      throw error;
    } finally {
      clearTimeout(timeout);
      unwatch();
      aborter.abort(new TimedOut('The run has ended.'));
    }
  };
}

async function inputOf(
  { name, forEach }: Stage,
  { input, index }: StageEvent,
  data: StageData,
): Promise<{ value: unknown; shares: number }> {
  const value = await data.readTree(input);
  if (!forEach) return { value, shares: 1 };
  const items = (value as Record<string, readonly unknown[]>)[forEach.list] ?? [];
  if (index === undefined || index >= items.length)
    throw new PermanentError(`Stage "${name}" was asked for item ${index} of ${items.length}.`, {
      code: 'STAGE_LIST',
    });
  return { value: items[index], shares: items.length };
}

async function answerOf(
  job: StagedJob<never, never> | StagedJob,
  stage: Stage,
  { job: identity }: StageEvent,
  output: unknown,
  { data, shares }: { data: StageData; shares: number },
): Promise<StageAnswer> {
  const { listForNext, sideBySide } = neighboursOf(job, stage);
  const items = itemsOf(output, listForNext);
  return { output: await data.keep(identity, output, shares * sideBySide), items };
}

function valid<Value>(
  schema:
    | { safeParse(value: unknown): { success: true; data: Value } | { success: false; error: never } }
    | Stage['input'],
  value: unknown,
  what: string,
): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data as Value;
  throw new PermanentError(`${what} does not fit its schema: ${issuesOf(parsed.error)}`, {
    code: 'STAGE_SCHEMA',
  });
}
