import type { Timer } from '../kernel/clock.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { SynchronousActionStore } from './action-store.ts';
import type { ItemRows } from './item-rows.ts';
import type { TableCatalog } from './table-catalog.ts';

/** How late an item is deleted here. AWS does it "within a few days", so nobody may count on either. */
export const DEFAULT_LAG_SECONDS = 120;

/** DynamoDB takes an expiry more than five years ago for a mistake, and keeps the item. */
const OLDEST_EXPIRY_SECONDS = 5 * 365 * 24 * 3600;

const DELETIONS_AT_ONCE = 500;

/** So that a deletion never comes sooner than the lag says because of a rounded clock. */
const TICK_SECONDS = 1;

/** Deletes expired items on the cloud's clock. Its timer waits for the next expiry, so an idle table costs nothing. */
export class TimeToLive {
  readonly #context: CloudContext;
  readonly #rows: ItemRows;
  readonly #catalog: TableCatalog;
  readonly #store: SynchronousActionStore;
  readonly #commit: (work: () => void) => void;
  #lagSeconds = DEFAULT_LAG_SECONDS;
  #running = false;
  #timer: Timer | undefined;
  #dueSeconds = Number.POSITIVE_INFINITY;

  /** @param commit runs deletions in a transaction, and tells the change records afterwards */
  constructor(
    context: CloudContext,
    rows: ItemRows,
    catalog: TableCatalog,
    store: SynchronousActionStore,
    commit: (work: () => void) => void,
  ) {
    this.#context = context;
    this.#rows = rows;
    this.#catalog = catalog;
    this.#store = store;
    this.#commit = commit;
  }

  start(): void {
    this.#running = true;
    this.arm();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Deletes so many seconds after the expiry; below zero, before it, as a fast clock at AWS would. */
  setLagSeconds(lagSeconds: number): void {
    this.#lagSeconds = lagSeconds;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.arm();
  }

  /** To be told of each expiry written: it may come sooner than all before. */
  notice(expirySeconds: number): void {
    if (!this.#timer || expirySeconds + this.#lagSeconds + TICK_SECONDS < this.#dueSeconds) this.arm();
  }

  /** Sets the timer for the next expiry there is. */
  arm(): void {
    if (!this.#running) return;
    const expirySeconds = this.#rows.firstExpirySeconds(this.#oldestSeconds());
    if (expirySeconds === undefined) return;
    const dueSeconds = expirySeconds + this.#lagSeconds + TICK_SECONDS;
    if (this.#timer && this.#dueSeconds <= dueSeconds) return;
    this.#timer?.cancel();
    this.#dueSeconds = dueSeconds;
    this.#timer = this.#context.clock.after(dueSeconds * 1000 - this.#context.clock.now(), () => {
      this.#timer = undefined;
      this.deleteExpired(this.#context.clock.now() - this.#lagSeconds * 1000);
      this.arm();
    });
  }

  /** Deletes what expired up to a time, and answers how many items that were. */
  deleteExpired(untilMs: number): number {
    const untilSeconds = Math.floor(untilMs / 1000);
    let deleted = 0;
    for (;;) {
      const rows = this.#rows.expired(this.#oldestSeconds(), untilSeconds, DELETIONS_AT_ONCE);
      if (rows.length === 0) return deleted;
      this.#commit(() => {
        for (const { space, key } of rows) {
          const table = this.#catalog.ofSpace(space);
          if (!table) throw new Error(`items lie in the space ${space}, which is of no table`);
          this.#store.deleteItem(table, key);
        }
      });
      deleted += rows.length;
    }
  }

  #oldestSeconds(): number {
    return Math.floor(this.#context.clock.now() / 1000) - OLDEST_EXPIRY_SECONDS;
  }
}
