import type { CloudContext } from '../kernel/service.ts';
import type { ScheduleDefinition } from './definition.ts';
import { conflict, notFound } from './errors.ts';

export interface Schedule {
  readonly group: string;
  readonly name: string;
  readonly arn: string;
  readonly definition: ScheduleDefinition;
  readonly clientToken: string;
  readonly createdMs: number;
  /** The time that its expression names. */
  readonly dueMs: number;
  /** When it is tried next; `undefined` once it is done, or while it is disabled. */
  readonly nextMs: number | undefined;
  /** Deliveries that failed. */
  readonly failures: number;
}

export type NewSchedule = Omit<Schedule, 'arn' | 'nextMs' | 'failures'>;

export interface ScheduleQuery {
  readonly group: string | undefined;
  readonly namePrefix: string;
  readonly state: string | undefined;
  /** `<group>/<name>` of the last one that was told. @default from the beginning */
  readonly after: string;
  readonly limit: number;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS scheduler_schedules (
  group_name TEXT NOT NULL,
  name TEXT NOT NULL,
  definition TEXT NOT NULL,
  client_token TEXT NOT NULL,
  created_ms REAL NOT NULL,
  due_ms REAL NOT NULL,
  next_ms REAL,
  failures INTEGER NOT NULL,
  PRIMARY KEY (group_name, name)
) STRICT;
CREATE INDEX IF NOT EXISTS scheduler_next ON scheduler_schedules (next_ms) WHERE next_ms IS NOT NULL;
`;

/** The schedules that are there, in the store. */
export class Schedules {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(SCHEMA);
  }

  /** @throws AwsError `ResourceNotFoundException` */
  get(group: string, name: string): Schedule {
    const schedule = this.#find(group, name);
    if (!schedule) throw notFound(`Schedule ${name} does not exist.`);
    return schedule;
  }

  /**
   * The same call again, told by its client token, changes nothing.
   *
   * @throws AwsError `ConflictException` when another schedule of that name is there
   */
  create(schedule: NewSchedule): Schedule {
    const { group, name, definition, clientToken, createdMs, dueMs } = schedule;
    const existing = this.#find(group, name);
    if (existing) {
      const same = JSON.stringify(existing.definition) === JSON.stringify(definition);
      if (existing.clientToken === clientToken && same) return existing;
      throw conflict(`Schedule ${name} already exists.`);
    }
    this.#context.store.db
      .prepare('INSERT INTO scheduler_schedules VALUES (?, ?, ?, ?, ?, ?, ?, 0)')
      .run(
        group,
        name,
        JSON.stringify(definition),
        clientToken,
        createdMs,
        dueMs,
        definition.State === 'ENABLED' ? dueMs : null,
      );
    return this.get(group, name);
  }

  /** @throws AwsError `ResourceNotFoundException` */
  delete(group: string, name: string): void {
    this.get(group, name);
    this.#context.store.db
      .prepare('DELETE FROM scheduler_schedules WHERE group_name = ? AND name = ?')
      .run(group, name);
  }

  list({ group, namePrefix, state, after, limit }: ScheduleQuery): Schedule[] {
    return this.#context.store.db
      .prepare(
        "SELECT * FROM scheduler_schedules WHERE group_name || '/' || name > ? ORDER BY group_name || '/' || name",
      )
      .all(after)
      .map((row) => this.#schedule(row))
      .filter(
        (schedule) =>
          (group === undefined || schedule.group === group) &&
          schedule.name.startsWith(namePrefix) &&
          (state === undefined || schedule.definition.State === state),
      )
      .slice(0, limit);
  }

  /** Those that are to be tried by then, in the order of their times. */
  due(nowMs: number): Schedule[] {
    return this.#context.store.db
      .prepare('SELECT * FROM scheduler_schedules WHERE next_ms <= ? ORDER BY next_ms, group_name, name')
      .all(nowMs)
      .map((row) => this.#schedule(row));
  }

  /** When the next one is tried (cloud time, ms). */
  nextMs(): number | undefined {
    const row = this.#context.store.db
      .prepare('SELECT MIN(next_ms) AS ms FROM scheduler_schedules WHERE next_ms IS NOT NULL')
      .get();
    return row?.ms == null ? undefined : Number(row.ms);
  }

  /** Its delivery failed once more. */
  retry({ group, name }: Schedule, nextMs: number): void {
    this.#context.store.db
      .prepare(
        'UPDATE scheduler_schedules SET failures = failures + 1, next_ms = ? WHERE group_name = ? AND name = ?',
      )
      .run(nextMs, group, name);
  }

  /** It has been delivered, or given up: it never fires again. */
  complete({ group, name, definition }: Schedule): void {
    if (definition.ActionAfterCompletion === 'DELETE') this.delete(group, name);
    else
      this.#context.store.db
        .prepare('UPDATE scheduler_schedules SET next_ms = NULL WHERE group_name = ? AND name = ?')
        .run(group, name);
  }

  #find(group: string, name: string): Schedule | undefined {
    const row = this.#context.store.db
      .prepare('SELECT * FROM scheduler_schedules WHERE group_name = ? AND name = ?')
      .get(group, name);
    return row && this.#schedule(row);
  }

  #schedule(row: Readonly<Record<string, unknown>>): Schedule {
    const [group, name] = [String(row.group_name), String(row.name)];
    const { region, accountId } = this.#context;
    return {
      group,
      name,
      arn: `arn:aws:scheduler:${region}:${accountId}:schedule/${group}/${name}`,
      definition: JSON.parse(String(row.definition)) as ScheduleDefinition,
      clientToken: String(row.client_token),
      createdMs: Number(row.created_ms),
      dueMs: Number(row.due_ms),
      nextMs: row.next_ms === null ? undefined : Number(row.next_ms),
      failures: Number(row.failures),
    };
  }
}
