import type { CloudContext } from '../kernel/service.ts';

/** What is to be brought to a target of a rule. */
export interface Delivery {
  readonly id: number;
  readonly rule: string;
  readonly targetId: string;
  /** JSON. */
  readonly input: string;
  readonly acceptedMs: number;
  readonly failures: number;
}

/** The deliveries that are not done. */
export class DeliveryStore {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(
      `CREATE TABLE IF NOT EXISTS events_deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, target TEXT NOT NULL, input TEXT NOT NULL, accepted_ms REAL NOT NULL,
        failures INTEGER NOT NULL, due_ms REAL NOT NULL
      ) STRICT`,
    );
  }

  add({ rule, targetId, input, acceptedMs }: Omit<Delivery, 'id' | 'failures'>): void {
    this.#context.store.db
      .prepare(
        'INSERT INTO events_deliveries (rule, target, input, accepted_ms, failures, due_ms) VALUES (?, ?, ?, ?, 0, ?)',
      )
      .run(rule, targetId, input, acceptedMs, acceptedMs);
  }

  /** In the order of their times. */
  due(nowMs: number): Delivery[] {
    return this.#context.store.db
      .prepare('SELECT * FROM events_deliveries WHERE due_ms <= ? ORDER BY due_ms, id')
      .all(nowMs)
      .map((row) => ({
        id: Number(row.id),
        rule: String(row.rule),
        targetId: String(row.target),
        input: String(row.input),
        acceptedMs: Number(row.accepted_ms),
        failures: Number(row.failures),
      }));
  }

  nextMs(): number | undefined {
    const row = this.#context.store.db.prepare('SELECT MIN(due_ms) AS ms FROM events_deliveries').get();
    return row?.ms == null ? undefined : Number(row.ms);
  }

  retry({ id }: Delivery, dueMs: number): void {
    this.#context.store.db
      .prepare('UPDATE events_deliveries SET failures = failures + 1, due_ms = ? WHERE id = ?')
      .run(dueMs, id);
  }

  done({ id }: Delivery): void {
    this.#context.store.db.prepare('DELETE FROM events_deliveries WHERE id = ?').run(id);
  }
}
