import {
  binds,
  type FailedAttempt,
  isOtherWork,
  type JobRecord,
  keyReused,
  type Verdict,
} from '../jobs/record.ts';
import type { ErrorRecord } from './errors.ts';

/** What an attempt leaves of its invocation, to record its end. */
const RECORDING_MARGIN_MS = 3000;
/** What claiming a job may take of it. A claim that took longer is given back. */
export const CLAIMING_MARGIN_MS = 2000;

/** What an attempt needs of its invocation once its job is claimed. */
export function leastMsOf({ timeoutSeconds }: { readonly timeoutSeconds: number }): number {
  return timeoutSeconds * 1000 + RECORDING_MARGIN_MS;
}

/** One message's go at one job: who it is, and what came of it. The layer beneath Powertools and the attempt both write here. */
export interface Run {
  readonly type: string;
  readonly key: string;
  readonly jobId: string;
  readonly payloadHash: string;
  readonly messageId: string;
  /** Whether the next receive moves the message to the dead-letter queue: what is judged anew at each receive is counted at this one. */
  readonly lastReceive: boolean;
  /** Whether it is one of the receives that are left for sending the message again, should nothing be decided. */
  readonly spent: boolean;
  /** When SQS took the message; later than a verdict means that it was redriven or published again. */
  readonly sentAtMs: number;
  /** How often the message was re-sent, as its body says. */
  readonly hop: number;
  /** The hop that a claim is written with: the message's own, or the record's where that is higher. */
  claimedHop: number;
  /** Whether the message's `expirytime` has come: then no attempt starts. */
  readonly expired: boolean;
  /** Whether a job that crashed before may run now: nothing else does, or it has waited for that long enough. */
  readonly alone: boolean;
  /** Names this run in the claim. */
  readonly owner: string;
  readonly requestId: string;
  /** The claim's end: the invocation cannot outlive it. */
  readonly leaseUntilMs: number;
  /** Set by a claim that succeeded. */
  claim?: Claim;
  /** Set once; what the consumer does with the message follows from it alone. */
  outcome?: Outcome;
}

export interface Claim {
  readonly attempt: number;
  readonly life: number;
  readonly startedAtMs: number;
  /** The failed attempts before this one, of all lives. */
  readonly history: readonly FailedAttempt[];
  /** How often the handler asked for later in this life. */
  readonly deferrals: number;
  /** The job's steps are remembered for at least as long as if each had been written then. */
  readonly stepsRememberedMs: number;
  /** Of a staged job: the execution of the life before. */
  readonly executionArn?: string;
}

/** How a job ends without having been run to its end. */
export type Ending = 'expired' | 'cancelled';

export type Outcome =
  | { readonly kind: 'completed'; readonly durationMs: number }
  /** An execution of a state machine carries the job from now on. */
  | { readonly kind: 'started'; readonly executionArn: string; readonly durationMs: number }
  | {
      readonly kind: 'duplicate';
      /** The id under which the job was done. */
      readonly of: string;
    }
  /** A later message carries the job. */
  | { readonly kind: 'superseded'; readonly of: string }
  | {
      readonly kind: Ending;
      /** Whether this run ended it, or only found it ended. */
      readonly fresh: boolean;
      readonly durationMs?: number;
    }
  | {
      /** The handler asked for later. */
      readonly kind: 'deferred';
      readonly untilMs: number;
      readonly reason: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'failed';
      readonly attempt: number;
      readonly error: ErrorRecord;
      readonly delaySeconds: number;
      readonly notBeforeMs: number;
      /** Whether the delay is the handler's, longer than the schedule's own. */
      readonly asked: boolean;
      /** Absent for a crash, whose end nobody saw. */
      readonly durationMs?: number;
    }
  | {
      /** Decided: nothing will run it again in this life. */
      readonly kind: 'dead';
      readonly verdict: Pick<Verdict, 'code' | 'message'>;
      /** Whether this run decided it, or only found the decision. */
      readonly fresh: boolean;
      readonly error?: ErrorRecord;
      readonly durationMs?: number;
    }
  | {
      readonly kind: 'waiting';
      readonly untilMs: number;
      readonly why: WaitReason;
      readonly error?: ErrorRecord;
    };

export type WaitReason =
  /** Another run holds the claim. */
  | 'claimed'
  /** Our claim was taken by another run while the handler ran on; nothing was recorded. */
  | 'claim-lost'
  /** The key waits for its next attempt. */
  | 'backing-off'
  /** The handler asked for later, and it is not later yet. */
  | 'deferred'
  /** It crashed before, and runs when nothing else does. */
  | 'runs-alone'
  /** This invocation has too little time left for an attempt. */
  | 'no-time-left'
  /** The claim could not be written or read; nothing ran. */
  | 'records-unreachable'
  /** An attempt ran, and its end could not be written; it will be found as a crash when its lease ends. */
  | 'end-not-recorded';

/** Whether a job that waits must end instead of running again. */
export function endingOf(record: JobRecord, run: Run): Ending | undefined {
  if (record.cancelRequestedAtMs !== undefined) return 'cancelled';
  return run.expired ? 'expired' : undefined;
}

/** Reads what stands in the way of a claim. `undefined`: nothing that this reader knows, so the claim may be tried again. */
export function obstacle(record: JobRecord, run: Run, nowMs: number): Outcome | undefined {
  if (isOtherWork(record, run.payloadHash))
    return { kind: 'dead', fresh: run.lastReceive, verdict: keyReused(run.key, record.jobId) };
  if (record.state === 'cancelled' || record.state === 'expired') return { kind: record.state, fresh: false };
  if (record.state === 'completed') return { kind: 'duplicate', of: record.jobId };
  const { verdict } = record;
  if (record.state === 'dead' && !(verdict && binds(verdict, run))) return undefined;
  if (supersedes(record, run)) return { kind: 'superseded', of: record.jobId };
  switch (record.state) {
    case 'started':
      return { kind: 'duplicate', of: record.jobId };
    case 'dead':
      return verdict && { kind: 'dead', fresh: false, verdict };
    case 'running':
      return record.leaseUntilMs > nowMs
        ? { kind: 'waiting', untilMs: record.leaseUntilMs, why: 'claimed' }
        : undefined;
    case 'retrying':
    case 'deferred': {
      const untilMs = record.notBeforeMs ?? 0;
      // What is to end need not wait for it.
      if (untilMs <= nowMs || endingOf(record, run)) return undefined;
      return { kind: 'waiting', untilMs, why: record.state === 'deferred' ? 'deferred' : 'backing-off' };
    }
  }
}

/**
 * A message that was sent again carries its job no more once its successor has claimed the key. One that was sent later than that claim
 * was published again, by somebody who does not trust the successor to come; once it has claimed the key itself, with a hop beyond its own, it
 * is the one that carries the job.
 */
function supersedes(record: JobRecord, run: Run): boolean {
  return (
    run.hop < (record.hop ?? 0) && run.sentAtMs <= record.startedAtMs && record.messageId !== run.messageId
  );
}
