import { RECORD_RETENTION_SECONDS } from './define-job.ts';

/**
 * The record of one job: the claim, its attempts, its verdict and its result, under the job's key. The consumer writes it, status
 * and tools read it. Times are milliseconds since the epoch, but for `expiration`, which DynamoDB's TTL reads in seconds.
 */
export interface JobRecord {
  /** `<type>#<key>` */
  readonly pk: string;
  readonly sk: typeof JOB_SORT_KEY;
  /** The id that the first publisher of this key chose. */
  readonly jobId: string;
  /** Powertools' own status of the claim. */
  readonly status: 'INPROGRESS' | 'COMPLETED';
  readonly state: JobState;
  /** The token of the run that wrote last; completing and failing are conditional on it. */
  readonly owner: string;
  /** The Lambda request of that run. */
  readonly requestId: string;
  /** While running: nobody else may run the key before this. */
  readonly leaseUntilMs: number;
  /** Empty where the job was cancelled before anybody had seen a message of it. */
  readonly payloadHash: string;
  /** Attempts begun in this life. */
  readonly attempts: number;
  /** While retrying or deferred: the next attempt begins no sooner. */
  readonly notBeforeMs?: number;
  /** 1, and one more for each redrive that began the job afresh. */
  readonly life: number;
  /** The highest hop that has claimed the key: a message below it has been re-sent, and carries the job no more. @default 0 */
  readonly hop?: number;
  /** How often the handler asked for later in this life. @default 0 */
  readonly deferrals?: number;
  /** While deferred: why. */
  readonly deferredBecause?: string;
  /** Somebody cancelled the job. It holds unless the job had ended, or ends well before anybody looks. */
  readonly cancelRequestedAtMs?: number;
  /** Its process died once: it runs alone from then on. */
  readonly crashed?: true;
  /** The message that the last run came from. */
  readonly messageId: string;
  readonly startedAtMs: number;
  readonly completedAtMs?: number;
  /** Of a staged job: the execution that carries it. Completion comes from there. */
  readonly executionArn?: string;
  /** How often that execution had been redriven when it was begun for this life. */
  readonly redriveCount?: number;
  /** When the job expired or its cancellation took effect. */
  readonly endedAtMs?: number;
  /** JSON. */
  readonly result?: string;
  readonly verdict?: Verdict;
  /** Of the lives before this one, oldest first; only the last {@link MOST_PAST_VERDICTS} are kept. */
  readonly pastVerdicts?: readonly Verdict[];
  /** Failed attempts, oldest first; only the last {@link LONGEST_HISTORY} are kept. */
  readonly history?: readonly FailedAttempt[];
  /** Its steps are remembered for at least as long as if each had been written then. */
  readonly stepsRememberedMs?: number;
  readonly expiration: number;
}

export type JobState =
  | 'running'
  | 'started'
  | 'retrying'
  | 'deferred'
  | 'completed'
  | 'dead'
  | 'expired'
  | 'cancelled';

/** Why a job was given up on. */
export interface Verdict {
  readonly code: string;
  readonly message: string;
  readonly atMs: number;
  /** It binds this message, and every message of the key that was sent before it. */
  readonly messageId: string;
  /** Later than `atMs` where the message that carries the verdict is sent after it. */
  readonly bindsUntilMs?: number;
  readonly attempts: number;
  /** Whether the attempts ran out; otherwise one of them decided it. */
  readonly exhausted: boolean;
  /** Steps that left no certain outcome by then: their effects may have happened. The first ten. @default none */
  readonly uncertain?: readonly string[];
}

/** A verdict holds for its own message and for those of the key that were sent before it; one sent later begins a new life. */
export function binds(
  verdict: Verdict,
  message: { readonly messageId: string; readonly sentAtMs: number },
): boolean {
  return (
    verdict.messageId === message.messageId || message.sentAtMs <= (verdict.bindsUntilMs ?? verdict.atMs)
  );
}

/** Whether a message of the key has another payload. A job that was cancelled before anybody had seen a message of it may have any. */
export function isOtherWork(record: Pick<JobRecord, 'payloadHash'>, payloadHash: string): boolean {
  return record.payloadHash !== '' && record.payloadHash !== payloadHash;
}

/** The verdict on a message, not on the job that has the key: nothing is recorded, the two payloads say it at each receive. */
export function keyReused(key: string, jobId: string): Pick<Verdict, 'code' | 'message'> {
  return {
    code: 'KEY_REUSED',
    message: `The key "${key}" was used before with another payload (job ${jobId}): somebody reuses keys. Publish the new work under a key of its own.`,
  };
}

export interface FailedAttempt {
  readonly life: number;
  readonly attempt: number;
  readonly startedAtMs: number;
  /** Absent for a crash: nobody saw the end. */
  readonly endedAtMs?: number;
  readonly code: string;
  readonly message: string;
  readonly stack?: string;
  readonly requestId: string;
  /** The delay chosen before the next attempt; absent after the last. */
  readonly delaySeconds?: number;
  /** How the delay came about. */
  readonly delayWhy?: string;
}

/** Tells that a message of another id was a duplicate of the job that has the key. */
export interface DuplicateRecord {
  readonly pk: string;
  /** `id#<jobId>` */
  readonly sk: string;
  /** The duplicate's own id, which the index finds. */
  readonly jobId: string;
  readonly expiration: number;
}

/** The record of a step, under its job's key. */
export interface StepRecord {
  readonly pk: string;
  /** `step#<name>` */
  readonly sk: string;
  readonly state: 'begun' | 'done' | 'not-done';
  readonly owner: string;
  /** When it was first begun: a provider that forgets idempotency keys counts from here. */
  readonly firstBegunAtMs: number;
  readonly begunAtMs: number;
  readonly doneAtMs?: number;
  /** JSON. */
  readonly result?: string;
  /** 0 to 1, and what it says. */
  readonly progress?: { readonly fraction: number; readonly text: string; readonly atMs: number };
  /** Of a stage: the last run that failed, and how many have. */
  readonly failure?: {
    readonly code: string;
    readonly message: string;
    readonly atMs: number;
    readonly requestId: string;
  };
  readonly failures?: number;
  /** Of a stage and the steps within it: the run that began it has ended by then. */
  readonly leaseUntilMs?: number;
  /** In place of `result`, when it is too large for a record: its key in the bucket. */
  readonly resultObject?: string;
  readonly expiration: number;
}

export const JOB_SORT_KEY = 'job';
export const LONGEST_HISTORY = 30;
export const MOST_PAST_VERDICTS = 10;

export function jobPartitionKey(type: string, key: string): string {
  return `${type}#${key}`;
}

export function stepSortKey(name: string): string {
  return `step#${name}`;
}

export function duplicateSortKey(jobId: string): string {
  return `id#${jobId}`;
}

/** When a record that was written now may be forgotten, in seconds as DynamoDB's TTL reads it. */
export function expirationSeconds(nowMs: number): number {
  return Math.ceil(nowMs / 1000) + RECORD_RETENTION_SECONDS;
}

/**
 * How much longer a stage's step is remembered than another, in seconds: one of an execution that may run for weeks is needed when that ends, which renews
 * it. Else nothing, so that no step outlives its job and is found by the next one of its key.
 */
export function longerForExecution(executionTimeoutSeconds: number): number {
  return executionTimeoutSeconds > RECORD_RETENTION_SECONDS / 2 ? executionTimeoutSeconds : 0;
}

/** Before the names of the steps that are stages of a staged job; no author's step begins so. */
export const STAGE_STEP_PREFIX = 'stage/';

/** The step that a stage, or its run for an item, is recorded under. */
export function stageStepName(stage: string, index?: number): string {
  return `${STAGE_STEP_PREFIX}${stage}${index === undefined ? '' : `[${index}]`}`;
}

const STAGE_STEP = /^step#stage\/(([^/[]+)(?:\[\d+\])?)$/;

/** The stage that a step's record is of. Its run may be repeated as a whole, so such a step is never uncertain. `undefined`: a step within one, or a job's own */
export function stageOfStep({
  sk,
}: Pick<StepRecord, 'sk'>): { readonly stage: string; readonly run: string } | undefined {
  const [, run, stage] = STAGE_STEP.exec(sk) ?? [];
  return stage === undefined || run === undefined ? undefined : { stage, run };
}
