import { DueWork } from '../kernel/due-work.ts';
import type { CloudContext } from '../kernel/service.ts';
import { intervalMs } from './rate.ts';
import type { Rule, Rules } from './rules.ts';

/**
 * Lets the rules that have a schedule fire at their times. They go on for ever, and so are nothing that the cloud waits for: time that is
 * skipped passes their events, and is never skipped for their sake.
 */
export class ScheduledRules {
  readonly #context: CloudContext;
  readonly #rules: Rules;
  readonly #fire: (rule: Rule) => void;
  readonly #due: DueWork;

  constructor(context: CloudContext, rules: Rules, fire: (rule: Rule) => void) {
    this.#context = context;
    this.#rules = rules;
    this.#fire = fire;
    this.#due = new DueWork({
      clock: context.clock,
      nextMs: () => this.#nextMs(),
      work: () => this.#fireDue(),
    });
    context.store.db.exec(
      'CREATE TABLE IF NOT EXISTS events_schedules (rule TEXT PRIMARY KEY, expression TEXT NOT NULL, next_ms REAL NOT NULL) STRICT',
    );
  }

  /** What fell due while the cloud was down fires once. */
  start(): void {
    this.#context.store.db.exec(
      'DELETE FROM events_schedules WHERE rule NOT IN (SELECT name FROM events_rules)',
    );
    this.#due.start();
  }

  stop(): void {
    this.#due.stop();
  }

  #nextMs(): number | undefined {
    const times = this.#scheduled().map(({ nextMs }) => nextMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #fireDue(): void {
    const nowMs = this.#context.clock.now();
    for (const { rule, expression, nextMs } of this.#scheduled()) {
      if (nextMs > nowMs) continue;
      const everyMs = intervalMs(expression);
      this.#note(rule, expression, nextMs + everyMs * (Math.floor((nowMs - nextMs) / everyMs) + 1));
      if (rule.state === 'ENABLED') this.#fire(rule);
    }
  }

  /** The time of a rule's first event is an interval after it was made. */
  #scheduled(): { readonly rule: Rule; readonly expression: string; readonly nextMs: number }[] {
    return this.#rules.all().flatMap((rule) => {
      const { schedule: expression } = rule;
      if (expression === undefined) return [];
      const row = this.#context.store.db
        .prepare('SELECT next_ms FROM events_schedules WHERE rule = ? AND expression = ?')
        .get(rule.name, expression);
      const nextMs = row
        ? Number(row.next_ms)
        : this.#note(rule, expression, this.#context.clock.now() + intervalMs(expression));
      return [{ rule, expression, nextMs }];
    });
  }

  #note({ name }: Rule, expression: string, nextMs: number): number {
    this.#context.store.db
      .prepare('INSERT OR REPLACE INTO events_schedules VALUES (?, ?, ?)')
      .run(name, expression, nextMs);
    return nextMs;
  }
}
