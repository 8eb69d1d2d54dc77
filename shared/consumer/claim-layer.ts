import { IdempotencyItemAlreadyExistsError } from '@aws-lambda-powertools/idempotency';
import { BasePersistenceLayer, IdempotencyRecord } from '@aws-lambda-powertools/idempotency/persistence';
import type { JobSettings } from '../jobs/define-job.ts';
import { type JobRecord, jobPartitionKey, type Verdict } from '../jobs/record.ts';
import { attemptsOf, retryDelay } from '../jobs/schedule.ts';
import type { ErrorRecord } from './errors.ts';
import type { ClaimResult, JobRecords } from './job-records.ts';
import { type Continuation, crashOf, type Retry } from './record-changes.ts';
import { type Claim, type Ending, endingOf, type Outcome, obstacle, type Run } from './run.ts';
import type { Started } from './started.ts';
import { type StepRecords, uncertainty } from './step-records.ts';

export type Decision = Pick<Verdict, 'code' | 'message' | 'exhausted'>;

/** What an attempt left for the layer to record; Powertools hands a layer the result, but not the error. */
export type AttemptEnd =
  | { readonly kind: 'returned'; readonly result: string | undefined; readonly durationMs: number }
  /** A staged job's starter returned: an execution carries the job. */
  | { readonly kind: 'returned'; readonly started: Started; readonly durationMs: number }
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
      readonly next: { readonly delaySeconds: number; readonly delayWhy: string } | Decision;
    };

export interface ClaimLayerOptions {
  readonly records: JobRecords;
  readonly steps: StepRecords;
  readonly run: Run;
  readonly job: Pick<JobSettings, 'schedule' | 'mostDeferrals'>;
  readonly now: () => number;
  readonly random: () => number;
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
  readonly #mostAttempts: number;
  readonly #now: () => number;
  readonly #random: () => number;
  /** Set by the attempt before it returns or throws. */
  end?: AttemptEnd;

  constructor({ records, steps, run, job, now, random }: ClaimLayerOptions) {
    super();
    this.#records = records;
    this.#steps = steps;
    this.#run = run;
    this.#job = job;
    this.#mostAttempts = attemptsOf(job.schedule);
    this.#now = now;
    this.#random = random;
  }

  /** The job's own key, readable in the table, rather than a hash under the function's physical name. */
  override getHashedIdempotencyKey(): string {
    return jobPartitionKey(this.#run.type, this.#run.key);
  }

  protected override async _putRecord(record: IdempotencyRecord): Promise<void> {
    const result = await this.#claim();
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
      const { executionArn } = end.started;
      const kept = await this.#persistently(() => this.#records.start(this.#run, end.started));
      this.#run.outcome = kept ? { kind: 'started', executionArn, durationMs } : this.#lost();
      return;
    }
    const kept = await this.#persistently(() => this.#records.complete(this.#run, end.result));
    this.#run.outcome = kept ? { kind: 'completed', durationMs } : this.#lost();
  }

  protected override async _deleteRecord(): Promise<void> {
    const { end } = this;
    const { claim } = this.#run;
    if (end === undefined || end.kind === 'returned' || !claim)
      throw new Error('A run failed that did not throw.');
    switch (end.kind) {
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
    return kept ? { kind: 'deferred', untilMs: notBeforeMs, reason, durationMs } : this.#lost();
  }

  async #cancelOwn(claim: Claim, durationMs: number): Promise<Outcome> {
    const uncertain = await this.#steps.uncertain();
    const end = this.#ending('cancelled', uncertain, claim.attempt);
    const kept = await this.#end(claim, claim.history, end.next);
    return kept ? { ...end.outcome, durationMs } : this.#lost();
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
        ...('delaySeconds' in next ? next : {}),
      },
    ];
    if ('delaySeconds' in next) {
      const { delaySeconds } = next;
      const notBeforeMs = endedAtMs + delaySeconds * 1000;
      const kept = await this.#end(claim, history, { ...next, notBeforeMs });
      return kept
        ? { kind: 'failed', attempt: claim.attempt, error, delaySeconds, notBeforeMs, durationMs }
        : this.#lost();
    }
    const kept = await this.#end(claim, history, { verdict: this.#verdict(next, claim.attempt) });
    return kept ? { kind: 'dead', verdict: next, fresh: true, error, durationMs } : this.#lost();
  }

  async #end(claim: Claim, history: Claim['history'], next: Continuation): Promise<boolean> {
    return this.#persistently(() => this.#records.fail(this.#run, claim, history, next));
  }

  /**
   * Writes an end that must not be lost: the work is done, and without its record it would be done again. Tries until shortly
   * before the claim ends; each write is conditional on our token, so that a second one changes nothing.
   */
  async #persistently(write: () => Promise<boolean>): Promise<boolean> {
    for (let pauseMs = 100; ; pauseMs = Math.min(2 * pauseMs, 2000)) {
      try {
        return await write();
      } catch (error) {
        if (!passes(error) || this.#now() + pauseMs > this.#run.leaseUntilMs - LAST_TRY_MARGIN_MS)
          throw error;
      }
      await new Promise((resume) => setTimeout(resume, pauseMs * (0.5 + this.#random() / 2)));
    }
  }

  /** Another run took the claim while ours went on: its end counts, and this message waits to find it. */
  #lost(): Outcome {
    return { kind: 'waiting', untilMs: this.#now(), why: 'claim-lost' };
  }

  /** Never asked: a claim that fails carries the record that is in its way. */
  protected override async _getRecord(): Promise<IdempotencyRecord> {
    throw new Error('The record comes with the failed claim and is not read again.');
  }

  /** Ends a job that has expired, unless it ended before. Sets the outcome. */
  async expire(): Promise<void> {
    const record = await this.#records.endUnclaimed(this.#run, 'expired');
    if (record) await this.#claimPast({ claimed: false, record });
    else this.#run.outcome = { kind: 'expired', fresh: true };
  }

  async #claim(): Promise<ClaimResult> {
    return this.#claimPast(await this.#records.claim(this.#run, this.#mostAttempts));
  }

  /** Where the record in the way allows it, claims again on what it shows. Sets the outcome when the job may not run. */
  async #claimPast(first: ClaimResult): Promise<ClaimResult> {
    let result = first;
    // Each further round follows a change that another run made in between; more than a few mean a quarrel best left for later.
    for (let round = 0; !result.claimed && round < 3; round++) {
      const next = await this.#afterObstacle(result.record);
      if ('kind' in next) {
        this.#run.outcome = next;
        return result;
      }
      result = next;
    }
    if (!result.claimed) this.#run.outcome = { kind: 'waiting', untilMs: this.#now(), why: 'claimed' };
    return result;
  }

  async #afterObstacle(record: JobRecord): Promise<ClaimResult | Outcome> {
    const nowMs = this.#now();
    const run = this.#run;
    const ending = endingOf(record, run);
    // TTL deletes up to 48 h late.
    if (record.expiration * 1000 <= nowMs && ending !== 'expired')
      return this.#records.claimForgotten(run, record);
    const outcome = obstacle(record, run, nowMs);
    if (outcome) return outcome;
    if (ending) return this.#endUnrun(record, ending);
    const dead = record.state === 'dead';
    if (!dead && record.attempts >= this.#mostAttempts) return this.#buryAbandoned(record);
    if (record.state === 'running') return this.#retryAbandoned(record, nowMs);
    if (record.crashed && !run.alone) return { kind: 'waiting', untilMs: nowMs, why: 'runs-alone' };
    return dead ? this.#records.claimNewLife(run, record) : this.#records.claim(run, this.#mostAttempts);
  }

  /** Its process died. That is a failed attempt like any other: retried after its delay, apart from those that died with it. */
  async #retryAbandoned(record: JobRecord, nowMs: number): Promise<Outcome> {
    const { delaySeconds, delayWhy } = retryDelay(this.#job.schedule, record.attempts, this.#random());
    const next: Retry = { delaySeconds, delayWhy, notBeforeMs: nowMs + delaySeconds * 1000 };
    const kept = await this.#records.failAbandoned(this.#run, record, next);
    return kept
      ? {
          kind: 'failed',
          attempt: record.attempts,
          error: crashOf(record),
          delaySeconds,
          notBeforeMs: next.notBeforeMs,
        }
      : this.#lost();
  }

  async #buryAbandoned(record: JobRecord): Promise<Outcome> {
    const { attempts } = record;
    const { code, message } =
      record.state === 'running'
        ? crashOf(record)
        : { code: 'ATTEMPTS_EXHAUSTED', message: 'the schedule has become shorter since' };
    const verdict: Decision = {
      code,
      message: `Attempt ${attempts} of ${this.#mostAttempts}, the last: ${message}${uncertainty(await this.#steps.uncertain())}`,
      exhausted: true,
    };
    const kept = await this.#records.failAbandoned(this.#run, record, {
      verdict: this.#verdict(verdict, attempts),
    });
    return kept ? { kind: 'dead', verdict, fresh: true } : this.#lost();
  }

  /** Ends a job that nobody runs and that must not run again. */
  async #endUnrun(record: JobRecord, ending: Ending): Promise<Outcome> {
    const end = this.#ending(ending, await this.#steps.uncertain(), record.attempts);
    const kept = await this.#records.failAbandoned(this.#run, record, end.next);
    return kept ? end.outcome : this.#lost();
  }

  /** What may have happened outside is never hidden by an end: then a person looks. */
  #ending(
    ending: Ending,
    uncertain: readonly string[],
    attempts: number,
  ): { next: Continuation; outcome: Extract<Outcome, { kind: Ending | 'dead' }> } {
    if (uncertain.length === 0) return { next: { ended: ending }, outcome: { kind: ending, fresh: true } };
    const verdict: Decision = {
      code: `${ending.toUpperCase()}_UNCERTAIN`,
      message: `The job was ${ending === 'expired' ? 'not finished before its expirytime' : 'cancelled'}.${uncertainty(uncertain)}`,
      exhausted: false,
    };
    return {
      next: { verdict: this.#verdict(verdict, attempts) },
      outcome: { kind: 'dead', verdict, fresh: true },
    };
  }

  #verdict(decision: Decision, attempts: number): Verdict {
    return { ...decision, attempts, atMs: this.#now(), messageId: this.#run.messageId };
  }
}

/** Left for the batch's own answer after the last try of a write. */
const LAST_TRY_MARGIN_MS = 1000;

/** Whether an error of DynamoDB passes by itself: a throttle, a fault of its own, no answer. */
function passes(error: unknown): boolean {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return status === undefined || status >= 500 || /Throttl|ThroughputExceeded|LimitExceeded/.test(name ?? '');
}
