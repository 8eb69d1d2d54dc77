import { RunningClock, realNow } from './kernel/clock.ts';
import { LocalCloudError } from './kernel/errors.ts';
import type { Store } from './kernel/store.ts';

/** Real seconds between two notes of the time. */
const NOTE_INTERVAL_SECONDS = 2;
/** While time is moved on by hand the notes lie farther apart, up to so much cloud time, or a month would be a million. */
const LONGEST_INTERVAL_SECONDS = 600;

/**
 * Cloud time over restarts: it never goes back, or messages would be hidden again and records unexpire. While the cloud
 * runs, a time that it surely has not reached yet is noted, so that even after a SIGKILL the next run starts later.
 */
export class CloudTime {
  readonly clock: RunningClock;
  readonly #store: Store;
  readonly #shortestMs: number;
  #intervalMs: number;
  #notedAtRealMs = 0;
  #notedMs: number;

  /** @throws LocalCloudError `CLOCK_BEHIND` for a clock of one's own that is behind the state's */
  constructor(
    store: Store,
    { clock, factor = 1 }: { clock?: RunningClock | undefined; factor?: number | undefined },
  ) {
    store.db.exec(
      'CREATE TABLE IF NOT EXISTS cloud_time (id INTEGER PRIMARY KEY, noted_ms REAL NOT NULL) STRICT',
    );
    this.#store = store;
    this.#notedMs = Number(store.db.prepare('SELECT noted_ms FROM cloud_time').get()?.noted_ms ?? 0);
    this.clock = clock ?? new RunningClock({ startMs: Math.max(this.#notedMs, realNow()), factor });
    if (this.clock.now() < this.#notedMs)
      throw new LocalCloudError(
        'CLOCK_BEHIND',
        `The clock given says ${iso(this.clock.now())}, and the state has been at ${iso(this.#notedMs)} already. Start with --fresh, or with a later clock.`,
      );
    this.#shortestMs = NOTE_INTERVAL_SECONDS * 1000 * factor;
    this.#intervalMs = this.#shortestMs;
    this.#noteAhead();
  }

  /** Notes the exact time; the clock may stop. */
  close(): void {
    this.#note(this.clock.now());
  }

  #noteAhead(): void {
    const soon = realNow() - this.#notedAtRealMs < (NOTE_INTERVAL_SECONDS * 1000) / 2;
    const longestMs = Math.max(this.#shortestMs, LONGEST_INTERVAL_SECONDS * 1000);
    this.#intervalMs = soon ? Math.min(this.#intervalMs * 2, longestMs) : this.#shortestMs;
    this.#notedAtRealMs = realNow();
    this.#note(Math.max(this.#notedMs, this.clock.now() + 2 * this.#intervalMs));
    this.clock.after(this.#intervalMs, () => this.#noteAhead());
  }

  #note(ms: number): void {
    this.#notedMs = ms;
    this.#store.db.prepare('INSERT OR REPLACE INTO cloud_time (id, noted_ms) VALUES (1, ?)').run(ms);
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
