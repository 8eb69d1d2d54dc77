import type { CloudContext } from '../kernel/service.ts';
import { conflict, notFound } from './errors.ts';
import { checkName } from './names.ts';

export interface ScheduleGroup {
  readonly name: string;
  readonly arn: string;
  readonly createdMs: number;
}

/** There from the beginning, in every region of every account. */
export const DEFAULT_GROUP = 'default';

/** The schedule groups that are there: those of the template, and those made over the API. */
export class ScheduleGroups {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(
      'CREATE TABLE IF NOT EXISTS scheduler_groups (name TEXT PRIMARY KEY, created_ms REAL NOT NULL) STRICT',
    );
    this.put(DEFAULT_GROUP);
  }

  all(): ScheduleGroup[] {
    const rows = this.#context.store.db.prepare('SELECT * FROM scheduler_groups ORDER BY name').all();
    return rows.map(({ name, created_ms }) => this.#group(String(name), Number(created_ms)));
  }

  /** @throws AwsError `ResourceNotFoundException` */
  get(name: string): ScheduleGroup {
    const group = this.#find(name);
    if (!group) throw notFound(`Schedule group ${name} does not exist.`);
    return group;
  }

  /** @throws AwsError `ConflictException` when it is there, `ValidationException` for its name */
  create(name: string): ScheduleGroup {
    if (this.#find(name)) throw conflict(`Schedule group ${name} already exists.`);
    return this.put(name);
  }

  /** Makes the group unless it is there. @throws AwsError `ValidationException` */
  put(name: string): ScheduleGroup {
    checkName(name, 'name');
    this.#context.store.db
      .prepare('INSERT OR IGNORE INTO scheduler_groups (name, created_ms) VALUES (?, ?)')
      .run(name, this.#context.clock.now());
    return this.get(name);
  }

  #find(name: string): ScheduleGroup | undefined {
    const row = this.#context.store.db.prepare('SELECT * FROM scheduler_groups WHERE name = ?').get(name);
    return row && this.#group(name, Number(row.created_ms));
  }

  #group(name: string, createdMs: number): ScheduleGroup {
    const { region, accountId } = this.#context;
    return { name, arn: `arn:aws:scheduler:${region}:${accountId}:schedule-group/${name}`, createdMs };
  }
}
