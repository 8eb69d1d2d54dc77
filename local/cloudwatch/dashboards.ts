import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';

export interface Dashboard {
  readonly name: string;
  readonly arn: string;
  /** JSON. */
  readonly body: string;
  readonly modifiedMs: number;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS cloudwatch_dashboards (
  name TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  modifiedMs REAL NOT NULL
) STRICT`;

/** The dashboards of the account: kept as they are written, drawn by whoever reads them. */
export class Dashboards {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(SCHEMA);
  }

  /** By name. */
  all(): readonly Dashboard[] {
    const rows = this.#context.store.db.prepare('SELECT * FROM cloudwatch_dashboards ORDER BY name').all();
    return rows.map((row) => this.#read(row));
  }

  /** @throws AwsError `DashboardNotFoundError` */
  get(name: string): Dashboard {
    const row = this.#context.store.db
      .prepare('SELECT * FROM cloudwatch_dashboards WHERE name = ?')
      .get(name);
    if (row) return this.#read(row);
    throw new AwsError('DashboardNotFoundError', `Dashboard ${name} does not exist`, 404);
  }

  /** @throws AwsError `DashboardInvalidInputError` */
  put(name: string, body: string): Dashboard {
    if (!/^[\w-]{1,255}$/.test(name))
      throw invalid(`The dashboard's name "${name}" is not 1 to 255 of A-Z a-z 0-9 _ -`);
    if (!isObject(body)) throw invalid('The dashboard body is not a JSON object');
    this.#context.store.db
      .prepare('INSERT OR REPLACE INTO cloudwatch_dashboards (name, body, modifiedMs) VALUES (?, ?, ?)')
      .run(name, body, this.#context.clock.now());
    return this.get(name);
  }

  /** All of them, or none where one is not there. @throws AwsError `DashboardNotFoundError` */
  delete(names: readonly string[]): void {
    for (const name of names) this.get(name);
    const remove = this.#context.store.db.prepare('DELETE FROM cloudwatch_dashboards WHERE name = ?');
    this.#context.store.transaction(() => {
      for (const name of names) remove.run(name);
    });
  }

  #read({ name, body, modifiedMs }: Record<string, unknown>): Dashboard {
    const arn = `arn:aws:cloudwatch::${this.#context.accountId}:dashboard/${name}`;
    return { name: String(name), arn, body: String(body), modifiedMs: Number(modifiedMs) };
  }
}

function invalid(message: string): AwsError {
  return new AwsError('DashboardInvalidInputError', message);
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return value !== null && typeof value === 'object' && !Array.isArray(value);
  } catch {
    return false;
  }
}
