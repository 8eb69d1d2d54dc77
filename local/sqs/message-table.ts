import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** What holds a message back, as stored. A state outlives its time until somebody looks at the queue: see `Messages`. */
export const VISIBLE = 0;
export const IN_FLIGHT = 1;
export const DELAYED = 2;
export type MessageState = typeof VISIBLE | typeof IN_FLIGHT | typeof DELAYED;

/** What stays the same wherever a message goes. */
export interface MessageContent {
  readonly body: string;
  readonly bodyMd5: string;
  /** JSON of the message attributes, or `null` for none. */
  readonly attributes: string | null;
  readonly traceHeader: string | null;
  readonly groupId: string | null;
}

export interface NewMessage extends MessageContent {
  readonly queueId: number;
  readonly messageId: string;
  readonly sentMs: number;
  readonly arrivedMs: number;
  readonly state: MessageState;
  readonly visibleMs: number;
  /** All receives of the message, in its dead-letter queue too. */
  readonly receiveCount: number;
  readonly firstReceivedMs: number | null;
  /** The queue that a redrive policy took it from. */
  readonly sourceArn: string | null;
}

export interface StoredMessage extends NewMessage {
  readonly seq: number;
  /** Receives in this queue: what the redrive policy counts and receipt handles name. */
  readonly receivesHere: number;
  readonly receivedMs: number | null;
}

// AUTOINCREMENT: a number that was given out never comes back, so an old receipt handle never fits a new message.
const SCHEMA = `
CREATE TABLE IF NOT EXISTS sqs_messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  queueId INTEGER NOT NULL,
  state INTEGER NOT NULL,
  visibleMs INTEGER NOT NULL,
  receivesHere INTEGER NOT NULL DEFAULT 0,
  receiveCount INTEGER NOT NULL,
  receivedMs INTEGER,
  firstReceivedMs INTEGER,
  sentMs INTEGER NOT NULL,
  arrivedMs INTEGER NOT NULL,
  messageId TEXT NOT NULL,
  bodyMd5 TEXT NOT NULL,
  attributes TEXT,
  traceHeader TEXT,
  groupId TEXT,
  sourceArn TEXT,
  body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sqs_messages_by_visibility ON sqs_messages (queueId, state, visibleMs);
CREATE INDEX IF NOT EXISTS sqs_messages_little_received ON sqs_messages (queueId) WHERE receivesHere < 3;
`;

const INSERT = `
INSERT INTO sqs_messages (queueId, state, visibleMs, receiveCount, firstReceivedMs, sentMs, arrivedMs,
  messageId, bodyMd5, attributes, traceHeader, groupId, sourceArn, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const COPY = `
INSERT INTO sqs_messages (state, visibleMs, queueId, receivesHere, receiveCount, firstReceivedMs, sentMs, arrivedMs,
  messageId, bodyMd5, attributes, traceHeader, groupId, sourceArn, body)
SELECT ${VISIBLE}, ?, queueId, receivesHere, receiveCount, firstReceivedMs, sentMs, arrivedMs,
  messageId, bodyMd5, attributes, traceHeader, groupId, sourceArn, body
FROM sqs_messages WHERE queueId = ? AND messageId = ? LIMIT 1`;

/** The stored messages of all queues, by prepared statements. Knows nothing of what SQS does with them. */
export class MessageTable {
  readonly #insert: StatementSync;
  readonly #copy: StatementSync;
  readonly #nextVisible: StatementSync;
  readonly #nextVisibleUpTo: StatementSync;
  readonly #bySeq: StatementSync;
  readonly #visibleById: StatementSync;
  readonly #byReceipt: StatementSync;
  readonly #receive: StatementSync;
  readonly #hide: StatementSync;
  readonly #remove: StatementSync;
  readonly #surface: StatementSync;
  readonly #firstOf: StatementSync;
  readonly #oldestLittleReceived: StatementSync;
  readonly #oldestSent: StatementSync;
  readonly #expire: StatementSync;
  readonly #count: StatementSync;
  readonly #clear: StatementSync;
  readonly #highestSeq: StatementSync;

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA);
    this.#insert = db.prepare(INSERT);
    this.#copy = db.prepare(COPY);
    const visible = (condition: string) =>
      `SELECT * FROM sqs_messages WHERE queueId = ? AND state = ${VISIBLE} AND ${condition} ORDER BY visibleMs, seq LIMIT ?`;
    this.#nextVisible = db.prepare(visible('sentMs > ?'));
    this.#nextVisibleUpTo = db.prepare(visible('seq <= ?'));
    this.#visibleById = db.prepare(
      `SELECT * FROM sqs_messages WHERE queueId = ? AND state = ${VISIBLE} AND messageId = ? LIMIT 1`,
    );
    this.#bySeq = db.prepare('SELECT * FROM sqs_messages WHERE seq = ?');
    this.#byReceipt = db.prepare(
      'DELETE FROM sqs_messages WHERE seq = ? AND queueId = ? AND receivesHere = ? RETURNING messageId, state',
    );
    this.#receive = db.prepare(
      `UPDATE sqs_messages SET state = ${IN_FLIGHT}, visibleMs = ?, receivedMs = ?, receivesHere = receivesHere + 1,
        receiveCount = receiveCount + 1, firstReceivedMs = coalesce(firstReceivedMs, ?) WHERE seq = ?`,
    );
    this.#hide = db.prepare('UPDATE sqs_messages SET state = ?, visibleMs = ? WHERE seq = ?');
    this.#remove = db.prepare('DELETE FROM sqs_messages WHERE seq = ?');
    this.#surface = db.prepare(
      `UPDATE sqs_messages SET state = ${VISIBLE} WHERE queueId = ? AND state = ? AND visibleMs <= ?`,
    );
    this.#firstOf = db.prepare(
      'SELECT min(visibleMs) AS ms FROM sqs_messages WHERE queueId = ? AND state = ?',
    );
    this.#oldestLittleReceived = db.prepare(
      'SELECT arrivedMs AS ms FROM sqs_messages WHERE queueId = ? AND receivesHere < 3 ORDER BY seq LIMIT 1',
    );
    this.#oldestSent = db.prepare('SELECT min(sentMs) AS ms FROM sqs_messages WHERE queueId = ?');
    this.#expire = db.prepare(
      'DELETE FROM sqs_messages WHERE queueId = ? AND sentMs <= ? RETURNING messageId, state',
    );
    this.#count = db.prepare(
      'SELECT state, count(*) AS messages FROM sqs_messages WHERE queueId = ? GROUP BY state',
    );
    this.#clear = db.prepare('DELETE FROM sqs_messages WHERE queueId = ?');
    this.#highestSeq = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'sqs_messages'");
  }

  insert(message: NewMessage): void {
    this.#insert.run(
      message.queueId,
      message.state,
      message.visibleMs,
      message.receiveCount,
      message.firstReceivedMs,
      message.sentMs,
      message.arrivedMs,
      message.messageId,
      message.bodyMd5,
      message.attributes,
      message.traceHeader,
      message.groupId,
      message.sourceArn,
      message.body,
    );
  }

  /** A second, visible copy of a message. @returns whether the message was there */
  copy(queueId: number, messageId: string, visibleMs: number): boolean {
    return this.#copy.run(visibleMs, queueId, messageId).changes === 1;
  }

  /** Visible messages sent after `sentAfterMs`, in the order in which they became visible. */
  nextVisible(queueId: number, sentAfterMs: number, limit: number): StoredMessage[] {
    return this.#nextVisible.all(queueId, sentAfterMs, limit) as unknown as StoredMessage[];
  }

  /** The same, of those stored up to `seq`. */
  nextVisibleUpTo(queueId: number, seq: number, limit: number): StoredMessage[] {
    return this.#nextVisibleUpTo.all(queueId, seq, limit) as unknown as StoredMessage[];
  }

  bySeq(seq: number): StoredMessage | undefined {
    return this.#bySeq.get(seq) as unknown as StoredMessage | undefined;
  }

  visibleById(queueId: number, messageId: string): StoredMessage | undefined {
    return this.#visibleById.get(queueId, messageId) as StoredMessage | undefined;
  }

  receive(seq: number, visibleMs: number, nowMs: number): void {
    this.#receive.run(visibleMs, nowMs, nowMs, seq);
  }

  setVisibility(seq: number, state: MessageState, visibleMs: number): void {
    this.#hide.run(state, visibleMs, seq);
  }

  remove(seq: number): void {
    this.#remove.run(seq);
  }

  /** Removes the message unless it is gone or was received again. */
  removeByReceipt(seq: number, queueId: number, receive: number): Removed | undefined {
    return this.#byReceipt.get(seq, queueId, receive) as unknown as Removed | undefined;
  }

  /** Makes visible what `state` held back until `nowMs`. @returns how many messages */
  surface(queueId: number, state: MessageState, nowMs: number): number {
    return Number(this.#surface.run(queueId, state, nowMs).changes);
  }

  /** When the first message of a state becomes (or, visible, became) visible. */
  firstVisibleMs(queueId: number, state: MessageState): number | undefined {
    return milliseconds(this.#firstOf.get(queueId, state));
  }

  /** When the longest-stored message arrived, leaving out those received three times or more. */
  oldestLittleReceivedMs(queueId: number): number | undefined {
    return milliseconds(this.#oldestLittleReceived.get(queueId));
  }

  /** Reads the whole queue. */
  oldestSentMs(queueId: number): number | undefined {
    return milliseconds(this.#oldestSent.get(queueId));
  }

  /** Reads the whole queue. */
  expire(queueId: number, sentUpToMs: number): Removed[] {
    return this.#expire.all(queueId, sentUpToMs) as unknown as Removed[];
  }

  count(queueId: number): ReadonlyMap<MessageState, number> {
    const rows = this.#count.all(queueId) as unknown as { state: MessageState; messages: number }[];
    return new Map(rows.map(({ state, messages }) => [state, messages]));
  }

  clear(queueId: number): void {
    this.#clear.run(queueId);
  }

  highestSeq(): number {
    return Number(this.#highestSeq.get()?.seq ?? 0);
  }
}

export interface Removed {
  readonly messageId: string;
  readonly state: MessageState;
}

function milliseconds(row: Record<string, unknown> | undefined): number | undefined {
  return typeof row?.ms === 'number' ? row.ms : undefined;
}
