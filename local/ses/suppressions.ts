import type { StatementSync } from 'node:sqlite';
import type { Store } from '../kernel/store.ts';
import { badRequest, notFound } from './errors.ts';

export type SuppressionReason = 'BOUNCE' | 'COMPLAINT';

export interface Suppression {
  readonly address: string;
  readonly reason: SuppressionReason;
  readonly atMs: number;
}

export interface SuppressionPage {
  /** The address that the page before ended with; empty for the first. */
  readonly after: string;
  readonly limit: number;
  /** Empty for every reason. */
  readonly reasons: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
}

/** The account's list of addresses that SES sends nothing to. Letter case does not tell addresses apart. */
export class Suppressions {
  readonly #db: Store['db'];
  /** Asked for each recipient of each mail. */
  readonly #find: StatementSync;

  constructor({ db }: Store) {
    db.exec(
      'CREATE TABLE IF NOT EXISTS ses_suppressions (address TEXT PRIMARY KEY, reason TEXT NOT NULL, atMs REAL NOT NULL) STRICT',
    );
    this.#db = db;
    this.#find = db.prepare('SELECT * FROM ses_suppressions WHERE address = ?');
  }

  put(address: string, reason: unknown, atMs: number): void {
    if (reason !== 'BOUNCE' && reason !== 'COMPLAINT')
      throw badRequest(`Reason "${String(reason)}" is neither BOUNCE nor COMPLAINT`);
    this.#db
      .prepare('INSERT OR REPLACE INTO ses_suppressions (address, reason, atMs) VALUES (?, ?, ?)')
      .run(address.toLowerCase(), reason, atMs);
  }

  find(address: string): Suppression | undefined {
    return this.#find.get(address.toLowerCase()) as Suppression | undefined;
  }

  /** @throws AwsError `NotFoundException` */
  get(address: string): Suppression {
    const found = this.find(address);
    if (!found) throw notFound(`Email address ${address} does not exist on your suppression list.`);
    return found;
  }

  /** @throws AwsError `NotFoundException` */
  delete(address: string): void {
    this.get(address);
    this.#db.prepare('DELETE FROM ses_suppressions WHERE address = ?').run(address.toLowerCase());
  }

  /** By address. */
  list({ after, limit, reasons, startMs, endMs }: SuppressionPage): Suppression[] {
    return this.#db
      .prepare(
        `SELECT * FROM ses_suppressions
         WHERE address > ? AND atMs BETWEEN ? AND ? AND (? = '[]' OR reason IN (SELECT value FROM json_each(?)))
         ORDER BY address LIMIT ?`,
      )
      .all(
        after,
        startMs,
        endMs,
        JSON.stringify(reasons),
        JSON.stringify(reasons),
        limit,
      ) as unknown as Suppression[];
  }
}
