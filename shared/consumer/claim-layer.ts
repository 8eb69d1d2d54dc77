import { IdempotencyItemAlreadyExistsError } from '@aws-lambda-powertools/idempotency';
import { BasePersistenceLayer, IdempotencyRecord } from '@aws-lambda-powertools/idempotency/persistence';
import { type JobRecord, jobPartitionKey, type Verdict } from '../jobs/record.ts';
import type { ErrorRecord } from './errors.ts';
import { type ClaimResult, historyAfter, type JobRecords } from './job-records.ts';
import { type Outcome, obstacle, type Run } from './run.ts';

export type Decision = Pick<Verdict, 'code' | 'message' | 'exhausted'>;

/** What an attempt left for the layer to record; Powertools hands a layer the result, but not the error. */
export type AttemptEnd =
  | { readonly kind: 'returned'; readonly result: string | undefined; readonly durationMs: number }
  | {
      readonly kind: 'threw';
      readonly error: ErrorRecord;
      readonly durationMs: number;
      readonly next: { readonly delaySeconds: number } | { readonly verdict: Decision };
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
  readonly #mostAttempts: number;
  readonly #now: () => number;
  /** Set by the attempt before it returns or throws. */
  end?: AttemptEnd;

  constructor(records: JobRecords, run: Run, mostAttempts: number, now: () => number) {
    super();
    this.#records = records;
    this.#run = run;
    this.#mostAttempts = mostAttempts;
    this.#now = now;
  }

  /** The job's own key, readable in the table, rather than a hash under the function's physical name. */
  override getHashedIdempotencyKey(): string {
    return jobPartitionKey(this.#run.type, this.#run.key);
  }

  protected override async _putRecord(record: IdempotencyRecord): Promise<void> {
    const result = await this.#claim();
    if (result.claimed) {
      this.#run.claim = result.claim;
      if (result.claim.crashed) await this.#records.recordCrash(this.#run, result.claim.history);
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
    const kept = await this.#records.complete(this.#run, end.result);
    this.#run.outcome = kept ? { kind: 'completed', durationMs: end.durationMs } : this.#lost();
  }

  protected override async _deleteRecord(): Promise<void> {
    const { end } = this;
    const { claim } = this.#run;
    if (end?.kind !== 'threw' || !claim) throw new Error('A run failed that did not throw.');
    const { code, message, stack } = end.error;
    const endedAtMs = this.#now();
    const history = [
      ...claim.history,
      {
        life: claim.life,
        attempt: claim.attempt,
        startedAtMs: claim.startedAtMs,
        endedAtMs,
        code,
        message,
        ...(stack === undefined ? {} : { stack }),
        requestId: this.#run.requestId,
        ...('delaySeconds' in end.next ? { delaySeconds: end.next.delaySeconds } : {}),
      },
    ];
    const { next, durationMs, error } = end;
    if ('verdict' in next) {
      const kept = await this.#records.fail(this.#run, history, {
        verdict: this.#verdict(next.verdict, claim.attempt),
      });
      this.#run.outcome = kept
        ? { kind: 'dead', verdict: next.verdict, fresh: true, error, durationMs }
        : this.#lost();
      return;
    }
    const { delaySeconds } = next;
    const kept = await this.#records.fail(this.#run, history, {
      delaySeconds,
      notBeforeMs: endedAtMs + delaySeconds * 1000,
    });
    this.#run.outcome = kept
      ? { kind: 'failed', attempt: claim.attempt, error, delaySeconds, durationMs }
      : this.#lost();
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
    if (record.attempts >= this.#mostAttempts) return this.#bury(record);
    return this.#records.claim(this.#run, this.#mostAttempts);
  }

  async #bury(record: JobRecord): Promise<ClaimResult | Outcome> {
    const last = historyAfter(record).at(-1);
    const verdict: Decision = {
      exhausted: true,
      code: last?.code ?? 'ATTEMPTS_EXHAUSTED',
      message: `Attempt ${record.attempts} of ${this.#mostAttempts}, the last: ${last?.message ?? 'no outcome was recorded'}`,
    };
    const kept = await this.#records.bury(this.#run, record, this.#verdict(verdict, record.attempts));
    return kept ? { kind: 'dead', verdict, fresh: true } : this.#records.claim(this.#run, this.#mostAttempts);
  }

  #verdict(decision: Decision, attempts: number): Verdict {
    return { ...decision, attempts, atMs: this.#now(), messageId: this.#run.messageId };
  }
}
