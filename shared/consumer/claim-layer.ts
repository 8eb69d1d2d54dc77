import { IdempotencyItemAlreadyExistsError } from '@aws-lambda-powertools/idempotency';
import { BasePersistenceLayer, IdempotencyRecord } from '@aws-lambda-powertools/idempotency/persistence';
import { type JobRecord, jobPartitionKey, type Verdict } from '../jobs/record.ts';
import { attemptsOf, delaySeconds, type Schedule } from '../jobs/schedule.ts';
import type { ErrorRecord } from './errors.ts';
import { type ClaimResult, type Continuation, crashOf, type JobRecords } from './job-records.ts';
import { type Outcome, obstacle, type Run } from './run.ts';
import type { Runtime } from './runtime.ts';

export type Decision = Pick<Verdict, 'code' | 'message' | 'exhausted'>;

/** What an attempt left for the layer to record; Powertools hands a layer the result, but not the error. */
export type AttemptEnd =
  | { readonly kind: 'returned'; readonly result: string | undefined; readonly durationMs: number }
  | {
      readonly kind: 'threw';
      readonly error: ErrorRecord;
      readonly durationMs: number;
      readonly next: { readonly delaySeconds: number } | Decision;
    };

/**
 * The persistence beneath Powertools' idempotency, one a run. Powertools' own layer neither fences completion and release by an
 * owner nor keeps a failed attempt; this one does, and tells the run what came of it, since the error that
 * `makeIdempotent` rejects with can hide ours. Leans on the protected interface of 2.35 (`_putRecord`, `_updateRecord`,
 * `_deleteRecord`, `getHashedIdempotencyKey`): hence the exact version in package.json.
 */
export class ClaimLayer extends BasePersistenceLayer {
  readonly #records: JobRecords;
  readonly #run: Run;
  readonly #schedule: Schedule;
  readonly #mostAttempts: number;
  readonly #now: () => number;
  readonly #random: () => number;
  /** Set by the attempt before it returns or throws. */
  end?: AttemptEnd;

  constructor(
    records: JobRecords,
    run: Run,
    schedule: Schedule,
    { now, random }: Pick<Runtime, 'now' | 'random'>,
  ) {
    super();
    this.#records = records;
    this.#run = run;
    this.#schedule = schedule;
    this.#mostAttempts = attemptsOf(schedule);
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
    const kept = await this.#persistently(() => this.#records.complete(this.#run, end.result));
    this.#run.outcome = kept ? { kind: 'completed', durationMs: end.durationMs } : this.#lost();
  }

  protected override async _deleteRecord(): Promise<void> {
    const { end } = this;
    const { claim } = this.#run;
    if (end?.kind !== 'threw' || !claim) throw new Error('A run failed that did not throw.');
    const { code, message, stack } = end.error;
    const endedAtMs = this.#now();
    const { next, durationMs, error } = end;
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
        ...('delaySeconds' in next ? { delaySeconds: next.delaySeconds } : {}),
      },
    ];
    const fail = (continuation: Continuation): Promise<boolean> =>
      this.#persistently(() => this.#records.fail(this.#run, claim, history, continuation));
    if ('delaySeconds' in next) {
      const { delaySeconds } = next;
      const notBeforeMs = endedAtMs + delaySeconds * 1000;
      const kept = await fail({ delaySeconds, notBeforeMs });
      this.#run.outcome = kept
        ? { kind: 'failed', attempt: claim.attempt, error, delaySeconds, notBeforeMs, durationMs }
        : this.#lost();
      return;
    }
    const kept = await fail({ verdict: this.#verdict(next, claim.attempt) });
    this.#run.outcome = kept ? { kind: 'dead', verdict: next, fresh: true, error, durationMs } : this.#lost();
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

  /** Claims, and where the record in the way allows it, claims again on what it shows. Sets the outcome when it may not run. */
  async #claim(): Promise<ClaimResult> {
    let result = await this.#records.claim(this.#run, this.#mostAttempts);
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
    // TTL deletes up to 48 h late.
    if (record.expiration * 1000 <= nowMs) return this.#records.claimForgotten(this.#run, record);
    const outcome = obstacle(record, this.#run, nowMs);
    if (outcome) return outcome;
    if (record.state === 'dead') return this.#records.claimNewLife(this.#run, record);
    if (record.attempts >= this.#mostAttempts) return this.#buryAbandoned(record);
    if (record.state === 'running') return this.#retryAbandoned(record, nowMs);
    return this.#records.claim(this.#run, this.#mostAttempts);
  }

  /** Its process died. That is a failed attempt like any other: retried after its delay, apart from those that died with it. */
  async #retryAbandoned(record: JobRecord, nowMs: number): Promise<Outcome> {
    const delay = delaySeconds(this.#schedule, record.attempts, this.#random());
    const next = { delaySeconds: delay, notBeforeMs: nowMs + delay * 1000 };
    const kept = await this.#records.failAbandoned(this.#run, record, next);
    return kept
      ? { kind: 'failed', attempt: record.attempts, error: crashOf(record), ...next }
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
      message: `Attempt ${attempts} of ${this.#mostAttempts}, the last: ${message}`,
      exhausted: true,
    };
    const kept = await this.#records.failAbandoned(this.#run, record, {
      verdict: this.#verdict(verdict, attempts),
    });
    return kept ? { kind: 'dead', verdict, fresh: true } : this.#lost();
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
