import type { JobSettings } from '../jobs/define-job.ts';
import type { JobRecord, Verdict } from '../jobs/record.ts';
import { attemptsOf, retryDelay } from '../jobs/schedule.ts';
import type { ClaimResult, ClaimWrites } from './claim-writes.ts';
import type { JobRecords } from './job-records.ts';
import { passes } from './passing-errors.ts';
import { type Continuation, crashOf, type Retry } from './record-changes.ts';
import { rememberedWith } from './remembering.ts';
import { type Ending, endingOf, leastMsOf, type Outcome, obstacle, type Run } from './run.ts';
import type { StepRecords } from './step-records.ts';
import { reasonWith } from './uncertainty.ts';

export type Decision = Pick<Verdict, 'code' | 'message' | 'exhausted' | 'uncertain'>;

export interface ClaimingOptions {
  readonly claims: ClaimWrites;
  readonly records: JobRecords;
  readonly steps: StepRecords;
  readonly run: Run;
  readonly job: Pick<JobSettings, 'schedule' | 'timeoutSeconds'>;
  readonly now: () => number;
  readonly random: () => number;
}

/** Takes a job's key for a run, or tells what stands in the way and sets that right where it can: crashes, ends, old lives. */
export class Claiming {
  readonly #claims: ClaimWrites;
  readonly #records: JobRecords;
  readonly #steps: StepRecords;
  readonly #run: Run;
  readonly #schedule: JobSettings['schedule'];
  readonly #mostAttempts: number;
  /** What an attempt needs of its invocation. */
  readonly #leastMs: number;
  readonly #now: () => number;
  readonly #random: () => number;

  constructor({ claims, records, steps, run, job, now, random }: ClaimingOptions) {
    this.#claims = claims;
    this.#records = records;
    this.#steps = steps;
    this.#run = run;
    this.#schedule = job.schedule;
    this.#mostAttempts = attemptsOf(job.schedule);
    this.#leastMs = leastMsOf(job);
    this.#now = now;
    this.#random = random;
  }

  /** Ends a job that has expired, unless it ended before. Sets the outcome. */
  async expire(): Promise<void> {
    const record = await this.#records.endUnclaimed(this.#run, 'expired');
    if (record) await this.#claimPast({ claimed: false, record });
    else this.#run.outcome = { kind: 'expired', fresh: true };
  }

  /** Claims the job of the run. Sets the run's outcome where it may not run. */
  async claim(): Promise<ClaimResult> {
    return this.#claimPast(await this.#claimOnceMore());
  }

  /** A claim whose answers were lost may stand: tried again, it is recognised by our own token, and no attempt is lost to it. */
  async #claimOnceMore(): Promise<ClaimResult> {
    try {
      return await this.#claims.claim(this.#run, this.#mostAttempts);
    } catch (error) {
      const leftMs = this.#run.leaseUntilMs - this.#now();
      if (!passes(error) || leftMs < this.#leastMs) throw error;
      return this.#claims.claim(this.#run, this.#mostAttempts);
    }
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
      return this.#claims.claimForgotten(run, record);
    const outcome = obstacle(record, run, nowMs);
    if (outcome?.kind === 'dead' && outcome.verdict === record.verdict && record.verdict.messageId === '')
      await this.#records.noteCarrier(run, record);
    if (outcome) return outcome;
    if (ending) return this.#endUnrun(record, ending);
    const dead = record.state === 'dead';
    if (!dead && record.attempts >= this.#mostAttempts) return this.#buryAbandoned(record);
    if (record.state === 'running') return this.#retryAbandoned(record, nowMs);
    if (record.crashed && !run.alone) return { kind: 'waiting', untilMs: nowMs, why: 'runs-alone' };
    // What was published again stands in for the message that should have come.
    run.claimedHop = Math.max(run.hop, record.hop ?? 0);
    return dead ? this.#claims.claimNewLife(run, record) : this.#claims.claim(run, this.#mostAttempts);
  }

  /** Its process died. That is a failed attempt like any other: retried after its delay, apart from those that died with it. */
  async #retryAbandoned(record: JobRecord, nowMs: number): Promise<Outcome> {
    const { delaySeconds, delayWhy, asked } = retryDelay(this.#schedule, record.attempts, this.#random());
    const next: Retry = { delaySeconds, delayWhy, notBeforeMs: nowMs + delaySeconds * 1000 };
    const kept = await this.#failAbandoned(record, next);
    return kept
      ? {
          kind: 'failed',
          attempt: record.attempts,
          error: crashOf(record),
          delaySeconds,
          notBeforeMs: next.notBeforeMs,
          asked,
        }
      : lost(this.#now());
  }

  async #buryAbandoned(record: JobRecord): Promise<Outcome> {
    const { attempts } = record;
    const { code, message } =
      record.state === 'running'
        ? crashOf(record)
        : { code: 'ATTEMPTS_EXHAUSTED', message: 'the schedule has become shorter since' };
    const verdict: Decision = {
      code,
      ...reasonWith(
        `Attempt ${attempts} of ${this.#mostAttempts}, the last: ${message}`,
        await this.#steps.uncertain(),
      ),
      exhausted: true,
    };
    const kept = await this.#failAbandoned(record, {
      verdict: verdictOf(verdict, attempts, this.#run, this.#now()),
    });
    return kept ? { kind: 'dead', verdict, fresh: true } : lost(this.#now());
  }

  /** Ends a job that nobody runs and that must not run again. */
  async #endUnrun(record: JobRecord, ending: Ending): Promise<Outcome> {
    const end = endWithout(this.#run, ending, {
      uncertain: await this.#steps.uncertain(),
      attempts: record.attempts,
      nowMs: this.#now(),
    });
    const kept = await this.#failAbandoned(record, end.next);
    return kept ? end.outcome : lost(this.#now());
  }

  async #failAbandoned(record: JobRecord, next: Continuation): Promise<boolean> {
    const sinceMs = record.stepsRememberedMs ?? record.startedAtMs;
    const remembered = await rememberedWith(next, this.#steps, { sinceMs, nowMs: this.#now() });
    return this.#records.failAbandoned(this.#run, record, next, remembered);
  }
}

/** Another run took the claim while ours went on: its end counts, and this message waits to find it. */
export function lost(nowMs: number): Outcome {
  return { kind: 'waiting', untilMs: nowMs, why: 'claim-lost' };
}

/** How a job ends that is not run any more. What may have happened outside is never hidden by it: then a person looks. */
export function endWithout(
  run: Run,
  ending: Ending,
  { uncertain, attempts, nowMs }: { uncertain: readonly string[]; attempts: number; nowMs: number },
): { next: Continuation; outcome: Extract<Outcome, { kind: Ending | 'dead' }> } {
  if (uncertain.length === 0) return { next: { ended: ending }, outcome: { kind: ending, fresh: true } };
  const verdict: Decision = {
    code: `${ending.toUpperCase()}_UNCERTAIN`,
    ...reasonWith(
      `The job was ${ending === 'expired' ? 'not finished before its expirytime' : 'cancelled'}.`,
      uncertain,
    ),
    exhausted: false,
  };
  return {
    next: { verdict: verdictOf(verdict, attempts, run, nowMs) },
    outcome: { kind: 'dead', verdict, fresh: true },
  };
}

export function verdictOf(decision: Decision, attempts: number, run: Run, nowMs: number): Verdict {
  return { ...decision, attempts, atMs: nowMs, messageId: run.messageId };
}
