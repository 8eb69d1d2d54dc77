import type { CloudContext } from '../kernel/service.ts';
import type { MessageAttributes } from '../sqs/index.ts';

export interface PublishInput {
  readonly subject?: string | undefined;
  readonly message: string;
  readonly attributes?: MessageAttributes;
  /** `message` is JSON with a text for each protocol, and a `default`. */
  readonly perProtocol?: boolean;
}

export interface PublishedMessage {
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject?: string;
  readonly message: string;
  /** Cloud time, milliseconds since the epoch. */
  readonly atMs: number;
}

/** SNS keeps none; a cloud that runs for long must not fill the disk. */
const LIMIT = 10_000;

/** The youngest messages that topics have taken, in order, with or without subscribers. */
export class Published {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(
      `CREATE TABLE IF NOT EXISTS sns_published (
         id INTEGER PRIMARY KEY, messageId TEXT NOT NULL, topicArn TEXT NOT NULL, subject TEXT, message TEXT NOT NULL, atMs REAL NOT NULL) STRICT`,
    );
  }

  add({ messageId, topicArn, subject, message, atMs }: PublishedMessage): void {
    this.#context.store.db
      .prepare(
        'INSERT INTO sns_published (messageId, topicArn, subject, message, atMs) VALUES (?, ?, ?, ?, ?)',
      )
      .run(messageId, topicArn, subject ?? null, message, atMs);
    this.#context.store.db
      .prepare('DELETE FROM sns_published WHERE id <= (SELECT max(id) FROM sns_published) - ?')
      .run(LIMIT);
  }

  all(): PublishedMessage[] {
    const rows = this.#context.store.db.prepare('SELECT * FROM sns_published ORDER BY id').all();
    return rows.map(({ messageId, topicArn, subject, message, atMs }) => ({
      messageId: String(messageId),
      topicArn: String(topicArn),
      ...(subject !== null && { subject: String(subject) }),
      message: String(message),
      atMs: Number(atMs),
    }));
  }
}
