import type { Clock, Timer } from './clock.ts';

export interface DueWorkOptions {
  readonly clock: Clock;
  /** When there is something to do next (cloud time, ms); `undefined` when nothing is. */
  readonly nextMs: () => number | undefined;
  /** Does what is due. */
  readonly work: () => void;
}

/** Work that is noted in the store with the time at which it is due, and done then. */
export class DueWork {
  readonly #options: DueWorkOptions;
  #running = false;
  #timer: Timer | undefined;

  constructor(options: DueWorkOptions) {
    this.#options = options;
  }

  /** What fell due while the cloud was down is done at once. */
  start(): void {
    this.#running = true;
    this.arm();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  /** Something is due and about to be done. */
  get busy(): boolean {
    return (this.#options.nextMs() ?? Number.POSITIVE_INFINITY) <= this.#options.clock.now();
  }

  /** To be called when something may be due sooner than anything was before. */
  arm(): void {
    this.#timer?.cancel();
    const { clock, nextMs, work } = this.#options;
    const dueMs = this.#running ? nextMs() : undefined;
    if (dueMs === undefined) return;
    this.#timer = clock.after(dueMs - clock.now(), () => {
      work();
      this.arm();
    });
  }
}
