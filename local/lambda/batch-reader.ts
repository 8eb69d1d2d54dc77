import { AwsError } from '../kernel/errors.ts';
import type { ReceivedMessage } from '../sqs/index.ts';
import type { Slot } from './fair-slots.ts';
import type { MappingConfiguration } from './mapping-configuration.ts';
import type { MappingHost } from './mapping-host.ts';
import { sqsEvent } from './sqs-event.ts';

/**
 * Lambda polls for 20 s, again and again. Nobody sees where one poll ends and the next begins, but each end is an event to
 * step through when a month is skipped: so a poll lasts until it finds something.
 */
const LONG_POLL_SECONDS = 30 * 24 * 3600;
/** SQS hands out so many messages by one receive. */
const RECEIVE_LIMIT = 10;

/** Messages of one invocation, and the right to run it. */
export interface Batch {
  readonly messages: readonly ReceivedMessage[];
  readonly payload: string;
  readonly slot: Slot;
  /** Before the first of them was received: their visibility timeout ends this long after, or later. */
  readonly receivedAtMs: number;
}

interface Received {
  readonly messages: readonly ReceivedMessage[];
  readonly atMs: number;
}

const NOTHING: readonly ReceivedMessage[] = [];

/** Receives batches for a mapping: long polling, batch window, the limits of a batch. */
export class BatchReader {
  readonly #host: MappingHost;
  readonly #configuration: () => MappingConfiguration;
  /** Received, and not handed out yet: gathered for a batch, or waiting for a thread. */
  #inHand = NOTHING;
  /** Received, but over the payload's limit for the batch that they were received with. */
  #carried: Received | undefined;

  constructor(host: MappingHost, configuration: () => MappingConfiguration) {
    this.#host = host;
    this.#configuration = configuration;
  }

  get holdsMessages(): boolean {
    return this.#inHand.length > 0 || this.#carried !== undefined;
  }

  /**
   * The next batch; `undefined` once aborted, or when there was nothing.
   *
   * While the queue has a backlog, messages are received only when they can run at once: what waits for a thread stays
   * visible in the queue, where its visibility timeout does not pass.
   *
   * @throws AwsError as SQS does
   */
  async next(signal: AbortSignal): Promise<Batch | undefined> {
    const { functionName, windowSeconds } = this.#configuration();
    try {
      if (windowSeconds === 0) {
        const slot = await this.#host.slots.take(functionName, signal);
        const found = await this.#receive(0, signal).catch((error: unknown) => {
          slot.release();
          throw error;
        });
        if (found.messages.length > 0) return this.#batch(found, slot);
        slot.release();
      }
      let found = await this.#receive(LONG_POLL_SECONDS, signal);
      if (found.messages.length === 0) return undefined;
      if (windowSeconds > 0) found = await this.#gather(found, signal);
      return this.#batch(found, await this.#host.slots.take(functionName, signal));
    } catch (error) {
      if (!signal.aborted) throw error;
      return undefined;
    }
  }

  /** Makes what was received and will not run visible again. */
  giveBack(): void {
    const { queueArn } = this.#configuration();
    for (const { receiptHandle } of [...this.#inHand, ...(this.#carried?.messages ?? [])])
      try {
        this.#host.queues.changeVisibility(queueArn, receiptHandle, 0);
      } catch (error) {
        // It is visible already, or received by somebody else, or its queue is gone.
        if (!(error instanceof AwsError)) throw error;
      }
    this.#inHand = NOTHING;
    this.#carried = undefined;
  }

  #batch(found: Received, slot: Slot): Batch {
    const { included, payload } = sqsEvent(
      found.messages,
      this.#configuration().queueArn,
      this.#host.context.region,
    );
    const rest = found.messages.slice(included.length);
    this.#inHand = NOTHING;
    if (rest.length > 0) this.#carried = { messages: rest, atMs: found.atMs };
    return { messages: included, payload, slot, receivedAtMs: found.atMs };
  }

  async #receive(waitSeconds: number, signal: AbortSignal): Promise<Received> {
    const carried = this.#carried;
    if (carried) {
      this.#carried = undefined;
      this.#inHand = carried.messages;
      return carried;
    }
    const { batchSize } = this.#configuration();
    const messages = await this.#receiveMore(Math.min(RECEIVE_LIMIT, batchSize), waitSeconds, signal);
    return { messages, atMs: this.#host.context.clock.now() };
  }

  /** Goes on receiving until the batch is full or its window, begun by its first message, has passed. */
  async #gather(first: Received, signal: AbortSignal): Promise<Received> {
    const { clock } = this.#host.context;
    const { batchSize, windowSeconds } = this.#configuration();
    const endMs = clock.now() + windowSeconds * 1000;
    while (this.#inHand.length < batchSize && !signal.aborted) {
      const leftSeconds = (endMs - clock.now()) / 1000;
      if (leftSeconds <= 0) break;
      await this.#receiveMore(Math.min(RECEIVE_LIMIT, batchSize - this.#inHand.length), leftSeconds, signal);
    }
    return { messages: this.#inHand, atMs: first.atMs };
  }

  async #receiveMore(
    maxMessages: number,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<readonly ReceivedMessage[]> {
    const { queueArn } = this.#configuration();
    const received = await this.#host.queues.receive(queueArn, { maxMessages, waitSeconds, signal });
    this.#inHand = [...this.#inHand, ...received];
    return received;
  }
}
