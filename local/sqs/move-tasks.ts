import type { StatementSync } from 'node:sqlite';
import type { Timer } from '../kernel/clock.ts';
import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import { invalidParameter, invalidValue } from './errors.ts';
import type { MessageTable } from './message-table.ts';
import type { Messages } from './messages.ts';
import type { Queue } from './queue.ts';
import type { Queues } from './queues.ts';
import { randomId } from './random-id.ts';

export type MoveTaskStatus = 'RUNNING' | 'COMPLETED' | 'CANCELLING' | 'CANCELLED' | 'FAILED';

export interface MoveTask {
  readonly id: string;
  readonly sourceArn: string;
  readonly destinationArn: string | null;
  readonly maxPerSecond: number | null;
  readonly startedMs: number;
  /** The newest message that was there at the start; what arrives later stays. */
  readonly lastSeq: number;
  readonly toMove: number;
  readonly moved: number;
  readonly status: MoveTaskStatus;
  readonly failureReason: string | null;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS sqs_move_tasks (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  sourceArn TEXT NOT NULL,
  destinationArn TEXT,
  maxPerSecond INTEGER,
  startedMs INTEGER NOT NULL,
  lastSeq INTEGER NOT NULL,
  toMove INTEGER NOT NULL,
  moved INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'RUNNING',
  failureReason TEXT
);
CREATE INDEX IF NOT EXISTS sqs_move_tasks_by_source ON sqs_move_tasks (sourceArn, number);
`;

/** The rate of a task that names none, and the highest that one may name. */
const MAX_MESSAGES_PER_SECOND = 500;
/** Slower tasks move one message at a time, faster ones several so often. */
const SHORTEST_PAUSE_MS = 100;

/** Moves dead letters back where they came from, or elsewhere, at a given rate; goes on after a restart. */
export class MoveTasks {
  readonly #context: CloudContext;
  readonly #queues: Queues;
  readonly #messages: Messages;
  readonly #table: MessageTable;
  readonly #timers = new Map<string, Timer>();
  readonly #byId: StatementSync;
  readonly #bySource: StatementSync;
  readonly #active: StatementSync;
  readonly #progress: StatementSync;
  readonly #end: StatementSync;

  constructor(context: CloudContext, queues: Queues, messages: Messages, table: MessageTable) {
    this.#context = context;
    this.#queues = queues;
    this.#messages = messages;
    this.#table = table;
    const { db } = context.store;
    db.exec(SCHEMA);
    this.#byId = db.prepare('SELECT * FROM sqs_move_tasks WHERE id = ?');
    this.#bySource = db.prepare(
      'SELECT * FROM sqs_move_tasks WHERE sourceArn = ? ORDER BY number DESC LIMIT ?',
    );
    this.#active = db.prepare("SELECT * FROM sqs_move_tasks WHERE status IN ('RUNNING', 'CANCELLING')");
    this.#progress = db.prepare('UPDATE sqs_move_tasks SET moved = moved + 1 WHERE id = ?');
    this.#end = db.prepare('UPDATE sqs_move_tasks SET status = ?, failureReason = ? WHERE id = ?');
    for (const task of this.#active.all() as unknown as MoveTask[]) this.#schedule(task);
  }

  /** @returns the task's handle. @throws AwsError `ResourceNotFoundException`, `InvalidParameterValueException` */
  start(sourceArn: string, destinationArn: string | undefined, maxPerSecond: number | undefined): string {
    const source = this.#existing(sourceArn, 'SourceArn');
    if (destinationArn !== undefined) this.#existing(destinationArn, 'DestinationArn');
    if (destinationArn === sourceArn)
      throw invalidParameter('Source queue arn and destination queue arn cannot be the same.');
    if (maxPerSecond !== undefined && (maxPerSecond < 1 || maxPerSecond > MAX_MESSAGES_PER_SECOND))
      throw invalidValue(
        'MaxNumberOfMessagesPerSecond',
        maxPerSecond,
        `Must be between 1 and ${MAX_MESSAGES_PER_SECOND}, if provided.`,
      );
    if (this.#queues.sourcesOf(source).length === 0)
      throw invalidParameter('Source queue must be configured as a Dead Letter Queue.');
    if (this.#activeTasks().some((task) => task.sourceArn === sourceArn))
      throw invalidParameter(
        'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
      );
    const task = this.#insert(source, destinationArn, maxPerSecond);
    this.#schedule(task);
    return handleOf(task);
  }

  /** The newest tasks of a source queue first. @throws AwsError `ResourceNotFoundException` */
  list(sourceArn: string, limit: number): MoveTask[] {
    this.#existing(sourceArn, 'SourceArn');
    return this.#bySource.all(sourceArn, limit) as unknown as MoveTask[];
  }

  /** @returns how many messages were moved so far. @throws AwsError `ResourceNotFoundException`, `InvalidParameterValueException` */
  cancel(handle: string): number {
    const { taskId, sourceArn } = parseHandle(handle);
    this.#existing(sourceArn, 'SourceArn');
    const task = this.#find(taskId);
    if (task === undefined || task.status !== 'RUNNING')
      throw notFound(
        task === undefined
          ? 'Task does not exist.'
          : `Only a running task can be cancelled: it is ${task.status}.`,
      );
    this.#end.run('CANCELLING', null, taskId);
    return task.moved;
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #insert(source: Queue, destinationArn: string | undefined, maxPerSecond: number | undefined): MoveTask {
    const id = randomId(() => this.#context.random());
    const lastSeq = this.#table.highestSeq();
    this.#context.store.db
      .prepare(
        'INSERT INTO sqs_move_tasks (id, sourceArn, destinationArn, maxPerSecond, startedMs, lastSeq, toMove) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        id,
        source.arn,
        destinationArn ?? null,
        maxPerSecond ?? null,
        this.#messages.nowMs(),
        lastSeq,
        this.#messages.countVisible(source),
      );
    const task = this.#find(id);
    if (task === undefined) throw new Error(`the message-move task ${id} was not stored`);
    return task;
  }

  #schedule(task: MoveTask): void {
    const perSecond = task.maxPerSecond ?? MAX_MESSAGES_PER_SECOND;
    const pauseMs = Math.max(SHORTEST_PAUSE_MS, 1000 / perSecond);
    // What a pause is worth beyond whole messages is carried over, so that 15 a second are 15 and not 10.
    let credit = 0;
    const round = () => {
      credit += (perSecond * pauseMs) / 1000;
      const whole = Math.floor(credit + 1e-9);
      credit -= whole;
      this.#timers.delete(task.id);
      if (this.#move(task.id, whole)) this.#timers.set(task.id, this.#context.clock.after(pauseMs, round));
    };
    this.#timers.set(task.id, this.#context.clock.after(pauseMs, round));
  }

  /** @returns whether the task goes on */
  #move(taskId: string, limit: number): boolean {
    const task = this.#find(taskId);
    if (task === undefined) return false;
    if (task.status === 'CANCELLING') return this.#finish(task, 'CANCELLED');
    const source = this.#queues.find(task.sourceArn);
    if (source === undefined) return this.#finish(task, 'FAILED', 'AWS.SimpleQueueService.NonExistentQueue');
    const messages = this.#messages.visibleUpTo(source, task.lastSeq, limit);
    for (const message of messages) {
      const targetArn = task.destinationArn ?? message.sourceArn;
      if (targetArn === null) return this.#finish(task, 'FAILED', 'CouldNotDetermineMessageSource');
      const target = this.#queues.find(targetArn);
      if (target === undefined)
        return this.#finish(task, 'FAILED', 'AWS.SimpleQueueService.NonExistentQueue');
      this.#messages.redrive(source, target, message, () => this.#progress.run(task.id));
    }
    return messages.length < limit ? this.#finish(task, 'COMPLETED') : true;
  }

  #finish(task: MoveTask, status: MoveTaskStatus, failureReason: string | null = null): false {
    this.#end.run(status, failureReason, task.id);
    return false;
  }

  #find(taskId: string): MoveTask | undefined {
    return this.#byId.get(taskId) as unknown as MoveTask | undefined;
  }

  #activeTasks(): MoveTask[] {
    return this.#active.all() as unknown as MoveTask[];
  }

  #existing(arn: string, parameter: string): Queue {
    if (!arn.startsWith('arn:aws:sqs:'))
      throw invalidParameter(`Value for parameter ${parameter} is invalid.`);
    const queue = this.#queues.find(arn);
    if (queue === undefined)
      throw notFound(`The resource that you specified for the ${parameter} parameter doesn't exist.`);
    return queue;
  }
}

function notFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', message);
}

/** Opaque to clients; the form is AWS's. */
export function handleOf({ id, sourceArn }: MoveTask): string {
  return Buffer.from(JSON.stringify({ taskId: id, sourceArn })).toString('base64');
}

function parseHandle(handle: string): { taskId: string; sourceArn: string } {
  try {
    const { taskId, sourceArn } = JSON.parse(Buffer.from(handle, 'base64').toString()) as Record<
      string,
      unknown
    >;
    if (typeof taskId === 'string' && typeof sourceArn === 'string') return { taskId, sourceArn };
  } catch {
    // Falls through to the one answer for every malformed handle.
  }
  throw invalidParameter('Value for parameter TaskHandle is invalid.');
}
