import type { JobRecord } from '../jobs/record.ts';

/** What is true of a job at a moment. */
export type JobStatus =
  | {
      readonly state: 'running';
      readonly sinceMs: number;
      readonly attempt: number;
      readonly untilAtMostMs: number;
    }
  /** Its lease is over and no end was recorded: its process died, and the next receive will find it. */
  | { readonly state: 'crashed'; readonly startedAtMs: number; readonly attempt: number }
  | { readonly state: 'backing-off'; readonly untilMs: number; readonly failedAttempts: number }
  /** Due for its next attempt, which its message brings when SQS hands it out. */
  | { readonly state: 'due'; readonly sinceMs: number; readonly failedAttempts: number }
  /** The handler asked for later. */
  | {
      readonly state: 'deferred';
      readonly untilMs: number;
      readonly because: string;
      readonly deferrals: number;
    }
  /** Its `expirytime` came before its work was done. */
  | { readonly state: 'expired'; readonly atMs: number }
  /** Cancelled; `pending` until its message is met next and taken off. */
  | { readonly state: 'cancelled'; readonly atMs: number; readonly pending: boolean }
  | { readonly state: 'completed'; readonly atMs: number; readonly result: unknown }
  | {
      readonly state: 'dead-lettered';
      readonly atMs: number;
      readonly code: string;
      readonly reason: string;
    };

/** Reads a record for what it says at `nowMs`. Nothing is "running" for ever: a lease that is over says that nobody runs it. */
export function statusOf(record: JobRecord, nowMs: number): JobStatus {
  if (
    record.cancelRequestedAtMs !== undefined &&
    (record.state === 'retrying' || record.state === 'deferred')
  )
    return { state: 'cancelled', atMs: record.cancelRequestedAtMs, pending: true };
  switch (record.state) {
    case 'running':
      return record.leaseUntilMs > nowMs
        ? {
            state: 'running',
            sinceMs: record.startedAtMs,
            attempt: record.attempts,
            untilAtMostMs: record.leaseUntilMs,
          }
        : { state: 'crashed', startedAtMs: record.startedAtMs, attempt: record.attempts };
    case 'retrying': {
      const dueMs = record.notBeforeMs ?? 0;
      return dueMs > nowMs
        ? { state: 'backing-off', untilMs: dueMs, failedAttempts: record.attempts }
        : { state: 'due', sinceMs: dueMs, failedAttempts: record.attempts };
    }
    case 'deferred':
      return {
        state: 'deferred',
        untilMs: record.notBeforeMs ?? 0,
        because: record.deferredBecause ?? '',
        deferrals: record.deferrals ?? 0,
      };
    case 'expired':
      return { state: 'expired', atMs: record.endedAtMs ?? record.startedAtMs };
    case 'cancelled':
      return {
        state: 'cancelled',
        atMs: record.endedAtMs ?? record.cancelRequestedAtMs ?? record.startedAtMs,
        pending: false,
      };
    case 'completed':
      return {
        state: 'completed',
        atMs: record.completedAtMs ?? record.startedAtMs,
        result: record.result === undefined ? undefined : JSON.parse(record.result),
      };
    case 'dead':
      return {
        state: 'dead-lettered',
        atMs: record.verdict?.atMs ?? record.startedAtMs,
        code: record.verdict?.code ?? 'UNKNOWN',
        reason: record.verdict?.message ?? 'No verdict was recorded.',
      };
  }
}
