import { type JobContext, RetryAfter } from '../../shared/consumer/index.ts';
import { maxReceiveCount } from '../../shared/jobs/define-job.ts';
import type { Fault, FaultPlan } from './faults.ts';
import { contractOf, delaysOf, type Payload, typeOf, type Version } from './jobs.ts';
import { currentProcess, type Process } from './virtual-time.ts';
import type { World } from './world.ts';

/** An invocation looks at its clock after it has begun; a clock that is set back meanwhile goes back no further. */
const LONGEST_STEP_BACK_MS = 10_000;

/** Later it runs beside others rather than never. Of a version, since another schedule has another count of receives. */
function receivesToRunAloneIn(version: Version): number {
  return maxReceiveCount(contractOf('print', version)) - 3;
}

/** The code of a run that asked for later. */
export const DEFERRED = 'DEFERRED';

export interface Run {
  readonly job: string;
  /** Its process had died in an earlier attempt. */
  readonly alone: boolean;
  readonly life: number;
  readonly attempt: number;
  readonly process: Process | undefined;
  readonly startedMs: number;
  readonly faults: readonly Fault[];
  end?: 'returned' | 'threw';
  /** The code of what it threw, as the records would have it. */
  code?: string;
  returned(): void;
  threw(error: unknown): void;
}

/** What the handlers did, as they themselves saw it. */
export class Runs {
  readonly #world: World;
  readonly #plan: FaultPlan;
  readonly #byJob = new Map<string, Run[]>();
  readonly #active = new Map<Process, Set<Run>>();

  constructor(world: World, plan: FaultPlan) {
    this.#world = world;
    this.#plan = plan;
  }

  forget(job: string): void {
    this.#byJob.delete(job);
  }

  count(job: string): number {
    return this.#byJob.get(job)?.length ?? 0;
  }

  /** The last run of an attempt; a deferred attempt runs more than once. */
  find(job: string, life: number, attempt: number): Run | undefined {
    return this.#byJob.get(job)?.findLast((run) => run.life === life && run.attempt === attempt);
  }

  begin({ job }: Payload, { job: { attempt, life }, signal }: JobContext): Run {
    const world = this.#world;
    const process = currentProcess();
    const runs = this.#byJob.get(job) ?? [];
    this.#byJob.set(job, runs);
    const active = process && (this.#active.get(process) ?? new Set<Run>());
    if (process && active) this.#active.set(process, active);
    world.trace(`${process?.name} runs ${job}, attempt ${attempt} of life ${life}`);
    const most = delaysOf(typeOf(job), 'old').length + 1;
    if (attempt > most)
      world.violate('no attempt goes beyond the schedule', `${job} ran attempt ${attempt} of ${most}`);
    const before = runs.findLast((run) => run.life === life);
    const again =
      before && (attempt < before.attempt || (attempt === before.attempt && before.code !== DEFERRED));
    // A process that slept between its claim and its handler's start finds out no sooner than at a step.
    if (again && !this.#isLateStart(job, life, attempt, process))
      world.violate(
        'each run of a life is an attempt of its own',
        `${job} ran attempt ${attempt} of life ${life} after attempt ${before.attempt}`,
      );
    if (world.cancelled.has(job)) world.violate('a cancelled job never runs', job);
    const record = world.records.image(job);
    const neighbours = [...(active ?? [])].filter((other) => this.#isUnderWay(other));
    const invocation = process && world.invocations.get(process);
    const alone =
      record?.crashed === true &&
      // Who has lost the claim before it began finds out at its first step.
      world.records.isClaimant(job, process) &&
      world.messages.receives(job) < receivesToRunAloneIn(invocation?.version ?? 'new');
    if (neighbours.length > 0 && (alone || neighbours.some((other) => other.alone)))
      world.violate(
        'a job that crashed its process runs alone',
        `${job} runs beside ${neighbours.map((other) => other.job).join(', ')}`,
      );
    const expiresMs = world.expiresMs(job);
    const beganMs = invocation?.beganMs;
    // What had started in time goes on when it is redriven, however late.
    const started = record !== undefined && record.executionArn !== '';
    const late =
      expiresMs !== undefined && beganMs !== undefined && beganMs >= expiresMs + LONGEST_STEP_BACK_MS;
    if (late && !started)
      world.violate(
        'no attempt starts after its job has expired',
        `${job} ran in an invocation that began ${Math.round((beganMs - expiresMs) / 1000)} s after its expiry`,
      );
    // What it does after its attempt was over concerns nobody.
    const abandoned = (what: string): boolean => {
      if (signal.aborted) world.trace(`${process?.name} ${what} from ${job}, too late`);
      return signal.aborted;
    };
    const run: Run = {
      job,
      alone,
      life,
      attempt,
      process,
      startedMs: world.clock.now(),
      faults: this.#plan.at('run', job),
      returned() {
        active?.delete(run);
        if (abandoned('returns')) return;
        run.end = 'returned';
        world.trace(`${process?.name} returns from ${job}`);
      },
      threw(error) {
        active?.delete(run);
        if (abandoned('throws')) return;
        run.end = 'threw';
        run.code = codeOf(error);
        world.trace(`${process?.name} throws from ${job}: ${run.code}`);
      },
    };
    runs.push(run);
    active?.add(run);
    return run;
  }

  /** Whether the process claimed this attempt itself, once for each run of it, and has lost the claim since. */
  #isLateStart(job: string, life: number, attempt: number, process: Process | undefined): boolean {
    const { records } = this.#world;
    const runs = this.#byJob.get(job)?.filter((run) => run.life === life && run.attempt === attempt) ?? [];
    const begun = runs.filter((run) => run.process === process).length;
    return records.claimsOf(job, life, attempt, process) > begun && !records.isClaimant(job, process);
  }

  /** Whether the records still know of it: an abandoned handler may go on for long. */
  #isUnderWay({ job, life, attempt }: Run): boolean {
    const record = this.#world.records.image(job);
    return record?.state === 'running' && record.life === life && record.attempts === attempt;
  }
}

function codeOf(error: unknown): string {
  if (error instanceof RetryAfter) return DEFERRED;
  const { name, code } = error as { name?: string; code?: unknown };
  return typeof code === 'string' ? code : String(name);
}
