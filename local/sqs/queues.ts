import type { StatementSync } from 'node:sqlite';
import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import { invalidParameter, invalidValue, queueDoesNotExist, unsupported } from './errors.ts';
import type { MessageTable } from './message-table.ts';
import { DELAYED, IN_FLIGHT, VISIBLE } from './message-table.ts';
import type { Queue, Tally } from './queue.ts';
import {
  changedAttributes,
  DEFAULT_ATTRIBUTES,
  type QueueAttributes,
  settingsOf,
} from './queue-attributes.ts';
import { allowsSource } from './redrive-policy.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS sqs_queues (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  attributes TEXT NOT NULL,
  tags TEXT NOT NULL,
  createdMs INTEGER NOT NULL,
  modifiedMs INTEGER NOT NULL,
  purgedMs INTEGER
);
CREATE TABLE IF NOT EXISTS sqs_deleted_queues (name TEXT PRIMARY KEY, deletedMs INTEGER NOT NULL);
`;

/** A deleted queue's name, and a purge, block their like for this long. */
const COOLDOWN_MS = 60_000;

interface QueueRow {
  readonly id: number;
  readonly name: string;
  readonly attributes: string;
  readonly tags: string;
  readonly createdMs: number;
  readonly modifiedMs: number;
  readonly purgedMs: number | null;
}

/** The queues that are there, and the rules for making, changing and deleting them. */
export class Queues {
  readonly #context: CloudContext;
  readonly #messages: MessageTable;
  readonly #byName = new Map<string, Queue>();
  readonly #insert: StatementSync;
  readonly #update: StatementSync;

  constructor(context: CloudContext, messages: MessageTable) {
    this.#context = context;
    this.#messages = messages;
    const { db } = context.store;
    db.exec(SCHEMA);
    this.#insert = db.prepare(
      'INSERT INTO sqs_queues (name, attributes, tags, createdMs, modifiedMs) VALUES (?, ?, ?, ?, ?) RETURNING *',
    );
    this.#update = db.prepare(
      'UPDATE sqs_queues SET attributes = ?, tags = ?, modifiedMs = ?, purgedMs = ? WHERE id = ?',
    );
    for (const row of db.prepare('SELECT * FROM sqs_queues').all() as unknown as QueueRow[]) this.#open(row);
  }

  all(): Queue[] {
    return [...this.#byName.values()];
  }

  arnOf(name: string): string {
    return `arn:aws:sqs:${this.#context.region}:${this.#context.accountId}:${name}`;
  }

  /** @throws AwsError `QueueDoesNotExist` */
  byName(name: string): Queue {
    const queue = this.#byName.get(name);
    if (queue === undefined) throw queueDoesNotExist();
    return queue;
  }

  /** A queue's URL may name any host: the port of the local cloud changes, its queues stay. @throws AwsError `QueueDoesNotExist` */
  byUrl(url: string): Queue {
    return this.byName(url.slice(url.lastIndexOf('/') + 1));
  }

  find(arn: string): Queue | undefined {
    const queue = this.#byName.get(arn.slice(arn.lastIndexOf(':') + 1));
    return queue?.arn === arn ? queue : undefined;
  }

  /** @throws AwsError `QueueDoesNotExist` */
  byArn(arn: string): Queue {
    const queue = this.find(arn);
    if (queue === undefined) throw queueDoesNotExist();
    return queue;
  }

  sourcesOf(deadLetterQueue: Queue): Queue[] {
    return this.all().filter(
      ({ settings }) => settings.redrivePolicy?.deadLetterTargetArn === deadLetterQueue.arn,
    );
  }

  /** @throws AwsError `QueueNameExists` when it is there with another value of an attribute given here */
  create(
    name: string,
    changes: QueueAttributes,
    tags: Readonly<Record<string, string>>,
    nowMs: number,
  ): Queue {
    if (name.endsWith('.fifo'))
      throw unsupported(`The local cloud has standard queues only: "${name}" is a FIFO queue's name.`);
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(name))
      throw invalidParameter(
        'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.',
      );
    const attributes = changedAttributes(DEFAULT_ATTRIBUTES, changes);
    const existing = this.#byName.get(name);
    if (existing !== undefined) {
      for (const attribute of Object.keys(changes)) {
        if (existing.attributes[attribute] !== attributes[attribute])
          throw new AwsError(
            'QueueNameExists',
            `A queue already exists with the same name and a different value for attribute ${attribute}`,
          );
      }
      return existing;
    }
    this.#checkDeadLetterTarget(this.arnOf(name), attributes);
    this.#refuseRecentlyDeleted(name, nowMs);
    const row = this.#insert.get(name, JSON.stringify(attributes), JSON.stringify(tags), nowMs, nowMs);
    return this.#open(row as unknown as QueueRow);
  }

  /** Replaces all attributes. @throws AwsError */
  setAttributes(queue: Queue, attributes: QueueAttributes, nowMs: number): void {
    this.#checkDeadLetterTarget(queue.arn, attributes);
    queue.attributes = attributes;
    queue.settings = settingsOf(attributes);
    queue.modifiedMs = nowMs;
    // The retention may have become shorter.
    queue.tally.nextExpiryMs = 0;
    this.#save(queue);
  }

  setTags(queue: Queue, tags: Readonly<Record<string, string>>): void {
    queue.tags = tags;
    this.#save(queue);
  }

  /** @throws AwsError `PurgeQueueInProgress` */
  purge(queue: Queue, nowMs: number): void {
    if (queue.purgedMs !== undefined && nowMs < queue.purgedMs + COOLDOWN_MS)
      throw new AwsError(
        'PurgeQueueInProgress',
        `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`,
      );
    this.#context.store.transaction(() => {
      this.#messages.clear(queue.id);
      queue.purgedMs = nowMs;
      this.#save(queue);
    });
    this.recount(queue);
  }

  delete(queue: Queue, nowMs: number): void {
    const { db } = this.#context.store;
    this.#context.store.transaction(() => {
      this.#messages.clear(queue.id);
      db.prepare('DELETE FROM sqs_queues WHERE id = ?').run(queue.id);
      db.prepare('INSERT OR REPLACE INTO sqs_deleted_queues VALUES (?, ?)').run(queue.name, nowMs);
    });
    this.#byName.delete(queue.name);
  }

  /** Makes the tally anew from what is stored. */
  recount(queue: Queue): void {
    queue.tally = this.#tally(queue.id);
  }

  #open(row: QueueRow): Queue {
    const attributes = JSON.parse(row.attributes) as QueueAttributes;
    const queue: Queue = {
      id: row.id,
      name: row.name,
      arn: this.arnOf(row.name),
      createdMs: row.createdMs,
      attributes,
      settings: settingsOf(attributes),
      tags: JSON.parse(row.tags) as Record<string, string>,
      modifiedMs: row.modifiedMs,
      purgedMs: row.purgedMs ?? undefined,
      tally: this.#tally(row.id),
    };
    this.#byName.set(queue.name, queue);
    return queue;
  }

  #tally(queueId: number): Tally {
    const count = this.#messages.count(queueId);
    const total = [...count.values()].reduce((sum, messages) => sum + messages, 0);
    return {
      visible: count.get(VISIBLE) ?? 0,
      inFlight: count.get(IN_FLIGHT) ?? 0,
      delayed: count.get(DELAYED) ?? 0,
      // Both are lower bounds: 0 makes the next look at the queue find the true ones.
      nextVisibleMs: total > 0 ? 0 : Number.POSITIVE_INFINITY,
      nextExpiryMs: total > 0 ? 0 : Number.POSITIVE_INFINITY,
    };
  }

  #save({ id, attributes, tags, modifiedMs, purgedMs }: Queue): void {
    this.#update.run(JSON.stringify(attributes), JSON.stringify(tags), modifiedMs, purgedMs ?? null, id);
  }

  #checkDeadLetterTarget(sourceArn: string, attributes: QueueAttributes): void {
    const policy = settingsOf(attributes).redrivePolicy;
    if (policy === undefined) return;
    const invalid = (reason: string) => invalidValue('RedrivePolicy', attributes.RedrivePolicy, reason);
    if (policy.deadLetterTargetArn === sourceArn)
      throw invalid('A queue cannot be its own dead-letter queue.');
    const target = this.find(policy.deadLetterTargetArn);
    if (target === undefined) throw invalid('Dead letter target does not exist.');
    if (!allowsSource(target.settings.redriveAllowPolicy, sourceArn))
      throw invalid(`The RedriveAllowPolicy of ${target.name} does not allow ${sourceArn} to use it.`);
  }

  #refuseRecentlyDeleted(name: string, nowMs: number): void {
    const row = this.#context.store.db
      .prepare('SELECT deletedMs FROM sqs_deleted_queues WHERE name = ?')
      .get(name);
    if (row !== undefined && nowMs < Number(row.deletedMs) + COOLDOWN_MS)
      throw new AwsError(
        'QueueDeletedRecently',
        'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
      );
  }
}
