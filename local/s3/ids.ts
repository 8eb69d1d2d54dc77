import type { Store } from '../kernel/store.ts';

/**
 * Names for bytes, versions and uploads. Counted, not drawn: a seeded run that is continued on its state would draw the same
 * ones again, and write over what it kept.
 */
export class Ids {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    store.db.exec(
      'CREATE TABLE IF NOT EXISTS s3_ids (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL); INSERT OR IGNORE INTO s3_ids VALUES (1, 0)',
    );
  }

  next(): string {
    const row = this.#store.db.prepare('UPDATE s3_ids SET last = last + 1 RETURNING last').get();
    return Number(row?.last).toString(16).padStart(16, '0');
  }
}
