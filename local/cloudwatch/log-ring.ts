/** Bounds of one group: a chatty function must not eat the memory, and both are far more than a person reads. */
export const EVENTS_LIMIT = 20_000;
export const CHARACTERS_LIMIT = 8 * 1024 * 1024;

export interface LogEvent {
  /** In order of arrival, unique in the account. */
  readonly id: number;
  readonly stream: string;
  readonly message: string;
  /** Cloud time, ms since the epoch. */
  readonly atMs: number;
  readonly ingestedMs: number;
}

/** The youngest events of a group, within the bounds. */
export class LogRing {
  #events: LogEvent[] = [];
  /** Those before it are dropped; the array itself is cut now and then, since cutting moves all that stays. */
  #start = 0;
  #characters = 0;

  add(event: LogEvent): void {
    this.#events.push(event);
    this.#characters += event.message.length;
    while (this.#length > EVENTS_LIMIT || (this.#characters > CHARACTERS_LIMIT && this.#length > 1))
      this.#dropOldest();
  }

  /** Oldest first, without what is older than `sinceMs`. */
  since(sinceMs: number): readonly LogEvent[] {
    while (this.#length > 0 && (this.#events[this.#start] as LogEvent).atMs < sinceMs) this.#dropOldest();
    return this.#events.slice(this.#start);
  }

  get characters(): number {
    return this.#characters;
  }

  get #length(): number {
    return this.#events.length - this.#start;
  }

  #dropOldest(): void {
    this.#characters -= (this.#events[this.#start] as LogEvent).message.length;
    this.#start++;
    if (this.#start < EVENTS_LIMIT) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }
}
