import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KeyRange } from './dynalite.ts';

export interface Row {
  readonly key: string;
  readonly item: string;
}

export interface ExpiredRow extends Row {
  readonly space: number;
}

/**
 * The rows of all tables and indexes: one space each, ordered by a key that sorts as text. An item is kept as its JSON.
 * `expires_at` (seconds) is only set where the table has a time to live, so that finding what expired reads no other row.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS dynamodb_spaces (space INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS dynamodb_items (
    space INTEGER NOT NULL, key TEXT NOT NULL, item TEXT NOT NULL, expires_at INTEGER,
    PRIMARY KEY (space, key)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS dynamodb_items_expiry ON dynamodb_items (expires_at) WHERE expires_at IS NOT NULL;
`;

const BOUNDS = [
  ['gt', '>'],
  ['gte', '>='],
  ['lt', '<'],
  ['lte', '<='],
] as const;

export class ItemRows {
  readonly #db: DatabaseSync;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #firstExpiry: StatementSync;
  readonly #expired: StatementSync;
  readonly #ranges = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    db.exec(SCHEMA);
    this.#get = db.prepare('SELECT item FROM dynamodb_items WHERE space = ? AND key = ?');
    this.#put = db.prepare(
      `INSERT INTO dynamodb_items (space, key, item, expires_at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET item = excluded.item, expires_at = excluded.expires_at`,
    );
    this.#delete = db.prepare('DELETE FROM dynamodb_items WHERE space = ? AND key = ?');
    this.#firstExpiry = db.prepare(
      'SELECT min(expires_at) AS seconds FROM dynamodb_items WHERE expires_at >= ?',
    );
    this.#expired = db.prepare(
      `SELECT space, key, item FROM dynamodb_items WHERE expires_at >= ? AND expires_at <= ?
       ORDER BY expires_at LIMIT ?`,
    );
  }

  newSpace(name: string): number {
    return Number(
      this.#db.prepare('INSERT INTO dynamodb_spaces (name) VALUES (?)').run(name).lastInsertRowid,
    );
  }

  dropSpace(space: number): void {
    this.#db.prepare('DELETE FROM dynamodb_items WHERE space = ?').run(space);
    this.#db.prepare('DELETE FROM dynamodb_spaces WHERE space = ?').run(space);
  }

  get(space: number, key: string): string | undefined {
    return this.#get.get(space, key)?.item as string | undefined;
  }

  put(space: number, key: string, item: string, expiresAtSeconds?: number): void {
    this.#put.run(space, key, item, expiresAtSeconds ?? null);
  }

  delete(space: number, key: string): void {
    this.#delete.run(space, key);
  }

  /** The rows in order of their keys. Nothing may be written to the space before the last one is read. */
  range(space: number, range: KeyRange = {}): Iterable<Row> {
    let where = 'space = ?';
    const values: (string | number)[] = [space];
    for (const [name, operator] of BOUNDS) {
      const bound = range[name];
      if (bound === undefined) continue;
      where += ` AND key ${operator} ?`;
      values.push(bound);
    }
    const limited = range.limit !== undefined && range.limit >= 0;
    if (limited) values.push(range.limit);
    const sql = `SELECT key, item FROM dynamodb_items WHERE ${where} ORDER BY key${range.reverse ? ' DESC' : ''}${limited ? ' LIMIT ?' : ''}`;
    return this.#rangeStatement(sql).iterate(...values) as Iterable<object> as Iterable<Row>;
  }

  count(space: number): { readonly items: number; readonly sizeBytes: number } {
    const totals = this.#db
      .prepare(
        'SELECT count(*) AS items, coalesce(sum(length(item)), 0) AS sizeBytes FROM dynamodb_items WHERE space = ?',
      )
      .get(space);
    return { items: Number(totals?.items), sizeBytes: Number(totals?.sizeBytes) };
  }

  /** When the next item expires, leaving out those that expired before `fromSeconds`. */
  firstExpirySeconds(fromSeconds: number): number | undefined {
    return (this.#firstExpiry.get(fromSeconds)?.seconds as number | null) ?? undefined;
  }

  expired(fromSeconds: number, toSeconds: number, limit: number): readonly ExpiredRow[] {
    return this.#expired.all(fromSeconds, toSeconds, limit) as object[] as ExpiredRow[];
  }

  #rangeStatement(sql: string): StatementSync {
    const statement = this.#ranges.get(sql) ?? this.#db.prepare(sql);
    this.#ranges.set(sql, statement);
    return statement;
  }
}
