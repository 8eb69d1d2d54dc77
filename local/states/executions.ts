import type { CloudContext } from '../kernel/service.ts';
import { invalidArn, noExecution } from './errors.ts';

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

export interface Execution {
  readonly arn: string;
  readonly machineArn: string;
  readonly name: string;
  readonly revision: string;
  readonly input: string;
  readonly startMs: number;
  status: ExecutionStatus;
  stopMs?: number | undefined;
  output?: string | undefined;
  error?: string | undefined;
  cause?: string | undefined;
  /** When the machine's own TimeoutSeconds are over. */
  timeoutMs?: number | undefined;
  redriveCount: number;
  redriveMs?: number | undefined;
  redriveToken?: string | undefined;
  /** State transitions so far, as they are billed. */
  transitions: number;
  nextEvent: number;
  nextFrame: number;
  nextTask: number;
}

export interface ExecutionQuery {
  readonly machineArn: string;
  readonly status: string | undefined;
  readonly redriven: boolean | undefined;
  readonly offset: number;
  readonly limit: number;
}

const DAY_MS = 86_400_000;
/** So long the name and the history of a closed execution are kept. */
export const KEPT_MS = 90 * DAY_MS;
/** So long a closed execution can be redriven. https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html */
export const REDRIVABLE_MS = 14 * DAY_MS;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS states_executions (
  arn TEXT PRIMARY KEY, machine TEXT NOT NULL, status TEXT NOT NULL, start_ms REAL NOT NULL, data TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS states_executions_of ON states_executions (machine, start_ms);
CREATE INDEX IF NOT EXISTS states_executions_running ON states_executions (status) WHERE status = 'RUNNING';
CREATE INDEX IF NOT EXISTS states_executions_stopped ON states_executions (json_extract(data, '$.stopMs')) WHERE status <> 'RUNNING';
CREATE TABLE IF NOT EXISTS states_tokens (token TEXT PRIMARY KEY, execution TEXT NOT NULL, task TEXT NOT NULL) STRICT;
`;

const ARN = /^arn:aws:states:[a-z0-9-]+:\d{12}:execution:[^:]+:[^:]+$/;

/** The executions that are there, in the store; and whose the task tokens are that are out. */
export class Executions {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(SCHEMA);
  }

  /** @throws AwsError `InvalidArn`, `ExecutionDoesNotExist` */
  get(arn: string): Execution {
    if (!ARN.test(arn)) throw invalidArn(arn);
    const execution = this.find(arn);
    if (!execution) throw noExecution(arn);
    return execution;
  }

  /** What was closed ninety days ago is gone. */
  find(arn: string): Execution | undefined {
    const row = this.#context.store.db.prepare('SELECT data FROM states_executions WHERE arn = ?').get(arn);
    const execution = row && (JSON.parse(String(row.data)) as Execution);
    return execution && this.#isKept(execution) ? execution : undefined;
  }

  put(execution: Execution): void {
    const { arn, machineArn, status, startMs } = execution;
    this.#context.store.db
      .prepare('INSERT OR REPLACE INTO states_executions VALUES (?, ?, ?, ?, ?)')
      .run(arn, machineArn, status, startMs, JSON.stringify(execution));
  }

  running(): Execution[] {
    return this.#context.store.db
      .prepare("SELECT data FROM states_executions WHERE status = 'RUNNING' ORDER BY start_ms, arn")
      .all()
      .map(({ data }) => JSON.parse(String(data)) as Execution);
  }

  /** The youngest first. */
  list({ machineArn, status, redriven, offset, limit }: ExecutionQuery): Execution[] {
    return this.#context.store.db
      .prepare('SELECT data FROM states_executions WHERE machine = ? ORDER BY start_ms DESC, arn')
      .all(machineArn)
      .map(({ data }) => JSON.parse(String(data)) as Execution)
      .filter(
        (execution) =>
          this.#isKept(execution) &&
          (status === undefined || execution.status === status) &&
          (redriven === undefined || execution.redriveCount > 0 === redriven),
      )
      .slice(offset, offset + limit);
  }

  /** Those that were closed so long ago. */
  closedBefore(atMs: number): string[] {
    return this.#context.store.db
      .prepare(
        "SELECT arn FROM states_executions WHERE status <> 'RUNNING' AND json_extract(data, '$.stopMs') <= ?",
      )
      .all(atMs)
      .map(({ arn }) => String(arn));
  }

  delete(arn: string): void {
    this.#context.store.db.prepare('DELETE FROM states_executions WHERE arn = ?').run(arn);
  }

  /** Over all executions that are kept. */
  transitions(): number {
    const row = this.#context.store.db
      .prepare("SELECT SUM(json_extract(data, '$.transitions')) AS sum FROM states_executions")
      .get();
    return Number(row?.sum ?? 0);
  }

  keepToken(token: string, execution: string, task: string): void {
    this.#context.store.db
      .prepare('INSERT OR REPLACE INTO states_tokens VALUES (?, ?, ?)')
      .run(token, execution, task);
  }

  forgetToken(token: string): void {
    this.#context.store.db.prepare('DELETE FROM states_tokens WHERE token = ?').run(token);
  }

  byToken(token: string): { readonly execution: string; readonly task: string } | undefined {
    const row = this.#context.store.db.prepare('SELECT * FROM states_tokens WHERE token = ?').get(token);
    return row && { execution: String(row.execution), task: String(row.task) };
  }

  #isKept({ stopMs }: Execution): boolean {
    return stopMs === undefined || stopMs + KEPT_MS > this.#context.clock.now();
  }
}
