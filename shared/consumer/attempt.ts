import type { Logger } from '@aws-lambda-powertools/logger';
import type { Job, JobSettings } from '../jobs/define-job.ts';
import type { ParsedJob } from '../jobs/parse-job.ts';
import { attemptsOf, delaySeconds } from '../jobs/schedule.ts';
import type { AttemptEnd } from './claim-layer.ts';
import type { JobContext, JobHandler } from './context.ts';
import { type ErrorRecord, errorRecord, PermanentError, TimedOut } from './errors.ts';
import type { Claim, Run } from './run.ts';
import type { Runtime } from './runtime.ts';
import { stepsOf } from './step.ts';
import { StepRecords } from './step-records.ts';

/** A record's writes cost by its size, and DynamoDB takes 400 KB with the history beside it. */
export const LONGEST_RESULT_BYTES = 100_000;
/** What an attempt leaves of its invocation, to record its end. */
export const RECORDING_MARGIN_MS = 3000;

/** One run of the handler, from its start to its end; never throws. */
export async function attempt<Payload>(
  job: Job<Payload, unknown>,
  handler: JobHandler<Payload>,
  parsed: ParsedJob<Payload>,
  run: Run,
  claim: Claim,
  runtime: Runtime,
): Promise<AttemptEnd> {
  const beganMs = runtime.now();
  const aborter = new AbortController();
  const { signal } = aborter;
  const identity = { id: run.jobId, type: run.type, key: run.key, attempt: claim.attempt, life: claim.life };
  const timeout = setTimeout(
    () => aborter.abort(new TimedOut(`The attempt ran past its ${job.timeoutSeconds} s and was abandoned.`)),
    // The claim itself took its time: the invocation must not end before the attempt does.
    Math.min(job.timeoutSeconds * 1000, run.leaseUntilMs - beganMs - RECORDING_MARGIN_MS),
  );
  // A handler that ignores its signal is left behind: what it does later can begin no step.
  const abandoned = new Promise<never>((_, fail) => {
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
  });
  const records = new StepRecords(runtime.dynamo, runtime.jobsTable, run, runtime.now);
  const { step, underWay } = stepsOf({ records, signal, leaseUntilMs: run.leaseUntilMs, now: runtime.now });
  let log: Logger | undefined;
  const context: JobContext = {
    job: identity,
    signal,
    step,
    // Made when first asked for: a child logger costs as much processor as a call to DynamoDB, and most jobs log nothing.
    get log() {
      log ??= runtime.logger.createChild({ persistentKeys: { job: identity } });
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
    return { kind: 'returned', result: keepable(result, context), durationMs: runtime.now() - beganMs };
  } catch (thrown) {
    const error = errorRecord(thrown);
    return {
      kind: 'threw',
      error,
      durationMs: runtime.now() - beganMs,
      next: continuation(job, error, thrown instanceof PermanentError, claim.attempt, underWay, runtime),
    };
  } finally {
    clearTimeout(timeout);
    aborter.abort(new TimedOut('The attempt has ended.'));
  }
}

function continuation(
  job: JobSettings,
  { code, message }: ErrorRecord,
  permanent: boolean,
  attempt: number,
  underWay: ReadonlySet<string>,
  { random }: Runtime,
): Extract<AttemptEnd, { kind: 'threw' }>['next'] {
  // Nobody will look again: what may have happened belongs into the reason.
  const uncertain = [...underWay]
    .map((step) => ` Step "${step}" left no certain outcome: its effect may have happened.`)
    .join('');
  if (permanent) return { code, message: message + uncertain, exhausted: false };
  const most = attemptsOf(job.schedule);
  if (attempt >= most)
    return {
      code,
      message: `Attempt ${attempt} of ${most}, the last: ${message}${uncertain}`,
      exhausted: true,
    };
  return { delaySeconds: delaySeconds(job.schedule, attempt, random()) };
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
