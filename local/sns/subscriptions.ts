import type { CloudContext } from '../kernel/service.ts';
import { invalidParameter, notFound } from './errors.ts';
import { newUuid } from './ids.ts';

export interface Subscription {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: string;
  readonly endpoint: string;
  /** Somebody has to follow a link in a mail first, and nobody here does. */
  readonly pending: boolean;
  readonly attributes: SubscriptionAttributes;
}

export type SubscriptionAttributes = Readonly<Record<string, string>>;

/** Confirmed by a person; kept, and never delivered to. */
const CONFIRMED_BY_HAND = new Set(['email', 'email-json', 'sms']);
/** What an ARN of an endpoint looks like, and what AWS calls it where it does not. */
const ENDPOINTS = new Map([
  ['sqs', { arn: /^arn:[^:]+:sqs:[^:]*:\d*:[\w-]+$/, name: 'SQS endpoint ARN' }],
  ['lambda', { arn: /^arn:[^:]+:lambda:[^:]*:\d*:function:[\w-]+$/, name: 'Lambda endpoint ARN' }],
]);
const ATTRIBUTES = new Set(['RawMessageDelivery', 'RedrivePolicy']);

/** Who wants a topic's messages. */
export class Subscriptions {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(
      `CREATE TABLE IF NOT EXISTS sns_subscriptions (
         arn TEXT PRIMARY KEY, topicArn TEXT NOT NULL, protocol TEXT NOT NULL, endpoint TEXT NOT NULL, attributes TEXT NOT NULL,
         UNIQUE (topicArn, protocol, endpoint)) STRICT`,
    );
  }

  all(): Subscription[] {
    return this.#context.store.db
      .prepare('SELECT * FROM sns_subscriptions ORDER BY rowid')
      .all()
      .map(subscriptionOf);
  }

  ofTopic(topicArn: string): Subscription[] {
    return this.#context.store.db
      .prepare('SELECT * FROM sns_subscriptions WHERE topicArn = ? ORDER BY rowid')
      .all(topicArn)
      .map(subscriptionOf);
  }

  /** @throws AwsError `NotFound` */
  get(arn: string): Subscription {
    const row = this.#context.store.db.prepare('SELECT * FROM sns_subscriptions WHERE arn = ?').get(arn);
    if (!row) throw notFound('Subscription does not exist');
    return subscriptionOf(row);
  }

  /**
   * Subscribes, or gives the subscription that is there: a topic has one for a protocol and an endpoint.
   *
   * @throws AwsError `InvalidParameter`
   */
  put(
    topicArn: string,
    protocol: string,
    endpoint: string,
    attributes: SubscriptionAttributes,
  ): Subscription {
    check(protocol, endpoint, attributes);
    const existing = this.ofTopic(topicArn).find(
      (other) => other.protocol === protocol && other.endpoint === endpoint,
    );
    const arn = existing?.arn ?? `${topicArn}:${newUuid(this.#context.random)}`;
    const merged = JSON.stringify({ ...existing?.attributes, ...attributes });
    this.#context.store.db
      .prepare(
        'INSERT INTO sns_subscriptions VALUES (?, ?, ?, ?, ?) ON CONFLICT (arn) DO UPDATE SET attributes = excluded.attributes',
      )
      .run(arn, topicArn, protocol, endpoint, merged);
    return this.get(arn);
  }

  deleteOfTopic(topicArn: string): void {
    this.#context.store.db.prepare('DELETE FROM sns_subscriptions WHERE topicArn = ?').run(topicArn);
  }

  delete(arn: string): void {
    this.#context.store.db.prepare('DELETE FROM sns_subscriptions WHERE arn = ?').run(arn);
  }
}

/** Its ARN; `undefined` without a redrive policy, or with one that names none. */
export function deadLetterQueueOf({ attributes }: Pick<Subscription, 'attributes'>): string | undefined {
  try {
    const policy = JSON.parse(attributes.RedrivePolicy ?? '{}') as { deadLetterTargetArn?: unknown } | null;
    return typeof policy?.deadLetterTargetArn === 'string' ? policy.deadLetterTargetArn : undefined;
  } catch {
    return undefined;
  }
}

function subscriptionOf(row: Record<string, unknown>): Subscription {
  const protocol = String(row.protocol);
  return {
    arn: String(row.arn),
    topicArn: String(row.topicArn),
    protocol,
    endpoint: String(row.endpoint),
    pending: CONFIRMED_BY_HAND.has(protocol),
    attributes: JSON.parse(String(row.attributes)) as SubscriptionAttributes,
  };
}

function check(protocol: string, endpoint: string, attributes: SubscriptionAttributes): void {
  const expected = ENDPOINTS.get(protocol);
  if (!expected && !CONFIRMED_BY_HAND.has(protocol))
    throw invalidParameter(
      `the local cloud delivers to SQS queues and Lambda functions, and keeps e-mail and SMS subscriptions unconfirmed; it has no protocol "${protocol}"`,
    );
  if (expected && !expected.arn.test(endpoint)) throw invalidParameter(expected.name);
  for (const name of Object.keys(attributes))
    if (!ATTRIBUTES.has(name))
      throw invalidParameter(
        `the local cloud does not know the subscription attribute ${name}; it knows ${[...ATTRIBUTES].join(', ')}`,
      );
  const { RawMessageDelivery = 'false', RedrivePolicy } = attributes;
  if (!['true', 'false'].includes(RawMessageDelivery))
    throw invalidParameter(`Attributes Reason: RawMessageDelivery: Invalid value [${RawMessageDelivery}]`);
  if (RawMessageDelivery === 'true' && protocol === 'lambda')
    throw invalidParameter(
      'Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.',
    );
  if (RedrivePolicy !== undefined && deadLetterQueueOf({ attributes }) === undefined)
    throw invalidParameter(`Attributes Reason: RedrivePolicy names no deadLetterTargetArn: ${RedrivePolicy}`);
}
