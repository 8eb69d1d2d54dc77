import type { Clock, Timer } from '../kernel/clock.ts';
import { MINUTE_MS } from './metric-series.ts';

/**
 * Calls `tick` at each full minute of cloud time for as long as it answers that it has something to do; then the clock is
 * left alone until {@link wake}. So an idle cloud costs nothing, however fast its time runs.
 */
export class Minutes {
  readonly #clock: Clock;
  readonly #tick: (minuteMs: number) => boolean;
  #started = false;
  #timer: Timer | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, tick: (minuteMs: number) => boolean) {
    this.#clock = clock;
    this.#tick = tick;
  }

  start(): void {
    this.#started = true;
    this.wake();
  }

  stop(): void {
    this.#started = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Something happened that the next minute must look at. */
  wake(): void {
    if (!this.#started || this.#timer) return;
    const nowMs = this.#clock.now();
    // A timer may fire a moment early; no minute comes twice.
    const minuteMs = Math.max((Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS, this.#lastMs + MINUTE_MS);
    this.#timer = this.#clock.after(minuteMs - nowMs, () => {
      this.#timer = undefined;
      this.#lastMs = minuteMs;
      // Minutes that a busy process slept through stay without a sample: a late count is none of theirs.
      if (this.#tick(minuteMs)) this.wake();
    });
  }
}
