import { createHash } from 'node:crypto';
import type { CloudContext } from '../kernel/service.ts';
import { invalidArn, noStateMachine } from './errors.ts';

export interface StateMachine {
  readonly arn: string;
  readonly name: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly revision: Revision;
}

/** What an execution keeps running on when its machine is updated. */
export interface Revision {
  readonly id: string;
  readonly definition: string;
  readonly roleArn: string;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS states_machines (
  arn TEXT PRIMARY KEY, name TEXT NOT NULL, revision TEXT NOT NULL, created_ms REAL NOT NULL, updated_ms REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS states_revisions (
  machine TEXT NOT NULL, id TEXT NOT NULL, definition TEXT NOT NULL, role_arn TEXT NOT NULL, PRIMARY KEY (machine, id)
) STRICT;
`;

const ARN = /^arn:aws:states:[a-z0-9-]+:\d{12}:stateMachine:[^:]+$/;

/** The state machines that are there, in the store. */
export class StateMachines {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(SCHEMA);
  }

  arnOf(name: string): string {
    const { region, accountId } = this.#context;
    return `arn:aws:states:${region}:${accountId}:stateMachine:${name}`;
  }

  all(): StateMachine[] {
    return this.#context.store.db
      .prepare('SELECT * FROM states_machines ORDER BY created_ms, name')
      .all()
      .map((row) => this.#machine(row));
  }

  /** @throws AwsError `InvalidArn`, `StateMachineDoesNotExist` */
  get(arn: string): StateMachine {
    if (!ARN.test(arn)) throw invalidArn(arn);
    const machine = this.find(arn);
    if (!machine) throw noStateMachine(arn);
    return machine;
  }

  find(arn: string): StateMachine | undefined {
    const row = this.#context.store.db.prepare('SELECT * FROM states_machines WHERE arn = ?').get(arn);
    return row && this.#machine(row);
  }

  revision(machineArn: string, id: string): Revision {
    const row = this.#context.store.db
      .prepare('SELECT * FROM states_revisions WHERE machine = ? AND id = ?')
      .get(machineArn, id);
    return { id, definition: String(row?.definition), roleArn: String(row?.role_arn) };
  }

  /** Makes the machine, or updates it: executions that run stay on the revision that they started with. */
  put(name: string, definition: string, roleArn: string): StateMachine {
    const arn = this.arnOf(name);
    const nowMs = this.#context.clock.now();
    const hash = createHash('sha256')
      .update(JSON.stringify([definition, roleArn]))
      .digest('hex');
    const revision = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-${hash.slice(12, 16)}-${hash.slice(16, 20)}-${hash.slice(20, 32)}`;
    const { db, transaction } = this.#context.store;
    const existing = this.find(arn);
    if (existing?.revision.id === revision) return existing;
    transaction(() => {
      db.prepare('INSERT OR IGNORE INTO states_revisions VALUES (?, ?, ?, ?)').run(
        arn,
        revision,
        definition,
        roleArn,
      );
      db.prepare('INSERT OR REPLACE INTO states_machines VALUES (?, ?, ?, ?, ?)').run(
        arn,
        name,
        revision,
        existing?.createdMs ?? nowMs,
        nowMs,
      );
    });
    return this.get(arn);
  }

  #machine(row: Readonly<Record<string, unknown>>): StateMachine {
    const arn = String(row.arn);
    return {
      arn,
      name: String(row.name),
      createdMs: Number(row.created_ms),
      updatedMs: Number(row.updated_ms),
      revision: this.revision(arn, String(row.revision)),
    };
  }
}
