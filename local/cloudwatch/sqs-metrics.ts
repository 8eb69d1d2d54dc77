import type { Sqs, SqsEvent } from '../sqs/index.ts';
import { MINUTE_MS } from './metric-series.ts';
import type { MetricDatum } from './metric-store.ts';

/** AWS samples a queue while it holds messages, and for six hours after anything happened to it. */
const ACTIVE_MS = 6 * 60 * MINUTE_MS;

/** What the sampler needs of SQS. */
export type Queues = Pick<Sqs, 'list' | 'counts' | 'observe'>;

interface Watched {
  readonly dimensions: { readonly QueueName: string };
  sent: number;
  received: number;
  deleted: number;
  activeUntilMs: number;
  /** Empty at the last sample, and nothing has happened since: it need not be counted. */
  empty: boolean;
}

/** The namespace AWS/SQS, sampled once a minute. */
export class SqsMetrics {
  readonly #queues: Queues;
  readonly #record: (datum: MetricDatum) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #forget: () => void;

  /** @param stirred called when something happens to a queue, so that it will be sampled */
  constructor(queues: Queues, record: (datum: MetricDatum) => void, stirred: () => void) {
    this.#queues = queues;
    this.#record = record;
    this.#forget = queues.observe((event) => {
      this.#notice(event);
      stirred();
    });
  }

  stop(): void {
    this.#forget();
  }

  /**
   * Samples for the minute that ends at `minuteMs`.
   *
   * @returns whether there is a queue to sample in the next one
   */
  sample(minuteMs: number): boolean {
    let active = false;
    for (const arn of this.#queues.list()) {
      const watched = this.#of(arn, minuteMs);
      const counts = watched.empty ? EMPTY : this.#queues.counts(arn);
      const { visible, notVisible, delayed, oldestAgeSeconds } = counts;
      watched.empty = visible + notVisible + delayed === 0;
      if (!watched.empty) watched.activeUntilMs = minuteMs + ACTIVE_MS;
      else if (watched.activeUntilMs < minuteMs) continue;
      active = true;
      const { sent, received, deleted } = watched;
      const values = [visible, notVisible, delayed, oldestAgeSeconds, sent, received, deleted];
      for (const [index, [metricName, unit]] of METRICS.entries()) {
        const { dimensions } = watched;
        const value = values[index] as number;
        this.#record({
          namespace: 'AWS/SQS',
          metricName,
          dimensions,
          value,
          unit,
          atMs: minuteMs - MINUTE_MS,
        });
      }
      watched.sent = watched.received = watched.deleted = 0;
    }
    return active;
  }

  #notice({ type, queueArn, targetArn, atMs }: SqsEvent): void {
    const watched = this.#of(queueArn, atMs);
    if (type === 'sent') watched.sent++;
    else if (type === 'received') watched.received++;
    else if (type === 'deleted') watched.deleted++;
    this.#stir(watched, atMs);
    // A move into a dead-letter queue is not "sent" there, as on AWS, but it is no longer empty.
    if (targetArn !== undefined) this.#stir(this.#of(targetArn, atMs), atMs);
  }

  #stir(watched: Watched, atMs: number): void {
    watched.empty = false;
    watched.activeUntilMs = atMs + ACTIVE_MS;
  }

  #of(arn: string, nowMs: number): Watched {
    const existing = this.#watched.get(arn);
    if (existing) return existing;
    const watched: Watched = {
      dimensions: { QueueName: arn.slice(arn.lastIndexOf(':') + 1) },
      sent: 0,
      received: 0,
      deleted: 0,
      activeUntilMs: nowMs + ACTIVE_MS,
      empty: false,
    };
    this.#watched.set(arn, watched);
    return watched;
  }
}

const EMPTY = { visible: 0, notVisible: 0, delayed: 0, oldestAgeSeconds: 0 };

const METRICS = [
  ['ApproximateNumberOfMessagesVisible', 'Count'],
  ['ApproximateNumberOfMessagesNotVisible', 'Count'],
  ['ApproximateNumberOfMessagesDelayed', 'Count'],
  ['ApproximateAgeOfOldestMessage', 'Seconds'],
  ['NumberOfMessagesSent', 'Count'],
  ['NumberOfMessagesReceived', 'Count'],
  ['NumberOfMessagesDeleted', 'Count'],
] as const;
