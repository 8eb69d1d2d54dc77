import { randomUUID } from 'node:crypto';
import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { Ending, Environment } from './environment.ts';
import type { FairSlots, Slot } from './fair-slots.ts';
import type { FunctionConfiguration } from './function-configuration.ts';
import {
  type InvocationRequest,
  type InvocationResult,
  type LogLine,
  PAYLOAD_LIMIT_BYTES,
} from './invocation.ts';
import { isLoop, traceHeader } from './lineage.ts';
import { endLines, startLines } from './platform-log.ts';
import type { WarmEnvironments } from './warm-environments.ts';

/** LogType Tail gives the last 4 KB. */
const LOG_TAIL_BYTES = 4096;

/** A datum of the namespace AWS/Lambda. */
export interface LambdaMetric {
  readonly namespace: 'AWS/Lambda';
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
  readonly unit: string;
  readonly atMs: number;
}

export interface InvokerOptions {
  readonly onLog?: ((line: LogLine) => void) | undefined;
  readonly onMetric?: ((metric: LambdaMetric) => void) | undefined;
}

export interface RunOptions extends Omit<Partial<InvocationRequest>, 'payload'> {
  /** Of which it takes one once the function's own concurrency lets it run. @default the caller has one */
  readonly slots?: FairSlots | undefined;
}

/** Runs invocations in environments, and keeps log, metrics and reserved concurrency. */
export class Invoker {
  readonly #context: CloudContext;
  readonly #environments: WarmEnvironments;
  readonly #options: InvokerOptions;
  /** At most so many invocations of a function at a time; absent without a bound, 0 lets none through. */
  readonly reservedConcurrency = new Map<string, number>();
  readonly #running = new Map<string, number>();
  /** The log lines of the invocation that runs in each environment. */
  readonly #tails = new Map<Environment, string[]>();
  #runningCount = 0;

  constructor(context: CloudContext, environments: WarmEnvironments, options: InvokerOptions) {
    this.#context = context;
    this.#environments = environments;
    this.#options = options;
  }

  get running(): number {
    return this.#runningCount;
  }

  runningOf(functionName: string): number {
    return this.#running.get(functionName) ?? 0;
  }

  /**
   * @throws AwsError `TooManyRequestsException` when the function's reserved concurrency is used up; `RecursiveInvocationException` when the
   * event's chain of requests has invoked it too often
   */
  async invoke(
    configuration: FunctionConfiguration,
    payload: string,
    { clientContext, requestId = randomUUID(), slots, traceHeader: came }: RunOptions = {},
  ): Promise<InvocationResult> {
    const { name, arn, recursiveLoop } = configuration;
    if (recursiveLoop === 'Terminate' && isLoop(came, arn)) {
      this.#measure(name, 'RecursiveInvocationsDropped', 1, 'Count');
      throw new AwsError(
        'RecursiveInvocationException',
        `Lambda has detected that ${arn} is invoked in a recursive loop, and stopped it.`,
        400,
        { Type: 'User' },
      );
    }
    if (this.runningOf(name) >= (this.reservedConcurrency.get(name) ?? Number.POSITIVE_INFINITY)) {
      this.#measure(name, 'Throttles', 1, 'Count');
      throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429, {
        Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
        Type: 'User',
      });
    }
    const release = this.#context.clock.hold();
    this.#count(name, 1);
    let slot: Slot | undefined;
    try {
      slot = await slots?.take(name);
      const told = traceHeader(came, arn, this.#context.clock.now());
      return await this.#run(configuration, { requestId, payload, clientContext, traceHeader: told });
    } finally {
      slot?.release();
      this.#count(name, -1);
      release();
    }
  }

  /** What an environment prints. */
  line(environment: Environment, line: string): void {
    this.#tails.get(environment)?.push(line);
    const { name, logging } = environment.configuration;
    this.#options.onLog?.({
      functionName: name,
      logGroup: logging.group,
      logStream: environment.logStream,
      line,
      atMs: this.#context.clock.now(),
    });
  }

  async #run(
    configuration: FunctionConfiguration,
    request: Parameters<Environment['invoke']>[0],
  ): Promise<InvocationResult> {
    const { clock } = this.#context;
    const { requestId } = request;
    const environment = this.#environments.take(configuration);
    const cold = environment.initMs === undefined;
    this.#tails.set(environment, []);
    for (const line of startLines(configuration, requestId, clock.now())) this.line(environment, line);
    const { durationMs, ...result } = await environment.invoke(request);
    const ending = limited(result);
    const initMs = cold ? environment.initMs : undefined;
    const timedOut = 'error' in ending && ending.timedOut;
    const status = 'payload' in ending ? 'success' : timedOut ? 'timeout' : 'error';
    if (timedOut)
      this.line(
        environment,
        `${new Date(clock.now()).toISOString()} ${requestId} ${taskTimedOut(configuration)}`,
      );
    const report = { requestId, durationMs, initMs, usedBytes: ending.usedBytes, status } as const;
    for (const line of endLines(configuration, report, clock.now())) this.line(environment, line);
    this.#measure(configuration.name, 'Invocations', 1, 'Count');
    this.#measure(configuration.name, 'Errors', status === 'success' ? 0 : 1, 'Count');
    this.#measure(configuration.name, 'Duration', durationMs, 'Milliseconds');
    const tail = this.#tails.get(environment) ?? [];
    this.#tails.delete(environment);
    this.#environments.giveBack(environment);
    return {
      requestId,
      payload: 'payload' in ending ? ending.payload : JSON.stringify(ending.error),
      functionError: status === 'success' ? undefined : 'Unhandled',
      logTail: tail.join('\n').slice(-LOG_TAIL_BYTES),
      durationMs,
    };
  }

  #count(name: string, change: 1 | -1): void {
    this.#runningCount += change;
    this.#running.set(name, this.runningOf(name) + change);
    if (change === 1) this.#measure(name, 'ConcurrentExecutions', this.runningOf(name), 'Count');
  }

  #measure(functionName: string, metricName: string, value: number, unit: string): void {
    this.#options.onMetric?.({
      namespace: 'AWS/Lambda',
      metricName,
      dimensions: { FunctionName: functionName },
      value,
      unit,
      atMs: this.#context.clock.now(),
    });
  }
}

function taskTimedOut({ timeoutSeconds }: FunctionConfiguration): string {
  return `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`;
}

function limited(ending: Ending): Ending {
  if (!('payload' in ending) || Buffer.byteLength(ending.payload) <= PAYLOAD_LIMIT_BYTES) return ending;
  return {
    error: {
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: `Response payload size exceeded maximum allowed payload size (${PAYLOAD_LIMIT_BYTES} bytes).`,
    },
    usedBytes: ending.usedBytes,
    timedOut: false,
  };
}
