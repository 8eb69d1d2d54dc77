import type { Logger } from '@aws-lambda-powertools/logger';
import type { Job, JobSettings } from '../jobs/define-job.ts';
import type { ParsedJob } from '../jobs/parse-job.ts';
import { attemptsOf, retryDelay } from '../jobs/schedule.ts';
import type { AttemptEnd } from './claim-layer.ts';
import type { JobContext, JobHandler } from './context.ts';
import {
  Cancelled,
  type ErrorRecord,
  errorRecord,
  PermanentError,
  RetryAfter,
  RetryNoSooner,
  TimedOut,
} from './errors.ts';
import type { JobRecords } from './job-records.ts';
import type { Claim, Run } from './run.ts';
import type { Runtime } from './runtime.ts';
import { Started } from './started.ts';
import { stepsOf } from './step.ts';
import type { StepRecords } from './step-records.ts';
import { unfailing } from './unfailing.ts';
import { watchForCancellation } from './watch.ts';

/** A record's writes cost by its size, and DynamoDB takes 400 KB with the history beside it. */
export const LONGEST_RESULT_BYTES = 100_000;

export interface AttemptOptions<Payload> {
  readonly job: Job<Payload, unknown>;
  readonly handler: JobHandler<Payload>;
  readonly parsed: ParsedJob<Payload>;
  readonly run: Run;
  readonly claim: Claim;
  readonly records: JobRecords;
  readonly steps: StepRecords;
  readonly runtime: Runtime;
}

/** One run of the handler, from its start to its end; never throws. */
export async function attempt<Payload>(options: AttemptOptions<Payload>): Promise<AttemptEnd> {
  const { job, handler, parsed, run, claim, records, steps, runtime } = options;
  const beganMs = runtime.now();
  const aborter = new AbortController();
  const { signal } = aborter;
  const { attempt: number, life, executionArn } = claim;
  const identity = {
    id: run.jobId,
    type: run.type,
    key: run.key,
    attempt: number,
    life,
    ...(executionArn === undefined ? {} : { executionArn }),
  };
  const timeout = setTimeout(
    () => aborter.abort(new TimedOut(`The attempt ran past its ${job.timeoutSeconds} s and was abandoned.`)),
    job.timeoutSeconds * 1000,
  );
  // A handler that ignores its signal is left behind: what it does later can begin no step.
  const abandoned = new Promise<never>((_, fail) => {
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
  });
  const unwatch = job.cancellable
    ? watchForCancellation(() => records.cancelRequested(run), aborter)
    : undefined;
  const { step } = stepsOf({
    records: steps,
    signal,
    leaseUntilMs: run.leaseUntilMs,
    now: runtime.now,
    random: runtime.random,
  });
  let log: Logger | undefined;
  const context: JobContext = {
    job: identity,
    message: parsed.message,
    signal,
    step,
    // Made when first asked for: a child logger costs as much processor as a call to DynamoDB, and most jobs log nothing.
    get log() {
      log ??= unfailing(runtime.logger.createChild({ persistentKeys: { job: identity } }));
      return log;
    },
  };
  try {
    // A handler may throw before it returns a promise, or return none.
    const work = Promise.try(handler, parsed.payload, context);
    work.catch(() => {
      // Its rejection after the abandonment concerns nobody any more; unhandled, it would end the process with all its jobs.
    });
    const result = await Promise.race([work, abandoned]);
    const durationMs = runtime.now() - beganMs;
    if (result instanceof Started) return { kind: 'returned', started: result, durationMs };
    return { kind: 'returned', result: keepable(result, context), durationMs };
  } catch (thrown) {
    const error = errorRecord(thrown);
    const durationMs = runtime.now() - beganMs;
    if (signal.reason instanceof Cancelled) return { kind: 'cancelled', durationMs };
    if (thrown instanceof RetryAfter)
      return { kind: 'deferred', seconds: thrown.seconds, reason: error.message, durationMs };
    return {
      kind: 'threw',
      error,
      durationMs,
      next: continuation(job, thrown, error, claim.attempt, runtime),
    };
  } finally {
    clearTimeout(timeout);
    unwatch?.();
    aborter.abort(new TimedOut('The attempt has ended.'));
  }
}

function continuation(
  job: JobSettings,
  thrown: unknown,
  { code, message }: ErrorRecord,
  attempt: number,
  { random }: Runtime,
): Extract<AttemptEnd, { kind: 'threw' }>['next'] {
  if (thrown instanceof PermanentError) return { code, message, exhausted: false };
  const most = attemptsOf(job.schedule);
  if (attempt >= most)
    return {
      code,
      message: `Attempt ${attempt} of ${most}, the last: ${message}`,
      exhausted: true,
    };
  const noSoonerSeconds = thrown instanceof RetryNoSooner ? thrown.seconds : undefined;
  return retryDelay(job.schedule, attempt, random(), noSoonerSeconds);
}

/** The result as it is kept. One that cannot be kept is dropped, loudly: the work is done, and running it again would mend nothing. */
function keepable(result: unknown, context: JobContext): string | undefined {
  let json: string | undefined;
  try {
    json = JSON.stringify(result);
  } catch (error) {
    context.log.error(
      'The result of the handler is no JSON and is not kept: return ids or pointers.',
      error as Error,
    );
    return undefined;
  }
  const bytes = json === undefined ? 0 : Buffer.byteLength(json);
  if (bytes <= LONGEST_RESULT_BYTES) return json;
  context.log.error(
    `The result of the handler has ${bytes} bytes and is not kept (at most ${LONGEST_RESULT_BYTES}): return ids or pointers.`,
  );
  return undefined;
}
