import type { Clock } from '../kernel/clock.ts';
import { AwsError } from '../kernel/errors.ts';
import { type Batch, BatchReader } from './batch-reader.ts';
import { failedMessageIds } from './batch-response.ts';
import type { InvocationResult } from './invocation.ts';
import { headerOfBatch } from './lineage.ts';
import { MappingConcurrency } from './mapping-concurrency.ts';
import type { MappingConfiguration } from './mapping-configuration.ts';
import type { MappingHost } from './mapping-host.ts';

/** Between two tries at a queue that cannot be received from. */
const PROBLEM_PAUSE_SECONDS = 20;
/** A change of a mapping takes effect after a while; AWS states no bound, and seconds are usual. */
export const SETTLE_SECONDS = 5;
const THROTTLE_BACKOFF_SECONDS = { first: 1, longest: 30 };

export type MappingState = 'Disabled' | 'Disabling' | 'Enabled' | 'Enabling' | 'Updating';

/** Polls a queue and invokes a function with what it receives, as Lambda's SQS event source mappings do. */
export class Mapping {
  configuration: MappingConfiguration;
  state: MappingState;
  lastModifiedMs: number;
  lastResult = 'No records processed';
  readonly #host: MappingHost;
  readonly #concurrency: MappingConcurrency;
  readonly #reader: BatchReader;
  readonly #working = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  #polling: AbortController | undefined;

  constructor(configuration: MappingConfiguration, host: MappingHost) {
    this.configuration = configuration;
    this.state = configuration.enabled ? 'Enabled' : 'Disabled';
    this.#host = host;
    this.lastModifiedMs = host.context.clock.now();
    this.#concurrency = new MappingConcurrency(host.context.clock, configuration.maximumConcurrency);
    this.#reader = new BatchReader(host, () => this.configuration);
  }

  /** Batches that are running now, those that wait for a throttled function included. */
  get running(): number {
    return this.#concurrency.running;
  }

  /** Messages are received and not done with: running, gathered for a batch or waiting for a thread. */
  get busy(): boolean {
    return this.running > 0 || this.#reader.holdsMessages;
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

  /**
   * Takes effect late, as on AWS: meanwhile the mapping goes on as it was.
   *
   * @throws AwsError `ResourceInUseException` while an earlier change has not taken effect
   */
  update(configuration: MappingConfiguration): void {
    const { enabled } = this.configuration;
    const { clock } = this.#host.context;
    if (this.state !== 'Enabled' && this.state !== 'Disabled')
      throw new AwsError(
        'ResourceInUseException',
        `The event source mapping with UUID ${configuration.uuid} cannot be updated because it is ${this.state}.`,
      );
    this.lastModifiedMs = clock.now();
    this.state = enabled === configuration.enabled ? 'Updating' : enabled ? 'Disabling' : 'Enabling';
    clock.after(SETTLE_SECONDS * 1000, () => this.#settle(configuration));
  }

  #settle(configuration: MappingConfiguration): void {
    if (this.#stopped.signal.aborted) return;
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
        const batch = await this.#reader.next(signal);
        if (!batch) continue;
        this.#concurrency.begin();
        this.#track(this.#process(batch).finally(() => this.#concurrency.end()));
      } catch (error) {
        this.#problem(error);
        await pause(this.#host.context.clock, PROBLEM_PAUSE_SECONDS, signal);
      }
    }
    this.#reader.giveBack();
  }

  async #process(batch: Batch): Promise<void> {
    const { queueArn, reportsItemFailures } = this.configuration;
    try {
      const result = await this.#invoke(batch);
      if (!result) return;
      if (result.functionError) {
        this.lastResult = 'PROBLEM: Function call failed';
        // With item failures reported, a failing function does not slow its mapping down.
        if (!reportsItemFailures) this.#concurrency.backOff();
        return;
      }
      this.lastResult = 'OK';
      this.#concurrency.recover();
      const ids = batch.messages.map(({ messageId }) => messageId);
      const failed = reportsItemFailures ? failedMessageIds(result.payload, ids) : new Set();
      const done = batch.messages.filter(({ messageId }) => !failed.has(messageId));
      this.#host.queues.deleteMessages(
        queueArn,
        done.map(({ receiptHandle }) => receiptHandle),
      );
    } catch (error) {
      // What is not deleted comes again, though its work may be done: that is what at-least-once means.
      this.#problem(error);
    }
  }

  /**
   * Invokes, again and again while the function is throttled, until the batch's visibility timeout has passed: then the
   * messages are in the queue again, and this receive of theirs was spent without any code running. So it is at once where the function
   * is in a loop: the queue's redrive policy ends that.
   */
  async #invoke({ messages, payload, slot, receivedAtMs }: Batch): Promise<InvocationResult | undefined> {
    const { clock } = this.#host.context;
    const { functionName, queueArn } = this.configuration;
    const { visibilityTimeoutSeconds } = this.#host.queues.attributes(queueArn);
    const giveUpMs = receivedAtMs + visibilityTimeoutSeconds * 1000;
    const traceHeader = headerOfBatch(messages.map(({ attributes }) => attributes.AWSTraceHeader));
    let held = slot;
    let backoffSeconds = THROTTLE_BACKOFF_SECONDS.first;
    for (;;) {
      try {
        return await this.#host.invoke(functionName, payload, traceHeader);
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
