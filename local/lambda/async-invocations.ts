import { randomUUID } from 'node:crypto';
import type { Timer } from '../kernel/clock.ts';
import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { Sqs } from '../sqs/index.ts';
import { failureRecord } from './failure-record.ts';
import type { FairSlots } from './fair-slots.ts';
import type { InvocationResult } from './invocation.ts';

/** What happens to an event that its function fails on; Lambda's defaults. */
export interface EventInvokeConfiguration {
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
  /** The ARN of the queue that an event goes to when it is given up; without one it is gone. */
  readonly onFailure?: string;
}

export const DEFAULT_EVENT_INVOKE: EventInvokeConfiguration = {
  maximumRetryAttempts: 2,
  maximumEventAgeSeconds: 21_600,
};

/** One minute before the first retry of a function error, two before the second. */
const RETRY_DELAYS_SECONDS = [60, 120];
/** Throttled events come back after 1 s, doubling up to 5 min, until they are too old. */
const THROTTLE_BACKOFF_SECONDS = { first: 1, longest: 300 };

interface QueuedEvent {
  readonly id: string;
  readonly functionName: string;
  readonly payload: string;
  readonly traceHeader: string | undefined;
  readonly acceptedMs: number;
  failures: number;
  throttles: number;
}

export interface AsyncInvocationsOptions {
  readonly slots: FairSlots;
  readonly queues: Pick<Sqs, 'send'>;
  invoke(functionName: string, payload: string, traceHeader: string | undefined): Promise<InvocationResult>;
  settingsOf(functionName: string): EventInvokeConfiguration;
}

/** Events of asynchronous invocations (InvocationType Event): kept until the function took them or was retried enough. */
export class AsyncInvocations {
  readonly #context: CloudContext;
  readonly #options: AsyncInvocationsOptions;
  readonly #waiting = new Map<string, { readonly timer: Timer; readonly dueMs: number }>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(context: CloudContext, options: AsyncInvocationsOptions) {
    this.#context = context;
    this.#options = options;
    context.store.db.exec(
      `CREATE TABLE IF NOT EXISTS lambda_events (
        id TEXT PRIMARY KEY, function_name TEXT NOT NULL, payload TEXT NOT NULL, trace_header TEXT, accepted_ms REAL NOT NULL,
        failures INTEGER NOT NULL, throttles INTEGER NOT NULL, due_ms REAL NOT NULL
      ) STRICT`,
    );
  }

  /** Events that are accepted and not yet done. */
  get pending(): number {
    return this.#waiting.size + this.#running.size;
  }

  /** Those that run now, or as soon as the event loop turns. */
  get due(): number {
    const nowMs = this.#context.clock.now();
    const waiting = [...this.#waiting.values()].filter(({ dueMs }) => dueMs <= nowMs);
    return this.#running.size + waiting.length;
  }

  get nextMs(): number | undefined {
    const due = [...this.#waiting.values()].map(({ dueMs }) => dueMs);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  accept(functionName: string, payload: string, traceHeader?: string): string {
    const acceptedMs = this.#context.clock.now();
    const event: QueuedEvent = {
      id: randomUUID(),
      functionName,
      payload,
      traceHeader,
      acceptedMs,
      failures: 0,
      throttles: 0,
    };
    this.#schedule(event, 0);
    return event.id;
  }

  /** Takes up the events of an earlier run. */
  start(): void {
    const nowMs = this.#context.clock.now();
    for (const row of this.#context.store.db.prepare('SELECT * FROM lambda_events').all()) {
      if (this.#waiting.has(String(row.id))) continue;
      const event: QueuedEvent = {
        id: String(row.id),
        functionName: String(row.function_name),
        payload: String(row.payload),
        traceHeader: row.trace_header === null ? undefined : String(row.trace_header),
        acceptedMs: Number(row.accepted_ms),
        failures: Number(row.failures),
        throttles: Number(row.throttles),
      };
      this.#schedule(event, Math.max(0, Number(row.due_ms) - nowMs));
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    await Promise.all(this.#running);
  }

  #schedule(event: QueuedEvent, delayMs: number): void {
    const { id, functionName, payload, traceHeader, acceptedMs, failures, throttles } = event;
    const dueMs = this.#context.clock.now() + delayMs;
    this.#context.store.db
      .prepare('INSERT OR REPLACE INTO lambda_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(id, functionName, payload, traceHeader ?? null, acceptedMs, failures, throttles, dueMs);
    const timer = this.#context.clock.after(delayMs, () => {
      this.#waiting.delete(id);
      const run = this.#run(event).finally(() => this.#running.delete(run));
      this.#running.add(run);
    });
    this.#waiting.set(id, { timer, dueMs });
  }

  async #run(event: QueuedEvent): Promise<void> {
    const slot = await this.#options.slots
      .take(event.functionName, this.#stopped.signal)
      .catch(() => undefined);
    if (!slot) return;
    let result: InvocationResult | undefined;
    let inLoop = false;
    try {
      result = await this.#options.invoke(event.functionName, event.payload, event.traceHeader);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      inLoop = error.code === 'RecursiveInvocationException';
    } finally {
      slot.release();
    }
    // Cut off by the end of the cloud: the event stays stored, and runs again in the next run.
    if (this.#stopped.signal.aborted && result?.functionError) return;
    const delaySeconds = inLoop ? undefined : this.#again(event, result);
    if (delaySeconds === undefined)
      this.#context.store.transaction(() => {
        if (!result || result.functionError) this.#giveUp(event, result, inLoop);
        this.#forget(event);
      });
    else if (!this.#stopped.signal.aborted) this.#schedule(event, delaySeconds * 1000);
  }

  /** Seconds until the event runs again; `undefined` when it is done or given up. */
  #again(event: QueuedEvent, result: InvocationResult | undefined): number | undefined {
    if (!result) return this.#afterThrottle(event);
    return result.functionError ? this.#afterFailure(event) : undefined;
  }

  #afterFailure(event: QueuedEvent): number | undefined {
    const delaySeconds = RETRY_DELAYS_SECONDS[event.failures];
    if (event.failures++ >= this.#options.settingsOf(event.functionName).maximumRetryAttempts)
      return undefined;
    return this.#unlessTooOld(event, delaySeconds);
  }

  #afterThrottle(event: QueuedEvent): number | undefined {
    const { first, longest } = THROTTLE_BACKOFF_SECONDS;
    return this.#unlessTooOld(event, Math.min(first * 2 ** event.throttles++, longest));
  }

  #unlessTooOld(event: QueuedEvent, delaySeconds: number | undefined): number | undefined {
    if (delaySeconds === undefined) return undefined;
    const ageSeconds = (this.#context.clock.now() - event.acceptedMs) / 1000 + delaySeconds;
    return ageSeconds > this.#options.settingsOf(event.functionName).maximumEventAgeSeconds
      ? undefined
      : delaySeconds;
  }

  #giveUp(event: QueuedEvent, result: InvocationResult | undefined, inLoop: boolean): void {
    const { onFailure, maximumRetryAttempts } = this.#options.settingsOf(event.functionName);
    if (onFailure === undefined) return;
    const { region, accountId, clock } = this.#context;
    const record = failureRecord({
      requestId: event.id,
      functionArn: `arn:aws:lambda:${region}:${accountId}:function:${event.functionName}`,
      payload: event.payload,
      failures: event.failures,
      // AWS documents no condition of its own for an event that a loop was stopped at.
      retriesExhausted: inLoop || event.failures > maximumRetryAttempts,
      result,
      atMs: clock.now(),
    });
    try {
      this.#options.queues.send(onFailure, { MessageBody: record });
    } catch (error) {
      // A queue that is gone: as on AWS, the event is gone too.
      if (!(error instanceof AwsError)) throw error;
    }
  }

  #forget({ id }: QueuedEvent): void {
    this.#context.store.db.prepare('DELETE FROM lambda_events WHERE id = ?').run(id);
  }
}
