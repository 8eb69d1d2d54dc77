import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import type { Context } from 'aws-lambda';
import { type Job, RECORD_RETENTION_SECONDS } from '../jobs/define-job.ts';
import type { ParsedJob } from '../jobs/parse-job.ts';
import { attempt } from './attempt.ts';
import { ClaimLayer } from './claim-layer.ts';
import { ClaimWrites } from './claim-writes.ts';
import type { JobHandler } from './context.ts';
import { errorRecord } from './errors.ts';
import { JobRecords } from './job-records.ts';
import { leastMsOf, type Outcome, type Run } from './run.ts';
import type { Runtime } from './runtime.ts';
import { StepRecords } from './step-records.ts';

/** Tells Powertools that the attempt did not complete the job. The handler's own error never gets there: one of its names would make it run again. */
class AttemptFailed extends Error {
  override readonly name = 'AttemptFailed';
}

/**
 * Runs one job under Powertools' idempotency: claim, attempt, completion or release. The outcome is what the layer and the attempt
 * wrote into the run; the error that comes out of `makeIdempotent` is only looked at where neither got to write one.
 */
export async function runJob<Payload>(
  job: Job<Payload, unknown>,
  handler: JobHandler<Payload>,
  parsed: ParsedJob<Payload>,
  run: Run,
  lambdaContext: Context,
  runtime: Runtime,
): Promise<Outcome> {
  const { now, random } = runtime;
  const claims = new ClaimWrites(runtime.dynamo, runtime.jobsTable, now);
  const records = new JobRecords(runtime.dynamo, runtime.jobsTable, now);
  const steps = new StepRecords(runtime, run);
  const layer = new ClaimLayer({ claims, records, steps, run, job, now, random });
  const runOnce = makeIdempotent(
    async (_identity: { readonly key: string; readonly payloadHash: string }) => {
      if (!run.claim) throw new AttemptFailed('No claim');
      if (run.leaseUntilMs - now() < leastMsOf(job)) {
        layer.end = { kind: 'not-begun' };
        throw new AttemptFailed();
      }
      layer.end = await attempt({ job, handler, parsed, run, claim: run.claim, records, steps, runtime });
      if (layer.end.kind !== 'returned') throw new AttemptFailed();
      return null;
    },
    {
      persistenceStore: layer,
      keyPrefix: job.type,
      config: new IdempotencyConfig({
        eventKeyJmesPath: 'key',
        payloadValidationJmesPath: 'payloadHash',
        throwOnNoIdempotencyKey: true,
        expiresAfterSeconds: RECORD_RETENTION_SECONDS,
        hashFunction: 'sha256',
        lambdaContext,
      }),
    },
  );
  let failure: unknown;
  try {
    if (run.expired) await layer.expire();
    else await runOnce(Object.freeze({ key: run.key, payloadHash: run.payloadHash }));
  } catch (error) {
    failure = error;
  }
  await noteDuplicate(records, run, runtime);
  return run.outcome ?? unrecorded(run, now(), failure);
}

/** So that the status of a message's own id says whose duplicate it is, or that its job had ended before it came. Nothing else depends on it. */
async function noteDuplicate(records: JobRecords, run: Run, { logger }: Runtime): Promise<void> {
  const { outcome } = run;
  if (outcome === undefined || hasOwnRecord(outcome, run)) return;
  try {
    await records.noteDuplicate(run);
  } catch (error) {
    logger.warn('A duplicate could not be noted under its own id.', { id: run.jobId, error: error as Error });
  }
}

/** Whether the message's own id already leads to the job, or to no end that somebody would look for. */
function hasOwnRecord(outcome: Outcome, { jobId }: Run): boolean {
  switch (outcome.kind) {
    case 'duplicate':
    case 'superseded':
      return outcome.of === jobId;
    case 'cancelled':
      return false;
    case 'expired':
      // A job that expires unseen has its record under its own id: no second write for each that is shed.
      return outcome.fresh;
    default:
      return true;
  }
}

/** So often a message is renewed whose own record DynamoDB refuses: hours, in which a fault of ours may be mended. */
const MOST_RENEWALS_REFUSED = 3;

/** DynamoDB did not answer: before the claim nothing ran; after it, the end is unknown to the records until the lease is over. */
function unrecorded(run: Run, nowMs: number, failure: unknown): Outcome {
  const error = failure === undefined ? undefined : errorRecord(failure);
  if (error && !run.claim && run.spent && run.hop >= MOST_RENEWALS_REFUSED && isRefused(failure))
    return {
      kind: 'dead',
      fresh: run.lastReceive,
      verdict: { code: 'RECORD_REFUSED', message: `DynamoDB takes no record of the job: ${error.message}` },
    };
  return {
    kind: 'waiting',
    ...(run.claim
      ? { why: 'end-not-recorded' as const, untilMs: run.leaseUntilMs }
      : { why: 'records-unreachable' as const, untilMs: nowMs }),
    ...(error ? { error } : {}),
  };
}

/** Whether DynamoDB refuses the write itself, and would whenever it is asked. */
function isRefused(failure: unknown): boolean {
  for (let error = failure; error instanceof Error; error = error.cause)
    if (error.name === 'ValidationException') return true;
  return false;
}
