import { randomBytes, randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { RunningClock } from '../kernel/clock.ts';
import type { FunctionConfiguration } from './function-configuration.ts';
import type { EnvironmentFault } from './function-faults.ts';
import { exitError, type InvocationRequest, timeoutError } from './invocation.ts';
import type { EnvironmentData, InvocationMessage, ReportedError, ThreadMessage } from './runtime/protocol.ts';
import { runtimeProgram } from './runtime-program.ts';

/** Lambda gives the init phase ten seconds of its own. */
const INIT_TIMEOUT_SECONDS = 10;
/**
 * What a thread may fill with garbage before it is collected. V8's own 48 MB makes eight busy threads hold 400 MB more, and
 * no job faster (`npm run bench:local`).
 */
const YOUNG_GENERATION_MB = 6;

/** What an environment is told about the cloud that it is in. */
export interface EnvironmentHost {
  readonly clock: RunningClock;
  readonly region: string;
  readonly endpoint: () => string;
  readonly onLine: (environment: Environment, line: string) => void;
  readonly faultOf: (configuration: FunctionConfiguration) => EnvironmentFault | undefined;
}

export type Ending =
  | { readonly payload: string; readonly usedBytes: number }
  | { readonly error: ReportedError; readonly usedBytes: number; readonly timedOut: boolean };

/**
 * One execution environment: a thread with the function's code in it, that serves one invocation at a time and is frozen
 * in between. Killing it is a real crash, wherever the code is.
 */
export class Environment {
  readonly configuration: FunctionConfiguration;
  /** Every environment signs with a key of its own, so that the cloud can tell who calls. */
  readonly accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`;
  readonly logStream: string;
  /** The time from the start of the thread to the end of its init phase; `undefined` before. */
  initMs: number | undefined;
  readonly #host: EnvironmentHost;
  readonly #thread: Worker;
  readonly #skew = new Float64Array(new SharedArrayBuffer(8));
  readonly #startError: string | undefined;
  readonly #wakeUps = new Int32Array(new SharedArrayBuffer(4));
  readonly #loaded: Promise<void>;
  #dead = false;
  #death: ReportedError | undefined;
  #requestId = '';
  #finish: ((ending: Ending) => void) | undefined;

  constructor(configuration: FunctionConfiguration, host: EnvironmentHost) {
    this.configuration = configuration;
    this.#host = host;
    const { skewSeconds = 0, startError } = host.faultOf(configuration) ?? {};
    this.skewSeconds = skewSeconds;
    this.#startError = startError;
    const startedMs = host.clock.now();
    const day = new Date(startedMs).toISOString().slice(0, 10).replaceAll('-', '/');
    this.logStream = `${day}/[$LATEST]${randomUUID().replaceAll('-', '')}`;
    this.#thread = new Worker(runtimeProgram(), {
      eval: true,
      name: configuration.name.slice(0, 32),
      env: this.#variables(),
      // Reading a bundle's source map costs memory; as on Lambda, the function says whether it wants it.
      execArgv: sourceMapsWanted(configuration) ? ['--enable-source-maps'] : [],
      workerData: this.#data(),
      resourceLimits: {
        // Beyond this the thread alone is ended, as the kernel ends a process on Lambda. Buffers lie outside the heap.
        maxOldGenerationSizeMb: configuration.memoryMb,
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      },
    });
    this.#loaded = new Promise((loaded) => {
      this.#thread.on('message', (message: ThreadMessage) => {
        if (message.type === 'ready') {
          this.initMs = host.clock.now() - startedMs;
          loaded();
        } else this.#receive(message);
      });
    });
    this.#thread.on('error', (error: NodeJS.ErrnoException) => {
      this.#death ??= exitError(
        this.#requestId,
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? 'with error: signal: killed'
          : `with error: ${error.message}`,
      );
    });
    this.#thread.on('exit', (code) => {
      this.#dead = true;
      const cause = code === 0 ? 'without providing a reason' : `with error: exit status ${code}`;
      this.#fail(this.#death ?? exitError(this.#requestId, cause));
    });
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** How far the environment's `Date` is ahead of the cloud's clock, below zero behind it; may change at any time. @default 0 */
  get skewSeconds(): number {
    return (this.#skew[0] ?? 0) / 1000;
  }

  set skewSeconds(seconds: number) {
    this.#skew[0] = seconds * 1000;
  }

  /** Runs one invocation to its end, whichever it is. */
  async invoke(
    request: InvocationRequest & { readonly traceHeader: string },
  ): Promise<Ending & { readonly durationMs: number }> {
    this.#requestId = request.requestId;
    const ended = new Promise<Ending>((finish) => {
      this.#finish = finish;
    });
    if (this.#dead) return { ...this.#deathBefore(request), durationMs: 0 };
    const { timeoutSeconds } = this.configuration;
    const initTimer = this.#after(INIT_TIMEOUT_SECONDS + timeoutSeconds);
    await Promise.race([this.#loaded, ended]);
    initTimer.cancel();
    if (this.initMs === undefined) return { ...(await ended), durationMs: 0 };
    const startedMs = this.#host.clock.now();
    const deadlineMs = startedMs + timeoutSeconds * 1000;
    const timer = this.#after(timeoutSeconds);
    this.#thread.postMessage({
      ...request,
      // The deadline is told by the same clock that the code reads.
      deadlineMs: deadlineMs + this.skewSeconds * 1000,
    } satisfies InvocationMessage);
    Atomics.add(this.#wakeUps, 0, 1);
    Atomics.notify(this.#wakeUps, 0);
    const ending = await ended;
    timer.cancel();
    return { ...ending, durationMs: this.#host.clock.now() - startedMs };
  }

  /** Ends the thread wherever it is; an invocation that runs in it ends with a `Runtime.ExitError`. */
  async kill(): Promise<void> {
    this.#dead = true;
    this.#death ??= exitError(this.#requestId, 'with error: signal: killed');
    await this.#thread.terminate();
  }

  #receive(message: Exclude<ThreadMessage, { type: 'ready' }>): void {
    if (message.type === 'line') this.#host.onLine(this, message.text);
    else if (message.type === 'fatal') this.#death = message.error;
    else if (message.error) this.#fail(message.error, { usedBytes: message.usedBytes });
    else this.#finish?.({ payload: message.payload ?? 'null', usedBytes: message.usedBytes });
  }

  #fail(error: ReportedError, { timedOut = false, usedBytes = 0 } = {}): void {
    this.#finish?.({ error, usedBytes, timedOut });
  }

  /** The environment was lost while it was frozen; nothing of this invocation ran. */
  #deathBefore({ requestId }: InvocationRequest): Ending {
    const error = this.#death ?? exitError(requestId, 'without providing a reason');
    return { error, usedBytes: 0, timedOut: false };
  }

  #after(seconds: number) {
    return this.#host.clock.after(seconds * 1000, () => {
      this.#fail(timeoutError(this.#requestId, this.configuration.timeoutSeconds), { timedOut: true });
      void this.kill();
    });
  }

  #data(): EnvironmentData {
    const { codeDirectory, handler, name, arn, memoryMb, logging } = this.configuration;
    return {
      clock: this.#host.clock.shared,
      skew: this.#skew.buffer as SharedArrayBuffer,
      startError: this.#startError,
      wakeUps: this.#wakeUps.buffer as SharedArrayBuffer,
      taskRoot: codeDirectory,
      handler,
      functionName: name,
      functionArn: arn,
      memoryMb,
      logGroup: logging.group,
      logStream: this.logStream,
      logFormat: logging.format,
      applicationLogLevel: logging.applicationLevel,
    };
  }

  /** The function's own variables and Lambda's; nothing of this process's, above all no credentials. */
  #variables(): Record<string, string> {
    const { name, memoryMb, logging, handler, codeDirectory, runtime, environment } = this.configuration;
    return {
      AWS_ENDPOINT_URL: this.#host.endpoint(),
      ...environment,
      _HANDLER: handler,
      AWS_ACCESS_KEY_ID: this.accessKeyId,
      AWS_DEFAULT_REGION: this.#host.region,
      AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_FORMAT: logging.format,
      AWS_LAMBDA_LOG_GROUP_NAME: logging.group,
      AWS_LAMBDA_LOG_STREAM_NAME: this.logStream,
      ...(logging.format === 'JSON' && { AWS_LAMBDA_LOG_LEVEL: logging.applicationLevel }),
      AWS_REGION: this.#host.region,
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_SESSION_TOKEN: 'local',
      LAMBDA_TASK_ROOT: codeDirectory,
      LANG: 'en_US.UTF-8',
      TZ: ':UTC',
    };
  }
}

function sourceMapsWanted({ environment }: FunctionConfiguration): boolean {
  return environment.NODE_OPTIONS?.includes('--enable-source-maps') ?? false;
}
