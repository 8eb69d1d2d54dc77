import {
  expirationSeconds,
  type FailedAttempt,
  type JobRecord,
  type JobState,
  type Verdict,
} from '../jobs/record.ts';
import type { Ending, Run } from './run.ts';

/** How a job goes on after an attempt that did not complete it. */
export type Continuation = Retry | { readonly verdict: Verdict } | Deferral | { readonly ended: Ending };

export interface Retry {
  readonly notBeforeMs: number;
  readonly delaySeconds: number;
  readonly delayWhy: string;
}

export interface Deferral {
  readonly notBeforeMs: number;
  readonly deferredBecause: string;
  /** With this one. */
  readonly deferrals: number;
}

/** The code of an attempt whose process died. */
export const CRASHED = 'CRASHED';

/** The attempt that a record shows as begun and never ended. */
export function crashOf({ life, attempts, startedAtMs, requestId }: JobRecord): FailedAttempt {
  return {
    life,
    attempt: attempts,
    startedAtMs,
    code: CRASHED,
    message: `crashed: no outcome was recorded (request ${requestId})`,
    requestId,
  };
}

/** What the record says after an attempt's end. */
export function fieldsAfter(
  next: Continuation,
  nowMs: number,
): { state: JobRecord['state'] } & Partial<
  Pick<JobRecord, 'verdict' | 'notBeforeMs' | 'deferrals' | 'deferredBecause' | 'endedAtMs'>
> {
  if ('verdict' in next) return { state: 'dead', verdict: next.verdict };
  if ('ended' in next) return { state: next.ended, endedAtMs: nowMs };
  if ('deferrals' in next) return { state: 'deferred', ...next };
  return { state: 'retrying', notBeforeMs: next.notBeforeMs };
}

/** The message that carries a verdict is known, unless it was before: nobody need send another one. */
export function carrierNote(life: number, messageId: string) {
  return {
    UpdateExpression: 'SET verdict.messageId = :message',
    ConditionExpression: '#state = :dead AND #life = :life AND verdict.messageId = :unsent',
    ExpressionAttributeNames: { '#state': 'state', '#life': 'life' },
    ExpressionAttributeValues: { ':message': messageId, ':dead': 'dead', ':life': life, ':unsent': '' },
  };
}

/** What every write sets that gives the record to a run. */
export const CLAIM_FIELDS =
  'jobId = if_not_exists(jobId, :jobId), #status = :status, #state = :state, #owner = :owner, requestId = :request, ' +
  'leaseUntilMs = :lease, payloadHash = :hash, messageId = :message, hop = :hop, startedAtMs = :now, expiration = :expiration, ' +
  'stepsRememberedMs = if_not_exists(stepsRememberedMs, :now)';

export const CLAIM_NAMES = { '#status': 'status', '#state': 'state', '#owner': 'owner' };

export function claimValues(run: Run, nowMs: number, state: JobState = 'running') {
  return {
    ':jobId': run.jobId,
    ':status': 'INPROGRESS',
    ':state': state,
    ':owner': run.owner,
    ':request': run.requestId,
    ':lease': run.leaseUntilMs,
    ':hash': run.payloadHash,
    ':message': run.messageId,
    ':hop': run.claimedHop,
    ':now': nowMs,
    ':expiration': expirationSeconds(nowMs),
  };
}

/** Our own write, whose answer was lost and which the SDK sent again, stands in its own way. */
export function isOurs(record: JobRecord | undefined, run: Run, state: JobRecord['state']): boolean {
  return record?.owner === run.owner && record.state === state;
}
