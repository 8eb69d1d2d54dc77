import type { ItemChange } from '../../local/dynamodb/index.ts';
import { CRASHED } from '../../shared/consumer/record-changes.ts';
import { LONGEST_HISTORY } from '../../shared/jobs/record.ts';
import { delaysOf, REPEATABLE, stepsOf, typeOf } from './jobs.ts';
import { type RecordImage, recordImage } from './record-image.ts';
import { DEFERRED } from './runs.ts';
import { currentProcess, type Process, processNow } from './virtual-time.ts';
import type { World } from './world.ts';

export const ENDED: ReadonlySet<string> = new Set(['completed', 'expired', 'cancelled']);
/** Verdicts on what would have expired or been cancelled, had it not left a step uncertain. */
const CALLED_OFF: ReadonlySet<string> = new Set(['EXPIRED_UNCERTAIN', 'CANCELLED_UNCERTAIN']);
/** Jitter shows in delays of some length only, and in some number of them. */
const LEAST_NOMINAL_SECONDS = 20;
const LEAST_DELAYS = 8;

/** Holds every change of a job's record against what may follow what, and by whom. */
export class RecordRules {
  readonly #world: World;
  readonly #images = new Map<string, RecordImage>();
  /** owner token → the process that claimed with it. */
  readonly #claimants = new Map<string, Process | undefined>();
  /** How jobs had ended whose records are gone. */
  readonly #forgotten = new Map<string, string>();
  /** When the last verdict was written, in the world's time. */
  readonly #verdictMs = new Map<string, number>();
  /** `<job> <life>` whose execution failed for good. */
  readonly #verdicts = new Set<string>();
  readonly #claims = new Claims();
  readonly #delays = new Set<number>();
  #delayCount = 0;

  constructor(world: World) {
    this.#world = world;
  }

  image(job: string): RecordImage | undefined {
    return this.#images.get(job);
  }

  /** How often a process claimed an attempt. */
  claimsOf(job: string, life: number, attempt: number, process: Process | undefined): number {
    return this.#claims.of(job, life, attempt).filter((claimant) => claimant === process).length;
  }

  /** Whether the job's claim is the process's. */
  isClaimant(job: string, process: Process | undefined): boolean {
    const image = this.#images.get(job);
    return image?.state === 'running' && this.#claimants.get(image.owner) === process;
  }

  /** The state of a job, or the one that it was forgotten with. */
  stateOf(job: string): string | undefined {
    return this.#images.get(job)?.state ?? this.#forgotten.get(job);
  }

  verdictMs(job: string): number | undefined {
    return this.#verdictMs.get(job);
  }

  /** To be called in the context of the process that wrote. */
  changed(job: string, { oldImage, newImage, cause }: ItemChange): void {
    const found = oldImage && recordImage(oldImage);
    // What has expired is forgotten, whether it is still there or not.
    const before = found && found.expiration * 1000 > processNow() ? found : undefined;
    if (found && !(newImage && before)) this.#forget(job, found);
    if (!newImage) {
      if (cause !== 'time-to-live') this.#violate('a record is never deleted', job, found, undefined);
      return;
    }
    const after = recordImage(newImage);
    this.#images.set(job, after);
    if (before?.state !== after.state || before.life !== after.life || before.attempts !== after.attempts)
      this.#world.trace(
        `record of ${job}: ${before?.state ?? 'none'} → ${after.state}, attempt ${after.attempts} of life ${after.life}${after.verdict && after.state === 'dead' ? `, ${after.verdict.code}` : ''}`,
      );
    if (after.state === 'dead' && (before?.state !== 'dead' || before.verdict?.atMs !== after.verdict?.atMs))
      this.#verdict(job, before, after);
    // The message that carries it is yet to be sent, and so long it may take.
    if (
      after.verdict?.bindsUntilMs !== before?.verdict?.bindsUntilMs &&
      after.verdict?.bindsUntilMs !== undefined
    )
      this.#verdictMs.set(job, this.#world.clock.now() + after.verdict.bindsUntilMs - processNow());
    if (after.state === 'running' && before?.owner !== after.owner) this.#claimed(job, before, after);
    else if (before && before.state !== after.state) this.#ended(job, before, after);
    else if (!before) this.#begun(job, after);
    else if ((before.owner !== after.owner || said(before) !== said(after)) && !this.#judgesAnew(after))
      this.#violate('an owner that lost its claim changes nothing', job, before, after);
  }

  /**
   * Of a job that is dead: a recorder that was killed after its verdict is called again, and takes it on; and what a person must
   * look at before it can expire or be cancelled is said of each message that comes.
   */
  #judgesAnew({ state, verdict }: RecordImage): boolean {
    return (
      state === 'dead' &&
      (this.#world.executions.isRecorder(currentProcess()) || CALLED_OFF.has(verdict?.code ?? ''))
    );
  }

  #forget(job: string, last: RecordImage): void {
    if (last.state !== 'dead' && !ENDED.has(last.state))
      this.#violate('a job is not forgotten before it has ended', job, last, undefined);
    this.#forgotten.set(job, last.state);
    this.#images.delete(job);
    this.#verdictMs.delete(job);
    for (const life of this.#verdicts) if (life.startsWith(`${job} `)) this.#verdicts.delete(life);
    this.#world.forget(job);
  }

  /** At the world's end. */
  jitter(): void {
    if (this.#delayCount >= LEAST_DELAYS && this.#delays.size <= Math.min(10, this.#delayCount / 8))
      this.#world.violate(
        'delays carry jitter',
        `${this.#delayCount} delays have ${this.#delays.size} different shares of their nominal length`,
      );
  }

  #verdict(job: string, before: RecordImage | undefined, after: RecordImage): void {
    const life = `${job} ${after.life}`;
    if (this.#world.executions.isRecorder(currentProcess())) {
      if (this.#verdicts.has(life)) this.#violate('an execution has one verdict', job, before, after);
      this.#verdicts.add(life);
    }
    this.#verdictMs.set(job, this.#world.clock.now());
    if (!after.verdict?.code || !after.verdict.message)
      this.#violate('every dead letter has a reason', job, before, after);
  }

  #begun(job: string, after: RecordImage): void {
    if (!['cancelled', 'expired'].includes(after.state))
      this.#violate('a job begins by a claim', job, undefined, after);
  }

  #claimed(job: string, before: RecordImage | undefined, after: RecordImage): void {
    const by = currentProcess();
    this.#claimants.set(after.owner, by);
    this.#claims.push(job, after, by);
    const expected = !before
      ? { attempts: 1, life: 1 }
      : before.state === 'dead'
        ? { attempts: 1, life: before.life + 1 }
        : before.state === 'retrying' || before.state === 'deferred'
          ? { attempts: before.attempts + 1, life: before.life }
          : undefined;
    if (!expected) this.#violate('what has ended, or runs elsewhere, is not claimed', job, before, after);
    else if (after.attempts !== expected.attempts || after.life !== expected.life)
      this.#violate('attempts and lives are counted one by one', job, before, after);
    if (before?.notBeforeMs !== undefined && before.state !== 'dead' && before.notBeforeMs > processNow())
      this.#violate('no attempt begins before its time', job, before, after);
    if (before?.cancelRequestedAtMs !== undefined)
      this.#violate('a cancelled job never runs', job, before, after);
  }

  #ended(job: string, before: RecordImage, after: RecordImage): void {
    const own = after.owner === before.owner;
    const by = currentProcess();
    if (this.#world.executions.isRecorder(by)) {
      this.#endedByExecution(job, before, after);
      return;
    }
    if (before.state === 'started')
      this.#violate('only its execution ends a job that has started', job, before, after);
    if (before.state === 'running') {
      if (own && this.#claimants.get(after.owner) !== by)
        this.#violate('an owner that lost its claim changes nothing', job, before, after);
      if (!own && before.leaseUntilMs > processNow())
        this.#violate('nobody ends the attempt of another before its claim has run out', job, before, after);
      if (own) this.#ownEnd(job, before, after);
    } else if (ENDED.has(before.state)) {
      this.#violate('what has ended stays as it is', job, before, after);
    }
    if (after.state === 'completed' && !own)
      this.#violate('a job is completed by the run that did it', job, before, after);
    if (
      (after.state === 'expired' || after.state === 'cancelled') &&
      this.#world.steps.uncertain.get(job)?.size
    )
      this.#violate('no end hides an uncertain step', job, before, after);
    if (after.state === 'deferred' && after.attempts !== before.attempts - 1)
      this.#violate('a deferral spends no attempt', job, before, after);
    if (after.state === 'retrying') this.#delayed(job, before, after);
    if (before.state === 'running') this.#explained(job, before, after);
  }

  /** The history has each failed attempt, with the reason that it had, and nothing else. */
  #explained(job: string, before: RecordImage, after: RecordImage): void {
    const own = after.owner === before.owner;
    const run = this.#world.runs.find(job, before.life, before.attempts);
    // An attempt that ended because its job expired or was cancelled did not fail.
    const called = own && CALLED_OFF.has(after.verdict?.code ?? '');
    const failed =
      !own || after.state === 'retrying' || (after.state === 'dead' && run?.code !== DEFERRED && !called);
    const name = `${before.life}.${before.attempts} `;
    const last = after.failures.at(-1) ?? '';
    const expected = failed ? [...before.failures, last].slice(-LONGEST_HISTORY) : before.failures;
    const code = last.slice(name.length);
    const right = own ? run?.end !== 'threw' || code === run.code : code === CRASHED;
    if (after.failures.join() !== expected.join() || (failed && !(last.startsWith(name) && right)))
      this.#violate(
        `every failed attempt is recorded with its reason`,
        `${job} (threw ${run?.code}; history ${after.failures.join(', ')})`,
        before,
        after,
      );
  }

  /** What a run says of itself is what its handler did. */
  #ownEnd(job: string, before: RecordImage, after: RecordImage): void {
    const { runs } = this.#world;
    const run = runs.find(job, before.life, before.attempts);
    if (after.state === 'started' && run?.end !== 'returned')
      this.#violate('a job is started when its starter returned', job, before, after);
    if (after.state === 'started' && !this.#world.executions.find(after.executionArn))
      this.#violate('a started job has an execution', job, before, after);
    if (after.state === 'completed') {
      if (typeOf(job) === 'staged')
        this.#violate('a staged job is completed when its execution succeeded', job, before, after);
      if (run?.end !== 'returned')
        this.#violate('a job is completed when its handler returned', job, before, after);
      this.#effects(job, before, after);
      if (typeOf(job) === 'webhook' && !this.#world.webhooks.isKnown(job))
        this.#violate(
          'a completed event is in the state of its subject, or a newer one is',
          job,
          before,
          after,
        );
      if (typeOf(job) === 'deliver' && this.#world.receivers.taken(job) === 0)
        this.#violate('a completed delivery reached its receiver', job, before, after);
      if (typeOf(job) === 'ledger' && !this.#world.books.has(job))
        this.#violate('a completed payment is in the ledger', job, before, after);
    }
    if (after.state === 'retrying' && run?.code === 'SIM_PERMANENT')
      this.#violate('a permanent error is not retried', job, before, after);
    if (after.state === 'retrying' && run?.code === DEFERRED)
      this.#violate('a deferral spends no attempt', job, before, after);
    if (
      after.state === 'dead' &&
      after.verdict?.code === 'SIM_FAILED' &&
      after.attempts < delaysOf(typeOf(job), 'new').length + 1
    )
      this.#violate('a job is given up on after its last attempt', job, before, after);
  }

  #effects(job: string, before: RecordImage, after: RecordImage): void {
    const { provider } = this.#world;
    for (const step of stepsOf(job))
      if (provider.count(job, step) < 1 || (provider.count(job, step) > 1 && !REPEATABLE.has(step)))
        this.#violate('a completed job left its effect once', job, before, after);
  }

  /** The recorder of a staged job's execution ends the job as that has ended, unless somebody else did. */
  #endedByExecution(job: string, before: RecordImage, after: RecordImage): void {
    const execution = this.#world.executions.find(after.executionArn);
    const status = execution?.status ?? 'none';
    // Its starter died before it could record that it had begun or redriven it, and the job was ended without it.
    const outran =
      (before.state === 'expired' || before.state === 'cancelled') &&
      (before.executionArn !== after.executionArn || (execution?.redriveCount ?? 0) > 0);
    if (ENDED.has(before.state) && !(outran && ['completed', 'dead'].includes(after.state)))
      this.#violate('what has ended stays as it is', job, before, after);
    if (after.state === 'completed') {
      if (status !== 'SUCCEEDED')
        this.#violate('a staged job is completed when its execution succeeded', job, before, after);
      this.#effects(job, before, after);
    } else if (!['FAILED', 'TIMED_OUT', 'ABORTED'].includes(status))
      this.#violate('a staged job ends as its execution did', job, before, after);
    if (after.state === 'cancelled') {
      if (before.cancelRequestedAtMs === undefined)
        this.#violate('a staged job ends as its execution did', job, before, after);
      if (this.#world.steps.uncertain.get(job)?.size)
        this.#violate('no end hides an uncertain step', job, before, after);
    } else if (after.state !== 'completed' && after.state !== 'dead')
      this.#violate('a staged job ends as its execution did', job, before, after);
  }

  #delayed(job: string, before: RecordImage, after: RecordImage): void {
    const nominal = delaysOf(typeOf(job), 'old')[before.attempts - 1];
    const { delaySeconds, endedAtMs, delayWhy = '', code } = after.lastFailure ?? {};
    if (nominal === undefined || delaySeconds === undefined || after.notBeforeMs === undefined) {
      this.#violate('a failed attempt is retried on the schedule', job, before, after);
      return;
    }
    const run = this.#world.runs.find(job, before.life, before.attempts);
    const noSooner =
      code === 'RETRY_NO_SOONER' ? run?.faults.find(({ kind }) => kind === 'handler-no-sooner') : undefined;
    const leastSeconds = code?.startsWith('HTTP_')
      ? this.#world.receivers.asked(job)
      : Math.ceil((noSooner?.ms ?? 0) / 1000);
    if (delaySeconds < leastSeconds)
      this.#violate('no attempt begins sooner than the one before asked for', job, before, after);
    // The handler's own, and no jitter of ours.
    const asked = delayWhy.startsWith('no sooner than');
    if (asked && delaySeconds !== leastSeconds)
      this.#violate('no attempt begins sooner than the one before asked for', job, before, after);
    if (asked ? delaySeconds < nominal / 2 : delaySeconds < nominal / 2 || delaySeconds > nominal)
      this.#violate('a delay lies within the bounds of its jitter', job, before, after);
    if (endedAtMs !== undefined && Math.abs(after.notBeforeMs - endedAtMs - delaySeconds * 1000) > 1)
      this.#violate('an attempt is hidden for its delay', job, before, after);
    if (asked || nominal < LEAST_NOMINAL_SECONDS) return;
    this.#delayCount++;
    this.#delays.add(delaySeconds / nominal);
  }

  #violate(rule: string, job: string, before: RecordImage | undefined, after: RecordImage | undefined): void {
    const show = (image: RecordImage | undefined) =>
      image ? `${image.state} (attempt ${image.attempts} of life ${image.life})` : 'none';
    this.#world.violate(rule, `${job}: ${show(before)} → ${show(after)}`);
  }
}

/** What only an attempt's end says. */
function said({ life, attempts, notBeforeMs, failures, executionArn, completedAtMs }: RecordImage): string {
  return JSON.stringify([life, attempts, notBeforeMs, failures, executionArn, completedAtMs]);
}

/** Who claimed which attempt. */
class Claims {
  readonly #byAttempt = new Map<string, (Process | undefined)[]>();

  push(job: string, { life, attempts }: RecordImage, process: Process | undefined): void {
    const name = `${job} ${life} ${attempts}`;
    this.#byAttempt.set(name, [...this.of(job, life, attempts), process]);
  }

  of(job: string, life: number, attempt: number): readonly (Process | undefined)[] {
    return this.#byAttempt.get(`${job} ${life} ${attempt}`) ?? [];
  }
}
