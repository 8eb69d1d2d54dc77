import { hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../kernel/clock.ts';
import { AwsError } from '../kernel/errors.ts';
import { canonicalForm } from './attribute-values.ts';

/** How long DynamoDB knows a transaction by its token. */
export const TOKEN_LIFETIME_SECONDS = 600;

/** Every SDK sends a token with every transaction; forgetting them now and then keeps the table small. */
const TOKENS_BETWEEN_PURGES = 1000;

/** The tokens of committed transactions: the same request again is answered as done, another one under it refused. */
export class RequestTokens {
  readonly #clock: Clock;
  readonly #find: StatementSync;
  readonly #add: StatementSync;
  readonly #purge: StatementSync;
  #untilPurge = TOKENS_BETWEEN_PURGES;

  constructor(db: DatabaseSync, clock: Clock) {
    this.#clock = clock;
    db.exec(
      `CREATE TABLE IF NOT EXISTS dynamodb_request_tokens
       (token TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, expires_at_ms INTEGER NOT NULL) WITHOUT ROWID`,
    );
    this.#find = db.prepare(
      'SELECT fingerprint FROM dynamodb_request_tokens WHERE token = ? AND expires_at_ms > ?',
    );
    this.#add = db.prepare(
      'INSERT OR REPLACE INTO dynamodb_request_tokens (token, fingerprint, expires_at_ms) VALUES (?, ?, ?)',
    );
    this.#purge = db.prepare('DELETE FROM dynamodb_request_tokens WHERE expires_at_ms <= ?');
  }

  /** Requests are the same whatever the order of their members and of the elements of sets. */
  fingerprint(request: unknown): string {
    return hash('sha256', canonicalForm(request), 'base64');
  }

  /** @throws AwsError `IdempotentParameterMismatchException` */
  isDone(token: string, fingerprint: string): boolean {
    const known = this.#find.get(token, Math.floor(this.#clock.now()))?.fingerprint;
    if (known !== undefined && known !== fingerprint)
      throw new AwsError(
        'IdempotentParameterMismatchException',
        'Parameters do not match those of original request with same client token',
      );
    return known !== undefined;
  }

  /** To be called within the transaction that the token stands for. */
  remember(token: string, fingerprint: string): void {
    const nowMs = Math.floor(this.#clock.now());
    this.#add.run(token, fingerprint, nowMs + TOKEN_LIFETIME_SECONDS * 1000);
    if (--this.#untilPurge > 0) return;
    this.#untilPurge = TOKENS_BETWEEN_PURGES;
    this.#purge.run(nowMs);
  }
}
