import { type JobRecord, type StepRecord, stageOfStep, type Verdict } from '../jobs/record.ts';

/** What is true of a job at a moment. */
export type JobStatus =
  | {
      readonly state: 'running';
      readonly sinceMs: number;
      readonly attempt: number;
      readonly untilAtMostMs: number;
      /** Somebody cancelled it meanwhile: it ends with this attempt, unless that completes it. */
      readonly cancelRequestedAtMs?: number;
    }
  /**
   * Its lease is over and no end was recorded: its process died, or the end could not be written. The next receive will find it; when
   * it was cancelled, that one ends it.
   */
  | {
      readonly state: 'crashed';
      readonly startedAtMs: number;
      readonly attempt: number;
      readonly cancelRequestedAtMs?: number;
    }
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
  /** An execution of its state machine carries it. */
  | {
      readonly state: 'started';
      readonly sinceMs: number;
      readonly executionArn: string;
      readonly cancelRequestedAtMs?: number;
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
  const { cancelRequestedAtMs } = record;
  const cancelled = cancelRequestedAtMs === undefined ? {} : { cancelRequestedAtMs };
  if (cancelRequestedAtMs !== undefined && (record.state === 'retrying' || record.state === 'deferred'))
    return { state: 'cancelled', atMs: cancelRequestedAtMs, pending: true };
  switch (record.state) {
    case 'running':
      return record.leaseUntilMs > nowMs
        ? {
            state: 'running',
            sinceMs: record.startedAtMs,
            attempt: record.attempts,
            untilAtMostMs: record.leaseUntilMs,
            ...cancelled,
          }
        : { state: 'crashed', startedAtMs: record.startedAtMs, attempt: record.attempts, ...cancelled };
    case 'started':
      return {
        state: 'started',
        sinceMs: record.startedAtMs,
        executionArn: record.executionArn ?? '',
        ...cancelled,
      };
    case 'retrying':
    case 'deferred': {
      const untilMs = record.notBeforeMs ?? 0;
      if (untilMs <= nowMs) return { state: 'due', sinceMs: untilMs, failedAttempts: record.attempts };
      if (record.state === 'retrying')
        return { state: 'backing-off', untilMs, failedAttempts: record.attempts };
      return {
        state: 'deferred',
        untilMs,
        because: record.deferredBecause ?? '',
        deferrals: record.deferrals ?? 0,
      };
    }
    case 'expired':
      return { state: 'expired', atMs: record.endedAtMs ?? record.startedAtMs };
    case 'cancelled':
      return {
        state: 'cancelled',
        atMs: record.endedAtMs ?? cancelRequestedAtMs ?? record.startedAtMs,
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

export type StepStatus =
  | {
      readonly state: 'done';
      readonly atMs: number;
      readonly result?: string;
      readonly resultObject?: string;
    }
  /** The running attempt, or the stage's run, is in it. */
  | { readonly state: 'under-way'; readonly sinceMs: number }
  /** It began and left no certain outcome: its effect may have happened. */
  | { readonly state: 'uncertain'; readonly sinceMs: number }
  /** A whole run of a stage that has not ended, or left no outcome: it may be repeated as it stands. */
  | { readonly state: 'repeatable'; readonly sinceMs: number }
  /** It began, and its effect certainly did not happen. */
  | { readonly state: 'not-done'; readonly begunAtMs: number };

/**
 * What is true of a step, which depends on whether its job's own run, or its stage's, is still in it.
 *
 * @param steps all of the job
 */
export function stepStatusOf(
  step: StepRecord,
  record: JobRecord,
  nowMs: number,
  steps: readonly StepRecord[],
): StepStatus {
  switch (step.state) {
    case 'done':
      return {
        state: 'done',
        atMs: step.doneAtMs ?? step.begunAtMs,
        ...(step.result === undefined ? {} : { result: step.result }),
        ...(step.resultObject === undefined ? {} : { resultObject: step.resultObject }),
      };
    case 'not-done':
      return { state: 'not-done', begunAtMs: step.begunAtMs };
    case 'begun':
      if (stageOfStep(step)) return { state: 'repeatable', sinceMs: step.begunAtMs };
      return inUseUntilMs(step, steps, nowMs) !== undefined ||
        (step.owner === record.owner && statusOf(record, nowMs).state === 'running')
        ? { state: 'under-way', sinceMs: step.begunAtMs }
        : { state: 'uncertain', sinceMs: step.begunAtMs };
  }
}

/**
 * Until when a stage's run may be in a step at the longest: neither a retry nor the end of the execution stops the function. `undefined` when none is,
 * or it has said that it ended.
 */
export function inUseUntilMs(
  { sk, owner, leaseUntilMs = 0 }: StepRecord,
  steps: readonly StepRecord[],
  nowMs: number,
): number | undefined {
  if (leaseUntilMs <= nowMs) return undefined;
  const stage = steps.find((one) => one.owner === owner && stageOfStep(one) && sk.startsWith(`${one.sk}/`));
  const failedAtMs = stage?.failure?.atMs ?? Number.NEGATIVE_INFINITY;
  const hasEnded = stage !== undefined && (stage.state !== 'begun' || failedAtMs >= stage.begunAtMs);
  return hasEnded ? undefined : leaseUntilMs;
}

/** The lives of a job: each redrive begins one. */
export interface Lives {
  readonly life: number;
  /** When this life's first attempt began. */
  readonly sinceMs: number;
  /** `false`: it began then or earlier, since its first attempts left nothing in the history. */
  readonly exact: boolean;
  /** How the former ones ended, oldest first; of many, the last ones. */
  readonly former: readonly { readonly life: number; readonly verdict: Verdict }[];
}

export function livesOf({
  life,
  history = [],
  attempts,
  deferrals,
  startedAtMs,
  pastVerdicts: past = [],
}: JobRecord): Lives {
  const first = history.find((attempt) => attempt.life === life);
  return {
    life,
    sinceMs: Math.min(first?.startedAtMs ?? startedAtMs, startedAtMs),
    exact: deferrals === undefined && (first?.attempt === 1 || (first === undefined && attempts <= 1)),
    former: past.map((verdict, index) => ({ life: life - past.length + index, verdict })),
  };
}
