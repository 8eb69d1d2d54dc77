import type { Verified } from '../../shared/consumer/index.ts';
import type { FaultPlan } from './faults.ts';
import { currentProcess, processNow } from './virtual-time.ts';
import type { World } from './world.ts';

interface Effect {
  /** How often it happened. */
  count: number;
  /** Requests that are on their way. */
  pending: number;
  /** When a request was last under way, in the world's time. */
  lastMs: number;
  readonly receipt: string;
}

const TRAVEL_MS = { least: 5, spread: 120 };
/** No request is under way longer than an invocation lasts; clocks are apart by a minute at most. */
const SURELY_OVER_MS = 120_000;

/** The call certainly had no effect. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code = 'SIM_REFUSED';
}

/** A service outside that does something: charges a card, prints a letter. It counts what it did. */
export class Provider {
  readonly #world: World;
  readonly #plan: FaultPlan;
  readonly #effects = new Map<string, Effect>();
  /** Until then it refuses everybody. */
  downUntilMs = 0;

  constructor(world: World, plan: FaultPlan) {
    this.#world = world;
    this.#plan = plan;
  }

  /** How often the step's effect happened. */
  count(job: string, step: string): number {
    return this.#effects.get(`${job} ${step}`)?.count ?? 0;
  }

  /** Nobody asks any more what happened under the key. */
  forget(job: string): void {
    for (const name of this.#effects.keys()) if (name.startsWith(`${job} `)) this.#effects.delete(name);
  }

  receipt(job: string, step: string): string {
    return `receipt of ${job} ${step}`;
  }

  /**
   * Does it, once more each time.
   *
   * @param once whether the provider knows our key and drops a second request
   * @throws Refused for what certainly did not happen; anything else may have
   */
  call(
    job: string,
    step: string,
    options: { readonly signal: AbortSignal; readonly once: boolean },
  ): Promise<string> {
    const world = this.#world;
    const process = currentProcess();
    const effect = this.#effect(job, step);
    const faults = this.#plan.at('provider', job);
    const has = (kind: string) => faults.find((fault) => fault.kind === kind);
    const hang = has('provider-hangs');
    const refused = has('provider-refuses') !== undefined || world.clock.now() < this.downUntilMs;
    const slowMs = has('provider-slow')?.ms ?? 0;
    const broken = has('provider-half-answers') !== undefined;
    const { signal, once } = options;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      effect.pending++;
      world.clock.after(TRAVEL_MS.least + world.random() * TRAVEL_MS.spread + slowMs, () => {
        effect.pending--;
        effect.lastMs = world.clock.now();
        if (hang?.moment === 'before') return;
        if (refused) {
          world.trace(`provider refuses ${job} ${step}`);
          world.clock.schedule(TRAVEL_MS.least, () => reject(new Refused('The provider refused.')), process);
          return;
        }
        effect.count++;
        world.trace(`provider does ${job} ${step}, time ${effect.count}`);
        if (effect.count > 1 && !once)
          world.violate(
            'no effect is repeated that was not declared repeatable',
            `${job} ${step} was done ${effect.count} times`,
          );
        if (hang) return;
        const end = () =>
          broken ? reject(new Error('The provider answered half a sentence.')) : resolve(effect.receipt);
        world.clock.schedule(TRAVEL_MS.least, end, process);
      });
    });
  }

  /** What a careful author's look at it tells: "nothing seen" is no proof while a request may still be on its way. */
  look<Result>(job: string, step: string, begunAtMs: number): Promise<Verified<Result>> {
    const world = this.#world;
    const process = currentProcess();
    return new Promise((resolve) => {
      world.clock.after(TRAVEL_MS.least, () => {
        const { count, pending, receipt } = this.#effect(job, step);
        const found: Verified<Result> =
          count > 0
            ? { found: 'done', result: receipt as Result }
            : pending > 0 || processNow() < begunAtMs + SURELY_OVER_MS
              ? { found: 'unknown' }
              : { found: 'notDone' };
        world.trace(`provider is asked for ${job} ${step}: ${found.found}`);
        world.clock.schedule(TRAVEL_MS.least, () => resolve(found), process);
      });
    });
  }

  #effect(job: string, step: string): Effect {
    const name = `${job} ${step}`;
    let effect = this.#effects.get(name);
    if (!effect) {
      effect = { count: 0, pending: 0, lastMs: 0, receipt: this.receipt(job, step) };
      this.#effects.set(name, effect);
    }
    return effect;
  }
}
