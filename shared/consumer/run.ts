import { type FailedAttempt, type JobRecord, keyReused, type Verdict } from '../jobs/record.ts';
import type { ErrorRecord } from './errors.ts';

/** One message's go at one job: who it is, and what came of it. The layer beneath Powertools and the attempt both write here. */
export interface Run {
  readonly type: string;
  readonly key: string;
  readonly jobId: string;
  readonly payloadHash: string;
  readonly messageId: string;
  /** Whether SQS hands the message out for the first time. */
  readonly firstReceive: boolean;
  /** When SQS took the message; later than a verdict means that it was redriven or published again. */
  readonly sentAtMs: number;
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
}

export type Outcome =
  | { readonly kind: 'completed'; readonly durationMs: number }
  | { readonly kind: 'duplicate' }
  | {
      readonly kind: 'failed';
      readonly attempt: number;
      readonly error: ErrorRecord;
      readonly delaySeconds: number;
      readonly notBeforeMs: number;
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
  /** This invocation has too little time left for an attempt. */
  | 'no-time-left'
  /** The claim could not be written or read; nothing ran. */
  | 'records-unreachable'
  /** An attempt ran, and its end could not be written; it will be found as a crash when its lease ends. */
  | 'end-not-recorded';

/** Reads what stands in the way of a claim. `undefined`: nothing that this reader knows, so the claim may be tried again. */
export function obstacle(record: JobRecord, run: Run, nowMs: number): Outcome | undefined {
  if (record.payloadHash !== run.payloadHash)
    return { kind: 'dead', fresh: run.firstReceive, verdict: keyReused(run.key, record.jobId) };
  switch (record.state) {
    case 'completed':
      return { kind: 'duplicate' };
    case 'dead':
      return record.verdict && binds(record.verdict, run)
        ? { kind: 'dead', fresh: false, verdict: record.verdict }
        : undefined;
    case 'running':
      return record.leaseUntilMs > nowMs
        ? { kind: 'waiting', untilMs: record.leaseUntilMs, why: 'claimed' }
        : undefined;
    case 'retrying': {
      const notBeforeMs = record.notBeforeMs ?? 0;
      return notBeforeMs > nowMs ? { kind: 'waiting', untilMs: notBeforeMs, why: 'backing-off' } : undefined;
    }
  }
}

/** A verdict holds for its own message and for those of the key that were sent before it; one sent later begins a new life. */
function binds(verdict: Verdict, run: Run): boolean {
  return verdict.messageId === run.messageId || run.sentAtMs <= verdict.atMs;
}
