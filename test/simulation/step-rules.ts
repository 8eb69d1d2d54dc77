import type { ItemChange } from '../../local/dynamodb/index.ts';
import { typeOf } from './jobs.ts';
import { effectOf } from './staged-job.ts';
import { currentProcess, type Process } from './virtual-time.ts';
import type { World } from './world.ts';

/** Holds every change of a step's record against what the step has done, and whose it is. */
export class StepRules {
  readonly #world: World;
  /** job → its steps that have begun and are not known to be done. */
  readonly uncertain = new Map<string, Set<string>>();
  /** `<job> <step>` → who began it last. */
  readonly #beganBy = new Map<string, Process | undefined>();

  constructor(world: World) {
    this.#world = world;
  }

  forget(job: string): void {
    this.uncertain.delete(job);
  }

  /** To be called in the context of the process that wrote. */
  changed(job: string, { keys, oldImage, newImage }: ItemChange): void {
    const [kind, step] = String(keys.sk?.S).split('#') as [string, string];
    const state = newImage?.state?.S as string | undefined;
    if (kind !== 'step' || state === undefined) return;
    const begins = state === 'begun' && oldImage?.owner?.S !== newImage?.owner?.S;
    const process = currentProcess();
    const name = `${job} ${step}`;
    if (begins) this.#beganBy.set(name, process);
    // Who looks and finds it done has the job's claim. A stage's runs have none.
    else if (
      process &&
      typeOf(job) !== 'staged' &&
      (state !== oldImage?.state?.S || newImage?.doneAtMs?.N !== oldImage?.doneAtMs?.N) &&
      this.#beganBy.get(name) !== process &&
      !this.#world.records.isClaimant(job, process)
    )
      this.#world.violate(
        'a step that another run took over is left alone',
        `${name} is ${state} by ${process.name}`,
      );
    if (/^stage\/[^/]+$/.test(step)) {
      this.#stageChanged(job, step, state);
      return;
    }
    const uncertain = this.uncertain.get(job) ?? new Set();
    this.uncertain.set(job, uncertain);
    if (state === 'begun') uncertain.add(step);
    else uncertain.delete(step);
    if (state !== 'done') return;
    this.#world.trace(`${currentProcess()?.name} records ${step} of ${job} as done`);
    const effects = job.startsWith('deliver')
      ? this.#world.receivers.taken(job)
      : this.#world.provider.count(job, step);
    if (effects === 0) this.#world.violate('a step is recorded as done once its effect is', `${job} ${step}`);
  }

  /** A stage may run again as a whole: its own record is never uncertain. */
  #stageChanged(job: string, run: string, state: string): void {
    if (state !== 'done') return;
    this.#world.trace(`${currentProcess()?.name} records ${run} of ${job} as done`);
    this.#world.executions.done(job, run);
    if (this.#world.provider.count(job, effectOf(run)) === 0)
      this.#world.violate('a step is recorded as done once its effect is', `${job} ${run}`);
  }
}
