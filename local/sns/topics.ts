import type { CloudContext } from '../kernel/service.ts';
import { invalidParameter, notFound } from './errors.ts';

export interface Topic {
  readonly arn: string;
  readonly name: string;
  /** As the API names them: `DisplayName`, `Policy`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Kept and told; the policy binds services, not who publishes over the API, and nothing is signed or encrypted. */
const ATTRIBUTES = new Set(['DisplayName', 'KmsMasterKeyId', 'Policy', 'SignatureVersion', 'TracingConfig']);

/** The topics that are there: those of the template, and those made over the API. */
export class Topics {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(
      'CREATE TABLE IF NOT EXISTS sns_topics (name TEXT PRIMARY KEY, attributes TEXT NOT NULL) STRICT',
    );
  }

  all(): Topic[] {
    const rows = this.#context.store.db.prepare('SELECT * FROM sns_topics ORDER BY name').all();
    return rows.map(({ name, attributes }) => this.#topic(String(name), String(attributes)));
  }

  find(arn: string): Topic | undefined {
    const name = arn.slice(arn.lastIndexOf(':') + 1);
    const row = this.#context.store.db.prepare('SELECT attributes FROM sns_topics WHERE name = ?').get(name);
    return row && arn === this.arnOf(name) ? this.#topic(name, String(row.attributes)) : undefined;
  }

  /** @throws AwsError `NotFound` */
  get(arn: string): Topic {
    const topic = this.find(arn);
    if (!topic) throw notFound('Topic does not exist');
    return topic;
  }

  /** Makes the topic, unless it is there with the attributes given. @throws AwsError `InvalidParameter` */
  create(name: string, attributes: Readonly<Record<string, string>>): Topic {
    const existing = this.find(this.arnOf(name));
    if (!existing) return this.put(name, attributes);
    if (Object.entries(attributes).some(([key, value]) => (existing.attributes[key] ?? '') !== value))
      throw invalidParameter('Attributes Reason: Topic already exists with different attributes');
    return existing;
  }

  /** Makes the topic, or sets the attributes given on the one that is there. @throws AwsError `InvalidParameter` */
  put(name: string, attributes: Readonly<Record<string, string>>): Topic {
    if (name.endsWith('.fifo'))
      throw invalidParameter(`The local cloud has standard topics only: "${name}" is a FIFO topic's name`);
    if (!/^[A-Za-z0-9_-]{1,256}$/.test(name)) throw invalidParameter('Topic Name');
    for (const attribute of Object.keys(attributes))
      if (!ATTRIBUTES.has(attribute))
        throw invalidParameter(
          `the local cloud does not know the topic attribute ${attribute}; it knows ${[...ATTRIBUTES].join(', ')}`,
        );
    const merged = { ...this.find(this.arnOf(name))?.attributes, ...attributes };
    this.#context.store.db
      .prepare('INSERT OR REPLACE INTO sns_topics (name, attributes) VALUES (?, ?)')
      .run(name, JSON.stringify(merged));
    return { arn: this.arnOf(name), name, attributes: merged };
  }

  delete(arn: string): void {
    if (this.find(arn))
      this.#context.store.db.prepare('DELETE FROM sns_topics WHERE name = ?').run(arn.split(':').pop() ?? '');
  }

  arnOf(name: string): string {
    const { region, accountId } = this.#context;
    return `arn:aws:sns:${region}:${accountId}:${name}`;
  }

  #topic(name: string, attributes: string): Topic {
    return { arn: this.arnOf(name), name, attributes: JSON.parse(attributes) as Record<string, string> };
  }
}
