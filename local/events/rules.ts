import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { EventPattern } from './pattern.ts';
import type { Target } from './targets.ts';

export const DEFAULT_BUS = 'default';

export interface Rule {
  readonly name: string;
  readonly arn: string;
  /** Which events it is for; of one with a schedule alone none. */
  readonly pattern?: EventPattern | undefined;
  /** `rate(…)` */
  readonly schedule?: string | undefined;
  readonly state: 'ENABLED' | 'DISABLED';
  readonly description?: string | undefined;
  readonly targets: readonly Target[];
}

/** The rules of the default event bus, in the store. */
export class Rules {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(
      'CREATE TABLE IF NOT EXISTS events_rules (name TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT',
    );
  }

  arnOf(name: string): string {
    const { region, accountId } = this.#context;
    return `arn:aws:events:${region}:${accountId}:rule/${name}`;
  }

  all(): Rule[] {
    return this.#context.store.db
      .prepare('SELECT data FROM events_rules ORDER BY name')
      .all()
      .map(({ data }) => JSON.parse(String(data)) as Rule);
  }

  /** @throws AwsError `ResourceNotFoundException` */
  get(name: string): Rule {
    const rule = this.find(name);
    if (rule) return rule;
    throw new AwsError(
      'ResourceNotFoundException',
      `Rule ${name} does not exist on EventBus ${DEFAULT_BUS}.`,
    );
  }

  find(name: string): Rule | undefined {
    const row = this.#context.store.db.prepare('SELECT data FROM events_rules WHERE name = ?').get(name);
    return row && (JSON.parse(String(row.data)) as Rule);
  }

  /** One that is not there is none, as for DeleteRule. */
  delete(name: string): void {
    this.#context.store.db.prepare('DELETE FROM events_rules WHERE name = ?').run(name);
  }

  put(rule: Rule): void {
    this.#context.store.db
      .prepare('INSERT OR REPLACE INTO events_rules VALUES (?, ?)')
      .run(rule.name, JSON.stringify(rule));
  }
}
