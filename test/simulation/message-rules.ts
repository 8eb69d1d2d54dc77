import type { SqsEvent } from '../../local/sqs/events.ts';
import { payloadHash } from '../../shared/jobs/message.ts';
import { ENDED } from './record-rules.ts';
import type { World } from './world.ts';

/** How far a worker's clock and SQS's may be apart, and a moment more. */
const CLOCKS_APART_MS = 65_000;

/** A redrive policy's, twice over for those that were redriven and received again, and some of a dead-letter queue that takes nothing for a while. */
const MOST_RECEIVES = 60;

interface Facts {
  readonly job: string;
  readonly payloadHash: string;
  readonly poison: boolean;
}

interface Message extends Facts {
  readonly sentMs: number;
  waiting: number;
  dead: number;
  letterExpired?: true;
  receives: number;
  /** At which receives our code answered for it. */
  answeredAt: number[];
  /** At which receives the message that takes its place was kept from being sent. */
  unsentAt: number[];
}

/** Where every message is, and whether it may leave. */
export class MessageRules {
  readonly #world: World;
  readonly #byId = new Map<string, Message>();
  readonly #byJob = new Map<string, Message[]>();
  /** Of messages that are about to be sent, in order. */
  #upcoming: Facts[] = [];
  waiting = 0;

  constructor(world: World) {
    this.#world = world;
  }

  jobs(): Iterable<string> {
    return this.#byJob.keys();
  }

  /** Whether any message of the job was ever sent. */
  has(job: string): boolean {
    return this.#byJob.has(job);
  }

  jobOf(messageId: string): string | undefined {
    return this.#byId.get(messageId)?.job;
  }

  newestOf(job: string): string | undefined {
    for (const [id, message] of this.#byId) if (message.job === job && message.waiting > 0) return id;
    return undefined;
  }

  /** A body is on its way into a queue. */
  expect(body: string): void {
    this.#upcoming.push(factsOf(body));
  }

  /** Our code answered for these messages. */
  answered(messageIds: readonly string[]): void {
    for (const id of messageIds) {
      const message = this.#byId.get(id);
      if (message) message.answeredAt.push(message.receives);
    }
  }

  /** Something befell a send of the job's. */
  sendFailed(job: string): void {
    for (const message of this.#byJob.get(job) ?? []) message.unsentAt.push(message.receives);
  }

  copied(messageId: string): void {
    const message = this.#byId.get(messageId);
    if (!message) return;
    message.waiting++;
    this.waiting++;
  }

  happened(event: SqsEvent): void {
    const { type, messageId } = event;
    if (type === 'sent') {
      this.#sent(messageId);
      return;
    }
    const message = this.#byId.get(messageId);
    if (!message) return;
    switch (type) {
      case 'received':
        message.receives = event.receiveCount ?? 0;
        if (message.receives > MOST_RECEIVES)
          this.#world.violate('receives are bounded', `a message of ${message.job}: ${message.receives}`);
        break;
      case 'deleted':
        message.waiting--;
        this.waiting--;
        this.#deleted(message);
        break;
      case 'moved-to-dlq':
        message.waiting--;
        message.dead++;
        this.waiting--;
        this.#world.trace(
          `${message.job} is moved to the dead-letter queue after ${event.receiveCount} receives`,
        );
        this.#moved(message);
        break;
      case 'redriven':
        message.dead--;
        this.#upcoming.push(message);
        this.#world.trace(`${message.job} is redriven`);
        break;
      case 'expired':
        // After a fortnight among the dead letters.
        if (message.dead > 0) {
          message.dead--;
          message.letterExpired = true;
        } else this.#world.violate('no message outlives its retention', message.job);
        break;
    }
  }

  /** The most that a message of a job has been received. */
  receives(job: string): number {
    return Math.max(0, ...(this.#byJob.get(job) ?? []).map(({ receives }) => receives));
  }

  /** How many messages of a job wait, and how many lie in the dead-letter queue. */
  of(job: string): { readonly waiting: number; readonly dead: number; readonly letterExpired: boolean } {
    let letterExpired = false;
    let waiting = 0;
    let dead = 0;
    for (const message of this.#byJob.get(job) ?? []) {
      waiting += message.waiting;
      dead += message.dead;
      letterExpired ||= message.letterExpired === true;
    }
    return { waiting, dead, letterExpired };
  }

  #sent(messageId: string): void {
    const facts = this.#upcoming.shift();
    if (!facts) throw new Error(`message ${messageId} was sent by nobody`);
    const { job, payloadHash, poison } = facts;
    const message: Message = {
      job,
      payloadHash,
      poison,
      sentMs: this.#world.clock.now(),
      waiting: 1,
      dead: 0,
      receives: 0,
      answeredAt: [],
      unsentAt: [],
    };
    this.waiting++;
    this.#byId.set(messageId, message);
    const there = this.#byJob.get(job);
    if (there) there.push(message);
    else this.#byJob.set(job, [message]);
  }

  #deleted(message: Message): void {
    const { job, poison } = message;
    const record = this.#world.records.image(job);
    this.#world.trace(`a message of ${job} is deleted`);
    if (poison) this.#world.violate('what can never be a job is dead-lettered', job);
    else if (
      record?.state === 'completed' &&
      record.payloadHash !== message.payloadHash &&
      !this.#carried(message)
    )
      this.#world.violate('a reused key is dead-lettered', job);
    else if (!(record && ENDED.has(record.state)) && !this.#carried(message))
      this.#world.violate(
        'nothing accepted is lost',
        `the last message of ${job} was deleted, and its record says ${record?.state ?? 'nothing'}`,
      );
  }

  /** Whether another message has the job still. */
  #carried({ job, payloadHash }: Message): boolean {
    const others = this.#byJob.get(job) ?? [];
    return (
      others.some((other) => other.payloadHash === payloadHash && other.waiting + other.dead > 0) ||
      this.#world.isScheduled(job) ||
      this.#world.executions.carries(job)
    );
  }

  #moved(message: Message): void {
    const { job, poison, receives, answeredAt, unsentAt, sentMs } = message;
    if (poison) return;
    const record = this.#world.records.image(job);
    if (record && (ENDED.has(record.state) || record.payloadHash !== message.payloadHash)) return;
    const judged =
      sentMs <= (this.#world.records.verdictMs(job) ?? Number.NEGATIVE_INFINITY) + CLOCKS_APART_MS;
    if (record?.state === 'dead' && !judged)
      this.#world.violate(
        'a redriven job begins a new life',
        `${job} went back to the dead letters by its former verdict`,
      );
    // Also where another message of the job has begun a new life since.
    if (record?.state === 'dead' || judged) return;
    // At each of its last two receives our code would have renewed it.
    if (answeredAt.some((receive) => receive >= receives - 1 && !unsentAt.includes(receive)))
      this.#world.violate(
        'an undecided job is not dead-lettered',
        `${job} was moved after ${receives} receives, and its record says ${record?.state ?? 'nothing'}`,
      );
  }
}

/** The job of any body that has one; what has none is no job. */
export const JOB_NAME = /(?:charge|print|notify|ledger|later|webhook|deliver|staged|poison)-\d{6}/;

function factsOf(body: string): Facts {
  const job = JOB_NAME.exec(body)?.[0] ?? 'unknown';
  if (job.startsWith('poison')) return { job, payloadHash: '', poison: true };
  return { job, payloadHash: payloadHash((JSON.parse(body) as { data: unknown }).data), poison: false };
}
