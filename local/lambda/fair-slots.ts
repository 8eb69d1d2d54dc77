/** The right to run one invocation. Releasing it twice does nothing. */
export interface Slot {
  release(): void;
}

interface Waiting {
  readonly owner: string;
  readonly grant: (slot: Slot) => void;
}

/**
 * A bound on what runs at a time, over all functions. While it is reached, the owner with the fewest running is served
 * next, and within an owner who came first: a function with a deep queue cannot keep the others from running.
 */
export class FairSlots {
  readonly #limit: number;
  readonly #running = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get running(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** @throws the signal's reason when it is aborted before a slot is free */
  take(owner: string, signal?: AbortSignal): Promise<Slot> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.#taken < this.#limit) return Promise.resolve(this.#grant(owner));
    return new Promise((granted, fail) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        fail(signal?.reason as Error);
      };
      const entry: Waiting = {
        owner,
        grant: (slot) => {
          signal?.removeEventListener('abort', abort);
          granted(slot);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(entry);
    });
  }

  #grant(owner: string): Slot {
    this.#taken++;
    this.#running.set(owner, (this.#running.get(owner) ?? 0) + 1);
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.#taken--;
        this.#running.set(owner, (this.#running.get(owner) ?? 1) - 1);
        this.#serveNext();
      },
    };
  }

  #serveNext(): void {
    let next: Waiting | undefined;
    for (const candidate of this.#waiting)
      if (!next || this.#runningOf(candidate) < this.#runningOf(next)) next = candidate;
    if (!next) return;
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    next.grant(this.#grant(next.owner));
  }

  #runningOf({ owner }: Waiting): number {
    return this.#running.get(owner) ?? 0;
  }
}
