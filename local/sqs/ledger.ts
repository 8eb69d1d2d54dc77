import type { Clock } from '../kernel/clock.ts';
import type { Store } from '../kernel/store.ts';
import type { SqsEvent, SqsEvents } from './events.ts';
import { DELAYED, IN_FLIGHT, type MessageState, type MessageTable, VISIBLE } from './message-table.ts';
import type { Queue } from './queue.ts';
import type { Queues } from './queues.ts';

/** An expired message may live on this long unseen, which keeps the search for expired ones rare. */
const EXPIRY_SEARCH_INTERVAL_MS = 1000;

export interface LedgerParts {
  readonly clock: Clock;
  readonly store: Store;
  readonly table: MessageTable;
  readonly queues: Queues;
  readonly events: SqsEvents;
  /** Told, after each change, which queues may have something to receive. */
  readonly woken: (queue: Queue) => void;
}

/** Keeps each queue's tally true to its stored messages, through time and through transactions. */
export class Ledger {
  readonly #parts: LedgerParts;
  /** The transaction under way, which calls made within it join. */
  #open: { readonly events: SqsEvent[]; readonly queues: Set<Queue> } | undefined;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  nowMs(): number {
    return Math.floor(this.#parts.clock.now());
  }

  /** Makes the queue's state agree with the time: shows what is due, drops what has expired. */
  settle(queue: Queue, nowMs: number): void {
    const { tally } = queue;
    if (nowMs >= tally.nextVisibleMs) {
      const back = this.#parts.table.surface(queue.id, IN_FLIGHT, nowMs);
      const due = this.#parts.table.surface(queue.id, DELAYED, nowMs);
      tally.inFlight -= back;
      tally.delayed -= due;
      tally.visible += back + due;
      tally.nextVisibleMs = this.nextHiddenMs(queue);
    }
    if (nowMs >= tally.nextExpiryMs) this.#expire(queue, nowMs);
  }

  #expire(queue: Queue, nowMs: number): void {
    const retentionMs = queue.settings.retentionSeconds * 1000;
    this.write([queue], (events) => {
      for (const { messageId, state } of this.#parts.table.expire(queue.id, nowMs - retentionMs)) {
        this.left(queue, state);
        events.push({ type: 'expired', queueArn: queue.arn, messageId, atMs: nowMs });
      }
    });
    const oldestMs = this.#parts.table.oldestSentMs(queue.id);
    queue.tally.nextExpiryMs =
      oldestMs === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(oldestMs + retentionMs, nowMs + EXPIRY_SEARCH_INTERVAL_MS);
  }

  /** When the next hidden or delayed message becomes visible; infinity without one. */
  nextHiddenMs(queue: Queue): number {
    return Math.min(
      this.#parts.table.firstVisibleMs(queue.id, IN_FLIGHT) ?? Number.POSITIVE_INFINITY,
      this.#parts.table.firstVisibleMs(queue.id, DELAYED) ?? Number.POSITIVE_INFINITY,
    );
  }

  /** A message in `state` is no longer in the queue, or no longer in that state. */
  left({ tally }: Queue, state: MessageState): void {
    if (state === VISIBLE) tally.visible--;
    else if (state === IN_FLIGHT) tally.inFlight--;
    else tally.delayed--;
  }

  /** A message is now in `state`. */
  entered({ tally, settings }: Queue, state: MessageState, visibleMs: number, sentMs: number): void {
    if (state === VISIBLE) tally.visible++;
    else {
      if (state === IN_FLIGHT) tally.inFlight++;
      else tally.delayed++;
      tally.nextVisibleMs = Math.min(tally.nextVisibleMs, visibleMs);
    }
    tally.nextExpiryMs = Math.min(tally.nextExpiryMs, sentMs + settings.retentionSeconds * 1000);
  }

  wake(queue: Queue): void {
    this.#parts.woken(queue);
  }

  /** One transaction; afterwards its events are told and long polls are served. When it fails, the tallies are made anew. */
  write<Result>(queues: readonly Queue[], work: (events: SqsEvent[]) => Result): Result {
    if (this.#open !== undefined) {
      for (const queue of queues) this.#open.queues.add(queue);
      return work(this.#open.events);
    }
    const open = { events: [] as SqsEvent[], queues: new Set(queues) };
    this.#open = open;
    let result: Result;
    try {
      result = this.#parts.store.transaction(() => work(open.events));
    } catch (error) {
      for (const queue of open.queues) this.#parts.queues.recount(queue);
      throw error;
    } finally {
      this.#open = undefined;
    }
    // Waking where nothing happened would let a long poll that found nothing wake itself, for ever.
    if (open.events.length > 0) {
      this.#parts.events.tell(open.events);
      for (const queue of open.queues) this.wake(queue);
    }
    return result;
  }
}
