import type { Store } from '../kernel/store.ts';

export interface HistoryEvent {
  readonly id: number;
  readonly previousId: number;
  readonly atMs: number;
  /** As GetExecutionHistory names it: `TaskScheduled`. */
  readonly type: string;
  /** The member of the answer that holds the details, and what it holds. */
  readonly details?: readonly [member: string, value: Readonly<Record<string, unknown>>];
}

/** An execution that would have more events fails. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
export const EVENTS_LIMIT = 25_000;

export class History {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    store.db.exec(
      `CREATE TABLE IF NOT EXISTS states_history (
        execution TEXT NOT NULL, id INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (execution, id)
      ) STRICT, WITHOUT ROWID`,
    );
  }

  add(execution: string, event: HistoryEvent): void {
    this.#store.db
      .prepare('INSERT INTO states_history VALUES (?, ?, ?)')
      .run(execution, event.id, JSON.stringify(event));
  }

  /** @param after the id of the last event that was told; 0 from the beginning (or, reversed, the end) */
  page(
    execution: string,
    { after, limit, reverse }: { after: number; limit: number; reverse: boolean },
  ): HistoryEvent[] {
    const sql = reverse
      ? 'SELECT data FROM states_history WHERE execution = ? AND id < ? ORDER BY id DESC LIMIT ?'
      : 'SELECT data FROM states_history WHERE execution = ? AND id > ? ORDER BY id LIMIT ?';
    const from = reverse && after === 0 ? Number.MAX_SAFE_INTEGER : after;
    return this.#store.db
      .prepare(sql)
      .all(execution, from, limit)
      .map(({ data }) => JSON.parse(String(data)) as HistoryEvent);
  }

  deleteAll(execution: string): void {
    this.#store.db.prepare('DELETE FROM states_history WHERE execution = ?').run(execution);
  }
}
