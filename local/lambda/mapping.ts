import type { Clock } from '../kernel/clock.ts';
import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { ReceivedMessage } from '../sqs/index.ts';
import { failedMessageIds } from './batch-response.ts';
import type { FairSlots, Slot } from './fair-slots.ts';
import type { InvocationResult } from './invocation.ts';
import { MappingConcurrency } from './mapping-concurrency.ts';
import type { MappingConfiguration } from './mapping-configuration.ts';
import type { QueueSource } from './queue-source.ts';
import { sqsEvent } from './sqs-event.ts';

/**
 * Lambda polls for 20 s, again and again. Nobody sees where one poll ends and the next begins, but each end is an event to
 * step through when a month is skipped: so a poll lasts until it finds something.
 */
const LONG_POLL_SECONDS = 30 * 24 * 3600;
/** Between two tries at a queue that cannot be received from. */
const PROBLEM_PAUSE_SECONDS = 20;
/** SQS hands out so many messages by one receive. */
const RECEIVE_LIMIT = 10;
/** A change of a mapping takes effect after a while; AWS states no bound, and seconds are usual. */
export const SETTLE_SECONDS = 5;
const THROTTLE_BACKOFF_SECONDS = { first: 1, longest: 30 };

export type MappingState = 'Disabled' | 'Disabling' | 'Enabled' | 'Enabling' | 'Updating';

export interface MappingHost {
  readonly context: CloudContext;
  readonly queues: QueueSource;
  readonly slots: FairSlots;
  /** @throws AwsError `TooManyRequestsException` */
  invoke(functionName: string, payload: string): Promise<InvocationResult>;
}

/** Polls a queue and invokes a function with what it receives, as Lambda's SQS event source mappings do. */
export class Mapping {
  configuration: MappingConfiguration;
  state: MappingState;
  lastModifiedMs: number;
  lastResult = 'No records processed';
  readonly #host: MappingHost;
  readonly #concurrency: MappingConcurrency;
  readonly #working = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  #polling: AbortController | undefined;
  /** Received, but over the payload's limit for the batch that they were received with. */
  #carried: readonly ReceivedMessage[] = [];
  #changes = 0;
  #inHand = 0;

  constructor(configuration: MappingConfiguration, host: MappingHost) {
    this.configuration = configuration;
    this.state = configuration.enabled ? 'Enabled' : 'Disabled';
    this.#host = host;
    this.lastModifiedMs = host.context.clock.now();
    this.#concurrency = new MappingConcurrency(host.context.clock, configuration.maximumConcurrency);
  }

  /** Batches that are running now, those that wait for a throttled function included. */
  get running(): number {
    return this.#concurrency.running;
  }

  /** Messages are received and not done with: running, gathered for a batch or waiting for a thread. */
  get busy(): boolean {
    return this.running > 0 || this.#inHand > 0 || this.#carried.length > 0;
  }

  start(): void {
    if (this.configuration.enabled) this.#startPolling();
  }

  /** Ends polling; resolves when no batch is running any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#stopPolling();
    await Promise.all(this.#working);
  }

  /** Takes effect late, as on AWS: meanwhile the mapping goes on as it was. */
  update(configuration: MappingConfiguration): void {
    const was = this.configuration;
    const { clock } = this.#host.context;
    this.configuration = { ...configuration, enabled: was.enabled };
    this.lastModifiedMs = clock.now();
    this.state =
      was.enabled === configuration.enabled ? 'Updating' : configuration.enabled ? 'Enabling' : 'Disabling';
    const change = ++this.#changes;
    clock.after(SETTLE_SECONDS * 1000, () => {
      if (change === this.#changes) this.#settle(configuration);
    });
  }

  #settle(configuration: MappingConfiguration): void {
    this.configuration = configuration;
    this.state = configuration.enabled ? 'Enabled' : 'Disabled';
    this.#concurrency.setMaximum(configuration.maximumConcurrency);
    if (configuration.enabled) this.#startPolling();
    else this.#stopPolling();
  }

  #startPolling(): void {
    if (this.#polling) return;
    const polling = new AbortController();
    this.#polling = polling;
    this.#track(this.#poll(polling.signal));
  }

  #stopPolling(): void {
    this.#polling?.abort();
    this.#polling = undefined;
    this.#concurrency.wake();
  }

  async #poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#concurrency.room(signal);
      try {
        const batch = await this.#nextBatch(signal);
        if (!batch) continue;
        this.#inHand = 0;
        this.#concurrency.begin();
        const done = this.#process(batch.messages, batch.slot).finally(() => this.#concurrency.end());
        this.#track(done);
      } catch (error) {
        this.#problem(error);
        await pause(this.#host.context.clock, PROBLEM_PAUSE_SECONDS, signal);
      }
    }
    this.#giveBack(this.#carried);
    this.#carried = [];
  }

  /**
   * Messages and the right to run them. While the queue has a backlog, messages are received only when they can run at
   * once; what waits for a thread stays visible in the queue, where its visibility timeout does not pass.
   */
  async #nextBatch(
    signal: AbortSignal,
  ): Promise<{ messages: readonly ReceivedMessage[]; slot: Slot } | undefined> {
    const { slots } = this.#host;
    const { functionName, windowSeconds } = this.configuration;
    let received: readonly ReceivedMessage[] = [];
    try {
      if (windowSeconds === 0) {
        const slot = await slots.take(functionName, signal);
        received = await this.#receive(0, signal);
        if (received.length > 0) return { messages: received, slot };
        slot.release();
      }
      received = await this.#receive(LONG_POLL_SECONDS, signal);
      if (received.length === 0) return undefined;
      if (windowSeconds > 0) received = await this.#gather(received, signal);
      return { messages: received, slot: await slots.take(functionName, signal) };
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#giveBack(received);
      this.#inHand = 0;
      return undefined;
    }
  }

  /** Goes on receiving until the batch is full or its window, begun by its first message, has passed. */
  async #gather(first: readonly ReceivedMessage[], signal: AbortSignal): Promise<readonly ReceivedMessage[]> {
    const { clock } = this.#host.context;
    const { batchSize, windowSeconds, queueArn } = this.configuration;
    const endMs = clock.now() + windowSeconds * 1000;
    const gathered = [...first];
    while (gathered.length < batchSize && !signal.aborted) {
      const leftSeconds = (endMs - clock.now()) / 1000;
      if (leftSeconds <= 0) break;
      const more = await this.#host.queues.receive(queueArn, {
        maxMessages: Math.min(RECEIVE_LIMIT, batchSize - gathered.length),
        waitSeconds: leftSeconds,
        signal,
      });
      gathered.push(...more);
    }
    return gathered;
  }

  async #receive(waitSeconds: number, signal: AbortSignal): Promise<readonly ReceivedMessage[]> {
    if (this.#carried.length > 0) {
      const carried = this.#carried;
      this.#carried = [];
      return carried;
    }
    const { queueArn, batchSize } = this.configuration;
    const maxMessages = Math.min(RECEIVE_LIMIT, batchSize);
    return this.#host.queues.receive(queueArn, { maxMessages, waitSeconds, signal }).then((received) => {
      this.#inHand = received.length;
      return received;
    });
  }

  /** Makes messages that will not run visible again. */
  #giveBack(messages: readonly ReceivedMessage[]): void {
    for (const { receiptHandle } of messages)
      try {
        this.#host.queues.changeVisibility(this.configuration.queueArn, receiptHandle, 0);
      } catch (error) {
        // It is visible already, or received by somebody else.
        if (!(error instanceof AwsError && error.code === 'MessageNotInflight')) throw error;
      }
  }

  async #process(messages: readonly ReceivedMessage[], slot: Slot): Promise<void> {
    const { queueArn, reportsItemFailures } = this.configuration;
    const { included, payload } = sqsEvent(messages, queueArn, this.#host.context.region);
    this.#carried = messages.slice(included.length);
    const result = await this.#invoke(payload, slot);
    if (!result) return;
    if (result.functionError) {
      this.lastResult = 'PROBLEM: Function call failed';
      // With item failures reported, a failing function does not slow its mapping down.
      if (!reportsItemFailures) this.#concurrency.backOff();
      return;
    }
    this.lastResult = 'OK';
    this.#concurrency.recover();
    const failed = reportsItemFailures
      ? failedMessageIds(
          result.payload,
          included.map(({ messageId }) => messageId),
        )
      : new Set<string>();
    const done = included.filter(({ messageId }) => !failed.has(messageId));
    try {
      this.#host.queues.deleteMessages(
        queueArn,
        done.map(({ receiptHandle }) => receiptHandle),
      );
    } catch (error) {
      // They come again, though their work is done: that is what at-least-once means.
      this.#problem(error);
    }
  }

  /**
   * Invokes, again and again while the function is throttled, until the batch's visibility timeout has passed: then the
   * messages are in the queue again, and this receive of theirs was spent without any code running.
   */
  async #invoke(payload: string, slot: Slot): Promise<InvocationResult | undefined> {
    const { clock } = this.#host.context;
    const { functionName, queueArn } = this.configuration;
    const { visibilityTimeoutSeconds } = this.#host.queues.attributes(queueArn);
    const giveUpMs = clock.now() + visibilityTimeoutSeconds * 1000;
    let held = slot;
    let backoffSeconds = THROTTLE_BACKOFF_SECONDS.first;
    for (;;) {
      try {
        return await this.#host.invoke(functionName, payload);
      } catch (error) {
        if (!(error instanceof AwsError && error.code === 'TooManyRequestsException')) throw error;
      } finally {
        held.release();
      }
      this.lastResult = 'PROBLEM: Function call failed';
      this.#concurrency.backOff();
      if (clock.now() + backoffSeconds * 1000 >= giveUpMs) return undefined;
      await pause(clock, backoffSeconds, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return undefined;
      backoffSeconds = Math.min(backoffSeconds * 2, THROTTLE_BACKOFF_SECONDS.longest);
      held = await this.#host.slots.take(functionName);
    }
  }

  /** What SQS refuses is the queue's problem, and shown; anything else is a fault of the local cloud. */
  #problem(error: unknown): void {
    if (!(error instanceof AwsError)) throw error;
    this.lastResult = `PROBLEM: ${error.code}: ${error.message}`;
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#working.delete(tracked));
    this.#working.add(tracked);
  }
}

/** Waits; an abort ends the waiting. */
function pause(clock: Clock, seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resume) => {
    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resume();
    };
    const timer = clock.after(seconds * 1000, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
