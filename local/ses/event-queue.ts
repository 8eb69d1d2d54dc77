import type { Timer } from '../kernel/clock.ts';
import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { Sns } from '../sns/index.ts';
import { type EventType, eventRecord, eventsOf, type MailEvent } from './events.ts';
import type { SentMail } from './mail.ts';
import type { Standing } from './standing.ts';

/** What befalls an event on its way, where it is not published once and soon. */
export interface EventFate {
  /** After the mail was taken. @default 1 for SEND and REJECT, 2 for what a recipient's server says, 3 for a complaint */
  readonly delaySeconds?: number;
  /** 0 loses the event, 2 publishes it twice. @default 1 */
  readonly copies?: number;
}

/** Asked for each event when its mail is taken. */
export type EventPlan = (event: MailEvent) => EventFate | undefined;

const DELAY_SECONDS: Readonly<Record<EventType, number>> = {
  SEND: 1,
  REJECT: 1,
  DELIVERY: 2,
  BOUNCE: 2,
  // After its delivery, whatever a timer's fractions say.
  COMPLAINT: 3,
};
const SUBJECT = 'Amazon SES Email Event Notification';

/** Events on their way to the topics of a configuration set's event destinations. Kept, so that a restart loses none. */
export class EventQueue {
  plan: EventPlan | undefined;
  readonly #context: CloudContext;
  readonly #standing: Standing;
  readonly #sns: Pick<Sns, 'publish'>;
  readonly #waiting = new Map<number, { readonly timer: Timer; readonly dueMs: number }>();

  constructor(context: CloudContext, standing: Standing, sns: Pick<Sns, 'publish'>) {
    this.#context = context;
    this.#standing = standing;
    this.#sns = sns;
    context.store.db.exec(
      'CREATE TABLE IF NOT EXISTS ses_events (id INTEGER PRIMARY KEY, topicArn TEXT NOT NULL, record TEXT NOT NULL, dueMs REAL NOT NULL) STRICT',
    );
  }

  /** Some event is due and as good as published. */
  get busy(): boolean {
    const nextMs = this.nextMs;
    return nextMs !== undefined && nextMs <= this.#context.clock.now();
  }

  /** When the next event is published (cloud time, ms). */
  get nextMs(): number | undefined {
    let nextMs: number | undefined;
    for (const { dueMs } of this.#waiting.values())
      if (nextMs === undefined || dueMs < nextMs) nextMs = dueMs;
    return nextMs;
  }

  /** Takes up the events of an earlier run. */
  start(): void {
    for (const { id, topicArn, record, dueMs } of this.#context.store.db
      .prepare('SELECT * FROM ses_events ORDER BY id')
      .all())
      if (!this.#waiting.has(Number(id)))
        this.#wait(Number(id), String(topicArn), String(record), Number(dueMs));
  }

  stop(): void {
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }

  /** Lets happen what follows from a mail that was taken. */
  add(mail: SentMail): void {
    if (mail.configurationSet === undefined) return;
    const { region, accountId } = this.#context;
    for (const event of eventsOf(mail)) {
      const topics = this.#standing.topicsOf(mail.configurationSet, event.type);
      if (topics.length === 0) continue;
      const { delaySeconds = DELAY_SECONDS[event.type], copies = 1 } = this.plan?.(event) ?? {};
      const dueMs = mail.atMs + delaySeconds * 1000;
      const record = eventRecord(event, { region, accountId, atMs: dueMs });
      for (const topicArn of topics)
        for (let copy = 0; copy < copies; copy++) this.#keep(topicArn, record, dueMs);
    }
  }

  #keep(topicArn: string, record: string, dueMs: number): void {
    const { lastInsertRowid } = this.#context.store.db
      .prepare('INSERT INTO ses_events (topicArn, record, dueMs) VALUES (?, ?, ?)')
      .run(topicArn, record, dueMs);
    this.#wait(Number(lastInsertRowid), topicArn, record, dueMs);
  }

  #wait(id: number, topicArn: string, record: string, dueMs: number): void {
    const timer = this.#context.clock.after(dueMs - this.#context.clock.now(), () => {
      this.#waiting.delete(id);
      this.#publish(id, topicArn, record);
    });
    this.#waiting.set(id, { timer, dueMs });
  }

  #publish(id: number, topicArn: string, record: string): void {
    this.#context.store.transaction(() => {
      this.#context.store.db.prepare('DELETE FROM ses_events WHERE id = ?').run(id);
      try {
        const { region, accountId } = this.#context;
        this.#sns.publish(
          topicArn,
          { subject: SUBJECT, message: record },
          {
            service: 'ses.amazonaws.com',
            sourceArn: `arn:aws:ses:${region}:${accountId}:configuration-set/${configurationSetOf(record)}`,
          },
        );
      } catch (error) {
        // A topic that is gone, or does not let SES in: SES drops the event too.
        if (!(error instanceof AwsError)) throw error;
      }
    });
  }
}

/** As every record tells it among the tags of its mail. */
function configurationSetOf(record: string): string {
  const { mail } = JSON.parse(record) as { mail: { tags: Readonly<Record<string, readonly string[]>> } };
  return mail.tags['ses:configuration-set']?.[0] ?? '';
}
