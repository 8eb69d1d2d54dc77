import { IdempotencyItemAlreadyExistsError } from '@aws-lambda-powertools/idempotency';
import { BasePersistenceLayer, IdempotencyRecord } from '@aws-lambda-powertools/idempotency/persistence';
import type { JobSettings } from '../jobs/define-job.ts';
import { jobPartitionKey, longerForExecution } from '../jobs/record.ts';
import type { RetryDelay } from '../jobs/schedule.ts';
import { Claiming, type ClaimingOptions, type Decision, endWithout, lost, verdictOf } from './claiming.ts';
import type { ErrorRecord } from './errors.ts';
import type { JobRecords } from './job-records.ts';
import { persistently } from './persistently.ts';
import type { Continuation } from './record-changes.ts';
import { rememberedWith } from './remembering.ts';
import type { Claim, Outcome, Run } from './run.ts';
import type { Started } from './started.ts';
import type { StepRecords } from './step-records.ts';
import { reasonWith } from './uncertainty.ts';

/** What an attempt left for the layer to record; Powertools hands a layer the result, but not the error. */
export type AttemptEnd =
  | { readonly kind: 'returned'; readonly result: string | undefined; readonly durationMs: number }
  /** A staged job's starter returned: an execution carries the job. */
  | { readonly kind: 'returned'; readonly started: Started; readonly durationMs: number }
  /** The claim took too long: its invocation has too little left for an attempt. */
  | { readonly kind: 'not-begun' }
  | {
      /** The handler asked for later. */
      readonly kind: 'deferred';
      readonly seconds: number;
      readonly reason: string;
      readonly durationMs: number;
    }
  /** Aborted because somebody cancelled the job. */
  | { readonly kind: 'cancelled'; readonly durationMs: number }
  | {
      readonly kind: 'threw';
      readonly error: ErrorRecord;
      readonly durationMs: number;
      readonly next: RetryDelay | Decision;
    };

export interface ClaimLayerOptions extends ClaimingOptions {
  readonly job: ClaimingOptions['job'] & Pick<JobSettings, 'mostDeferrals'>;
}

/**
 * The persistence beneath Powertools' idempotency, one a run. Powertools' own layer neither fences completion and release by an
 * owner nor keeps a failed attempt; this one does, and tells the run what came of it, since the error that
 * `makeIdempotent` rejects with can hide ours. Leans on the protected interface of 2.35 (`_putRecord`, `_updateRecord`,
 * `_deleteRecord`, `getHashedIdempotencyKey`): hence the exact version in package.json.
 */
export class ClaimLayer extends BasePersistenceLayer {
  readonly #records: JobRecords;
  readonly #steps: StepRecords;
  readonly #run: Run;
  readonly #job: ClaimLayerOptions['job'];
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #claiming: Claiming;
  /** Set by the attempt before it returns or throws. */
  end?: AttemptEnd;

  constructor({ claims, records, steps, run, job, now, random }: ClaimLayerOptions) {
    super();
    this.#records = records;
    this.#steps = steps;
    this.#run = run;
    this.#job = job;
    this.#claiming = new Claiming({ claims, records, steps, run, job, now, random });
    this.#now = now;
    this.#random = random;
  }

  /** The job's own key, readable in the table, rather than a hash under the function's physical name. */
  override getHashedIdempotencyKey(): string {
    return jobPartitionKey(this.#run.type, this.#run.key);
  }

  protected override async _putRecord(record: IdempotencyRecord): Promise<void> {
    const result = await this.#claiming.claim();
    if (result.claimed) {
      this.#run.claim = result.claim;
      return;
    }
    const completed = this.#run.outcome?.kind === 'duplicate';
    const samePayload = result.record.payloadHash === this.#run.payloadHash;
    throw new IdempotencyItemAlreadyExistsError(
      `The key ${record.idempotencyKey} is not free`,
      new IdempotencyRecord({
        idempotencyKey: record.idempotencyKey,
        status: completed ? 'COMPLETED' : 'INPROGRESS',
        expiryTimestamp: result.record.expiration,
        // Powertools compares its own hash of our payload hash with the stored one.
        payloadHash: samePayload ? (record.payloadHash ?? '') : 'of another payload',
      }),
    );
  }

  protected override async _updateRecord(): Promise<void> {
    const end = this.end;
    if (end?.kind !== 'returned') throw new Error('A run completed that did not return.');
    const { durationMs } = end;
    if ('started' in end) {
      const { executionArn, longestSeconds } = end.started;
      const kept = await this.#persistently(async () => {
        // Its finished stages must be known when this life of it ends, which renews them again.
        if (this.#run.claim?.executionArn !== undefined)
          await this.#steps.rememberAll(this.#now() + longerForExecution(longestSeconds) * 1000);
        return this.#records.start(this.#run, end.started);
      });
      this.#run.outcome = kept ? { kind: 'started', executionArn, durationMs } : lost(this.#now());
      return;
    }
    const kept = await this.#persistently(() => this.#records.complete(this.#run, end.result));
    this.#run.outcome = kept ? { kind: 'completed', durationMs } : lost(this.#now());
  }

  protected override async _deleteRecord(): Promise<void> {
    const { end } = this;
    const { claim } = this.#run;
    if (end === undefined || end.kind === 'returned' || !claim)
      throw new Error('A run failed that did not throw.');
    switch (end.kind) {
      case 'not-begun':
        this.#run.outcome = await this.#giveBack(claim);
        break;
      case 'deferred':
        this.#run.outcome = await this.#defer(claim, end);
        break;
      case 'cancelled':
        this.#run.outcome = await this.#cancelOwn(claim, end.durationMs);
        break;
      case 'threw':
        this.#run.outcome = await this.#fail(claim, end);
        break;
    }
  }

  /** As a deferral that nobody asked for: it spends nothing. */
  async #giveBack(claim: Claim): Promise<Outcome> {
    const notBeforeMs = this.#now();
    const { deferrals } = claim;
    const kept = await this.#end(claim, claim.history, {
      notBeforeMs,
      deferredBecause: 'claiming it took too long to begin an attempt',
      deferrals,
    });
    return kept ? { kind: 'waiting', untilMs: notBeforeMs, why: 'no-time-left' } : lost(this.#now());
  }

  async #defer(
    claim: Claim,
    { seconds, reason, durationMs }: Extract<AttemptEnd, { kind: 'deferred' }>,
  ): Promise<Outcome> {
    const deferrals = claim.deferrals + 1;
    if (deferrals > this.#job.mostDeferrals) {
      const error = {
        code: 'DEFERRALS_EXHAUSTED',
        message: `Deferred ${claim.deferrals} times in this life, the most that its contract allows; the last reason: ${reason}`,
      };
      return this.#fail(claim, { kind: 'threw', error, durationMs, next: { ...error, exhausted: true } });
    }
    const notBeforeMs = this.#now() + seconds * 1000;
    const kept = await this.#end(claim, claim.history, { notBeforeMs, deferredBecause: reason, deferrals });
    return kept ? { kind: 'deferred', untilMs: notBeforeMs, reason, durationMs } : lost(this.#now());
  }

  async #cancelOwn(claim: Claim, durationMs: number): Promise<Outcome> {
    const uncertain = await this.#persistently(() => this.#steps.uncertain());
    const end = endWithout(this.#run, 'cancelled', {
      uncertain,
      attempts: claim.attempt,
      nowMs: this.#now(),
    });
    const kept = await this.#end(claim, claim.history, end.next);
    return kept ? { ...end.outcome, durationMs } : lost(this.#now());
  }

  async #fail(claim: Claim, end: Extract<AttemptEnd, { kind: 'threw' }>): Promise<Outcome> {
    const { next, durationMs, error } = end;
    const { code, message, stack } = error;
    const endedAtMs = this.#now();
    const history = [
      // One stack is enough to find a place in the code, and a record must stay far below DynamoDB's 400 KB.
      ...claim.history.map(({ stack: _, ...attempt }) => attempt),
      {
        life: claim.life,
        attempt: claim.attempt,
        startedAtMs: claim.startedAtMs,
        endedAtMs,
        code,
        message,
        ...(stack === undefined ? {} : { stack }),
        requestId: this.#run.requestId,
        ...('delaySeconds' in next ? { delaySeconds: next.delaySeconds, delayWhy: next.delayWhy } : {}),
      },
    ];
    if ('delaySeconds' in next) {
      const { delaySeconds, delayWhy, asked } = next;
      const notBeforeMs = endedAtMs + delaySeconds * 1000;
      const kept = await this.#end(claim, history, { delaySeconds, delayWhy, notBeforeMs });
      return kept
        ? { kind: 'failed', attempt: claim.attempt, error, delaySeconds, notBeforeMs, asked, durationMs }
        : lost(this.#now());
    }
    // Also those of the attempts before.
    const uncertain = await this.#persistently(() => this.#steps.uncertain());
    const verdict: Decision = { ...next, ...reasonWith(next.message, uncertain) };
    const kept = await this.#end(claim, history, {
      verdict: verdictOf(verdict, claim.attempt, this.#run, this.#now()),
    });
    return kept ? { kind: 'dead', verdict, fresh: true, error, durationMs } : lost(this.#now());
  }

  async #end(claim: Claim, history: Claim['history'], next: Continuation): Promise<boolean> {
    const sinceMs = claim.stepsRememberedMs;
    return this.#persistently(async () => {
      const remembered = await rememberedWith(next, this.#steps, { sinceMs, nowMs: this.#now() });
      return this.#records.fail(this.#run, claim, history, next, remembered);
    });
  }

  #persistently<Result>(write: () => Promise<Result>): Promise<Result> {
    const { leaseUntilMs } = this.#run;
    return persistently(write, { leaseUntilMs, now: this.#now, random: this.#random });
  }

  /** Ends a job that has expired, unless it ended before. Sets the outcome. */
  async expire(): Promise<void> {
    await this.#claiming.expire();
  }

  /** Never asked: a claim that fails carries the record that is in its way. */
  protected override async _getRecord(): Promise<IdempotencyRecord> {
    throw new Error('The record comes with the failed claim and is not read again.');
  }
}
