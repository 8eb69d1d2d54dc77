import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { Clock, Timer } from '../../local/kernel/clock.ts';

/** What runs somewhere: a Lambda environment. Its timers and its calls' answers reach it only while it runs. */
export interface Process {
  readonly name: string;
  /** How far its clock is ahead of the world's. */
  skewMs: number;
  state: 'running' | 'frozen' | 'dead';
  /** What fell due while it was frozen. */
  held: (() => void)[];
}

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
  readonly process: Process | undefined;
  done: boolean;
}

/** Times are whole ticks, which floating point adds exactly: what falls due at a time falls due then, and not a trace before. */
const TICKS_A_MS = 64;

const RealDate = Date;
const real = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, random: Math.random };
const processes = new AsyncLocalStorage<Process | undefined>();
let current: VirtualClock | undefined;

/** The process whose code is running, `undefined` for the world's own. */
export function currentProcess(): Process | undefined {
  return processes.getStore();
}

export function runIn<Result>(process: Process | undefined, work: () => Result): Result {
  return processes.run(process, work);
}

/** Time that moves from event to event; between two of them everything that can go on does. */
export class VirtualClock implements Clock {
  readonly #heap: Entry[] = [];
  #nowMs: number;
  #order = 0;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  /** For the world's own parts: nobody's death or sleep holds it back. */
  after(delayMs: number, action: () => void): Timer {
    return this.schedule(delayMs, action, undefined);
  }

  /** For `process`: dropped when it is dead by then, held while it is frozen. */
  schedule(delayMs: number, action: () => void, process: Process | undefined): Timer {
    const entry: Entry = {
      dueMs: this.#nowMs + Math.round(Math.max(0, delayMs) * TICKS_A_MS) / TICKS_A_MS,
      order: this.#order++,
      action,
      process,
      done: false,
    };
    push(this.#heap, entry);
    return {
      cancel: () => {
        entry.done = true;
      },
    };
  }

  hold(): () => void {
    return () => {};
  }

  /** Lets a frozen process go on with what fell due meanwhile. */
  thaw(process: Process): void {
    process.state = 'running';
    for (const action of process.held.splice(0)) this.schedule(0, action, process);
  }

  /** Runs event after event until none is due before `endMs`, or `stop` holds. */
  async run(endMs: number, stop: () => boolean): Promise<void> {
    current = this;
    try {
      for (;;) {
        await new Promise<void>((turn) => real.setImmediate(turn));
        if (stop()) return;
        const next = pop(this.#heap, endMs);
        if (!next) break;
        this.#nowMs = next.dueMs;
        fire(next);
      }
      this.#nowMs = endMs;
    } finally {
      current = undefined;
    }
  }
}

function fire({ process, action }: Entry): void {
  if (process?.state === 'dead') return;
  if (process?.state === 'frozen') process.held.push(action);
  else processes.run(process, action);
}

function earlier(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Entry;
    if (!earlier(entry, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = entry;
}

/** The first entry that was not taken back and is due by `endMs`. */
function pop(heap: Entry[], endMs: number): Entry | undefined {
  for (;;) {
    const first = heap[0];
    if (!first || (!first.done && first.dueMs > endMs)) return undefined;
    const last = heap.pop() as Entry;
    if (heap.length > 0) sink(heap, last);
    if (first.done) continue;
    first.done = true;
    return first;
  }
}

function sink(heap: Entry[], entry: Entry): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && earlier(heap[child + 1] as Entry, heap[child] as Entry)) child++;
    if (!earlier(heap[child] as Entry, entry)) break;
    heap[at] = heap[child] as Entry;
    at = child;
  }
  heap[at] = entry;
}

/** Milliseconds since the epoch as the running process sees them. */
export function processNow(): number {
  if (!current) return RealDate.now();
  return Math.floor(current.now()) + (currentProcess()?.skewMs ?? 0);
}

class VirtualDate extends RealDate {
  // biome-ignore lint/suspicious/noExplicitAny: Date's own constructor takes anything
  constructor(...args: any[]) {
    if (args.length === 0) super(processNow());
    // @ts-expect-error Its overloads cannot be spread.
    else super(...args);
  }

  static override now(): number {
    return processNow();
  }
}

let random: () => number = real.random;

/** From here on every random number and every UUID of this process comes from `source`. */
export function useRandom(source: () => number): void {
  random = source;
}

function uuid(): string {
  const hex = Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

interface VirtualTimeout {
  cancel(): void;
  ref(): VirtualTimeout;
  unref(): VirtualTimeout;
  hasRef(): boolean;
}

/**
 * Replaces time and chance in this whole process: `Date`, the timers, `AbortSignal.timeout`, `Math.random`, `randomUUID`. To be
 * called before anything else is imported. While no clock runs they are the real ones.
 */
export function installVirtualTime(): void {
  const require = createRequire(import.meta.url);
  const handle = (timer: { cancel(): void }): VirtualTimeout => {
    const timeout: VirtualTimeout = {
      cancel: () => timer.cancel(),
      ref: () => timeout,
      unref: () => timeout,
      hasRef: () => true,
    };
    return timeout;
  };
  const later = (action: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
    current
      ? handle(current.schedule(Math.max(1, delayMs), () => action(...args), currentProcess()))
      : real.setTimeout(action, delayMs, ...args);
  const repeatedly = (action: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) => {
    if (!current) return real.setInterval(action, delayMs, ...args);
    const clock = current;
    const process = currentProcess();
    const round = (): Timer =>
      clock.schedule(
        Math.max(1, delayMs),
        () => {
          timer = round();
          action(...args);
        },
        process,
      );
    let timer = round();
    return handle({ cancel: () => timer.cancel() });
  };
  const clear = (timeout: unknown): void => {
    const timer = timeout as Partial<VirtualTimeout> | undefined;
    if (typeof timer?.cancel === 'function') timer.cancel();
    else real.clearTimeout(timeout as NodeJS.Timeout);
  };
  const wait = (delayMs = 1, value?: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((resume, fail) => {
      if (signal?.aborted) return fail(signal.reason);
      const timer = later(() => resume(value), delayMs);
      signal?.addEventListener('abort', () => {
        clear(timer);
        fail(signal.reason);
      });
    });
  const timers = { setTimeout: later, setInterval: repeatedly, clearTimeout: clear, clearInterval: clear };
  Object.assign(globalThis, timers, { Date: VirtualDate });
  Object.assign(require('node:timers'), timers);
  Object.assign(require('node:timers/promises'), { setTimeout: wait });
  Object.assign(AbortSignal, {
    timeout: (delayMs: number) => {
      const aborter = new AbortController();
      later(
        () => aborter.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
        delayMs,
      );
      return aborter.signal;
    },
  });
  Math.random = () => random();
  Object.assign(globalThis.crypto, { randomUUID: uuid });
  Object.assign(require('node:crypto'), { randomUUID: uuid });
  syncBuiltinESMExports();
}
