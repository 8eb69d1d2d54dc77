import type { Clock, Timer } from '../kernel/clock.ts';

/** For standard queues: five batches at first, 300 more a minute while there is work, 1,250 at most. */
const INITIAL_BATCHES = 5;
const GROWTH_PER_SECOND = 300 / 60;
export const CONCURRENCY_LIMIT = 1_250;

/**
 * How many batches one mapping may have running: Lambda's scaling up, the mapping's MaximumConcurrency, and the backing
 * off after failures (halved by each, one more after each success).
 */
export class MappingConcurrency {
  readonly #clock: Clock;
  #maximum: number;
  #running = 0;
  #busySinceMs = 0;
  #backedOff = CONCURRENCY_LIMIT;
  #waiting: { readonly proceed: () => void; readonly timer: Timer } | undefined;

  constructor(clock: Clock, maximum: number | undefined) {
    this.#clock = clock;
    this.#maximum = maximum ?? CONCURRENCY_LIMIT;
  }

  get running(): number {
    return this.#running;
  }

  get limit(): number {
    const busySeconds = this.#running === 0 ? 0 : (this.#clock.now() - this.#busySinceMs) / 1000;
    const scaled = INITIAL_BATCHES + Math.floor(busySeconds * GROWTH_PER_SECOND);
    return Math.max(1, Math.min(scaled, this.#maximum, this.#backedOff));
  }

  setMaximum(maximum: number | undefined): void {
    this.#maximum = maximum ?? CONCURRENCY_LIMIT;
    this.wake();
  }

  /** Waits until one more batch may run, or until `wake` after an abort. One waiter at a time: a mapping has one poller. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#running >= this.limit && !signal.aborted)
      await new Promise<void>((proceed) => {
        // The limit grows with time as well as with the end of a batch.
        const timer = this.#clock.after(1000, () => this.wake());
        this.#waiting = { proceed, timer };
      });
  }

  begin(): void {
    if (this.#running++ === 0) this.#busySinceMs = this.#clock.now();
  }

  end(): void {
    this.#running--;
    this.wake();
  }

  backOff(): void {
    this.#backedOff = Math.max(1, Math.floor(Math.min(this.#backedOff, this.limit) / 2));
  }

  recover(): void {
    if (this.#backedOff < CONCURRENCY_LIMIT) this.#backedOff++;
  }

  /** Lets the waiter look again. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.timer.cancel();
    waiting?.proceed();
  }
}
