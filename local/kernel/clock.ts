/** A timer that has been set and can be taken back. */
export interface Timer {
  cancel(): void;
}

/** The time that the local cloud lives in. Nothing in `local/` reads `Date.now()` or sets a bare timer. */
export interface Clock {
  /** Milliseconds since the epoch, in the cloud's own time. */
  now(): number;
  /** Runs `action` once, `delayMs` milliseconds of cloud time from now (at once, but never synchronously, for 0 or less). */
  after(delayMs: number, action: () => void): Timer;
  /**
   * While anybody holds the clock it runs no faster than real time, since real code is running. Returns the release;
   * calling the release again does nothing.
   */
  hold(): () => void;
}

export interface RunningClockOptions {
  /** Where time starts, in milliseconds since the epoch. @default the machine's time */
  readonly startMs?: number;
  /** Cloud seconds a real second, 1 or more, while nobody holds the clock. @default 1 */
  readonly factor?: number;
}

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
  done: boolean;
}

/** Real milliseconds since the epoch; monotonic, and the same in every thread of a process. */
export function realNow(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * The clock's state as other threads read it: two slots of (base, real base, factor), cloud time being
 * `base + (real - realBase) * factor`, and the number of the slot that counts. Writing the other slot first keeps a
 * reader from seeing half of a change.
 */
class SharedState {
  readonly buffer: SharedArrayBuffer;
  readonly #current: Int32Array;
  readonly #slots: readonly [Float64Array, Float64Array];

  constructor(buffer = new SharedArrayBuffer(8 + 2 * 24)) {
    this.buffer = buffer;
    this.#current = new Int32Array(buffer, 0, 1);
    this.#slots = [new Float64Array(buffer, 8, 3), new Float64Array(buffer, 32, 3)];
  }

  now(): number {
    const [baseMs = 0, realBaseMs = 0, factor = 1] = this.#slot(Atomics.load(this.#current, 0));
    return baseMs + (realNow() - realBaseMs) * factor;
  }

  write(baseMs: number, factor: number): void {
    const next = 1 - Atomics.load(this.#current, 0);
    this.#slot(next).set([baseMs, realNow(), factor]);
    Atomics.store(this.#current, 0, next);
  }

  #slot(index: number): Float64Array {
    return index === 0 ? this.#slots[0] : this.#slots[1];
  }
}

/** Reads, in another thread, the time of the {@link RunningClock} whose `shared` buffer was handed over. */
export function sharedClock(shared: SharedArrayBuffer): { now(): number } {
  return new SharedState(shared);
}

/**
 * A clock that follows real time, faster by a factor while nobody holds it, and that can be moved on by hand.
 *
 * Idle time is what is worth skipping: an hour's backoff passes in seconds, but while a function runs a second is a
 * second, so that no timeout fires because this machine is slow.
 */
export class RunningClock implements Clock {
  readonly #state = new SharedState();
  readonly #factor: number;
  #holders = 0;
  #order = 0;
  #pending: Pending[] = [];
  readonly #waiting: (() => void)[] = [];
  #armed: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor({ startMs = Date.now(), factor = 1 }: RunningClockOptions = {}) {
    if (!(factor >= 1))
      throw new RangeError(`clock factor ${factor} is below 1: cloud time never runs slower than real time`);
    this.#factor = factor;
    this.#rebase(startMs);
  }

  /** For {@link sharedClock}: the worker threads' `Date` must agree with this clock. */
  get shared(): SharedArrayBuffer {
    return this.#state.buffer;
  }

  now(): number {
    return this.#state.now();
  }

  after(delayMs: number, action: () => void): Timer {
    const entry: Pending = {
      dueMs: this.now() + Math.max(0, delayMs),
      order: this.#order++,
      action,
      done: false,
    };
    insertSorted(this.#pending, entry);
    if (this.#pending[0] === entry) this.#arm();
    return {
      cancel: () => {
        entry.done = true;
        const at = this.#pending.indexOf(entry);
        if (at >= 0) this.#pending.splice(at, 1);
      },
    };
  }

  hold(): () => void {
    let held = true;
    if (this.#holders++ === 0) this.#rebase(this.now());
    return () => {
      if (!held) return;
      held = false;
      if (--this.#holders > 0) return;
      this.#rebase(this.now());
      for (const released of this.#waiting.splice(0)) released();
    };
  }

  /**
   * Moves time on by `ms`, running what falls due on the way, each at its own time and in order. Between two timers the
   * event loop turns, so that what a timer started can set timers of its own. Nobody's hold is waited for: what runs sees
   * time jump, and its timeout may fire.
   */
  async advance(ms: number): Promise<void> {
    await this.#moveTo(this.now() + ms, async () => {});
  }

  /** As `advance`, but lets whatever runs, or is started on the way, come to its end before time moves on. */
  async pass(ms: number): Promise<void> {
    await this.#moveTo(this.now() + ms, () => this.#released());
  }

  /** Drops every timer; nothing fires afterwards. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#armed);
    this.#pending = [];
  }

  async #moveTo(targetMs: number, ready: () => Promise<void>): Promise<void> {
    for (;;) {
      await ready();
      const next = this.#pending[0];
      if (!next || next.dueMs > targetMs) break;
      this.#pending.shift();
      this.#rebase(Math.max(this.now(), next.dueMs));
      this.#fire(next);
      await new Promise((turn) => setImmediate(turn));
    }
    this.#rebase(Math.max(this.now(), targetMs));
  }

  async #released(): Promise<void> {
    while (this.#holders > 0) {
      await new Promise<void>((released) => this.#waiting.push(released));
      // Who released may take hold again at once: the next message of a queue, say.
      await new Promise((turn) => setImmediate(turn));
    }
  }

  #rebase(nowMs: number): void {
    this.#state.write(nowMs, this.#currentFactor);
    this.#arm();
  }

  get #currentFactor(): number {
    return this.#holders > 0 ? 1 : this.#factor;
  }

  #arm(): void {
    clearTimeout(this.#armed);
    const next = this.#pending[0];
    if (!next || this.#stopped) return;
    const realDelayMs = Math.max(0, next.dueMs - this.now()) / this.#currentFactor;
    // A longer delay than 2^31-1 ms would overflow setTimeout and fire at once; waking early only arms again.
    this.#armed = setTimeout(() => this.#fireDue(), Math.min(realDelayMs, 2 ** 31 - 1));
  }

  #fireDue(): void {
    for (;;) {
      const next = this.#pending[0];
      // Node's timers may wake up to a millisecond early.
      if (!next || next.dueMs > this.now() + 1) break;
      this.#pending.shift();
      this.#fire(next);
    }
    this.#arm();
  }

  #fire(entry: Pending): void {
    if (entry.done || this.#stopped) return;
    entry.done = true;
    entry.action();
  }
}

function insertSorted(pending: Pending[], entry: Pending): void {
  let low = 0;
  let high = pending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = pending[middle] as Pending;
    if (other.dueMs < entry.dueMs || (other.dueMs === entry.dueMs && other.order < entry.order))
      low = middle + 1;
    else high = middle;
  }
  pending.splice(low, 0, entry);
}
