import type { PolicyStatement } from '../iam/policy.ts';
import { type Clock, RunningClock } from '../kernel/clock.ts';
import { AwsError, LocalCloudError } from '../kernel/errors.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import type { Sqs } from '../sqs/index.ts';
import { handleRequest } from './api.ts';
import {
  AsyncInvocations,
  DEFAULT_EVENT_INVOKE,
  type EventInvokeConfiguration,
} from './async-invocations.ts';
import type { Environment } from './environment.ts';
import { FairSlots } from './fair-slots.ts';
import type { FunctionConfiguration } from './function-configuration.ts';
import type { FunctionFaults } from './function-faults.ts';
import { checkFunction } from './function-limits.ts';
import { FunctionUrls } from './function-urls.ts';
import { checkPayloadSize, type InvocationRequest, type InvocationResult } from './invocation.ts';
import { Invoker, type InvokerOptions } from './invoker.ts';
import { KeptChanges } from './kept-changes.ts';
import { Mapping } from './mapping.ts';
import { checked, functionNameOf, invalid, type MappingConfiguration } from './mapping-configuration.ts';
import type { QueueSource } from './mapping-host.ts';
import type { FunctionPermission } from './permissions.ts';
import { lambdaProviders } from './providers.ts';
import { WarmEnvironments } from './warm-environments.ts';

/** Threads for invocations that mappings and events start; each holds some 10 MB and the function's own memory. */
const DEFAULT_MAX_WORKERS = 8;
/** Lambda keeps an idle environment for minutes; here each is a thread's memory. */
const DEFAULT_IDLE_SECONDS = 30;
/**
 * Kept warm for each invocation that may run: with fewer, an app's functions that take turns end each other's, and a cold start takes a third of a second
 * of this machine's processor.
 */
const ENVIRONMENTS_A_WORKER = 4;
/** How long a running invocation may go on when the cloud stops. */
const STOP_GRACE_SECONDS = 5;

export interface LambdaOptions extends InvokerOptions {
  readonly sqs: QueueSource & Pick<Sqs, 'send'>;
  /** How many invocations run at a time. @default 8 */
  readonly maxWorkers?: number | undefined;
  /** Real seconds until an idle environment is ended. @default 30 */
  readonly idleSeconds?: number | undefined;
}

export interface InvokeOptions extends Omit<Partial<InvocationRequest>, 'payload'> {
  readonly callerKeyId?: string | undefined;
  /** By a function URL. @default false */
  readonly viaUrl?: boolean;
}

export class Lambda implements Service {
  readonly signingName = 'lambda';
  readonly functions = new Map<string, FunctionConfiguration>();
  /** By UUID. */
  readonly mappings = new Map<string, Mapping>();
  readonly eventInvokes = new Map<string, EventInvokeConfiguration>();
  /** By the id of the permission. */
  readonly permissions = new Map<string, FunctionPermission>();
  readonly context: CloudContext;
  /** The function URLs. */
  readonly open: FunctionUrls;
  /** For the fault room. */
  faults: FunctionFaults = {};
  readonly #queues: QueueSource;
  readonly #slots: FairSlots;
  /** Of function URLs: a function that calls one holds one of the others while it waits. */
  readonly #urlSlots: FairSlots;
  readonly #environments: WarmEnvironments;
  readonly #invoker: Invoker;
  readonly #events: AsyncInvocations;
  readonly #changes: KeptChanges;
  readonly #deployed = new Map<string, unknown>();
  #started = false;

  constructor(context: CloudContext, options: LambdaOptions) {
    const { maxWorkers = DEFAULT_MAX_WORKERS, idleSeconds = DEFAULT_IDLE_SECONDS } = options;
    this.context = context;
    this.#queues = options.sqs;
    this.#slots = new FairSlots(maxWorkers);
    this.#urlSlots = new FairSlots(maxWorkers);
    this.open = new FunctionUrls(this, options.onMetric);
    const host = {
      clock: runningClock(context.clock),
      region: context.region,
      endpoint: () => context.endpoint(),
      onLine: (environment: Environment, line: string) => this.#invoker.line(environment, line),
      faultOf: (configuration: FunctionConfiguration) => this.faults.start?.(configuration),
    };
    this.#environments = new WarmEnvironments(host, ENVIRONMENTS_A_WORKER * maxWorkers, idleSeconds);
    this.#invoker = new Invoker(context, this.#environments, options);
    this.#events = new AsyncInvocations(context, {
      slots: this.#slots,
      queues: options.sqs,
      invoke: (name, payload, traceHeader) =>
        this.#invoker.invoke(this.function(name), payload, { traceHeader }),
      settingsOf: (name) => this.eventInvokes.get(name) ?? DEFAULT_EVENT_INVOKE,
    });
    this.#changes = new KeptChanges(context.store);
  }

  handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleRequest(this, request);
  }

  providers(): readonly ResourceProvider[] {
    return lambdaProviders(this);
  }

  start(): void {
    this.#started = true;
    this.#events.start();
    for (const mapping of this.mappings.values()) mapping.start();
  }

  /** Takes no more work; what runs may end within the grace, then it is killed. */
  async stop(): Promise<void> {
    const finished = Promise.all([
      ...[...this.mappings.values()].map((mapping) => mapping.stop()),
      this.#events.stop(),
    ]);
    const grace = this.context.clock.after(STOP_GRACE_SECONDS * 1000, () => void this.#environments.kill());
    await finished;
    grace.cancel();
    await this.#environments.kill();
  }

  /** Invocations that run. */
  get running(): number {
    return this.#invoker.running;
  }

  /** Something runs, or is in a mapping's hands and will. */
  get busy(): boolean {
    return (
      this.#invoker.running > 0 ||
      this.#slots.waiting > 0 ||
      this.#urlSlots.waiting > 0 ||
      this.#events.due > 0 ||
      [...this.mappings.values()].some((mapping) => mapping.busy)
    );
  }

  /** Events of asynchronous invocations that are not done; some may wait for a retry. */
  get pendingEvents(): number {
    return this.#events.pending;
  }

  /** When the next of them is due (cloud time, ms). */
  get nextEventMs(): number | undefined {
    return this.#events.nextMs;
  }

  /** Threads, busy and idle. */
  get environmentCount(): number {
    return this.#environments.size;
  }

  /** @throws AwsError `ResourceNotFoundException` */
  function(reference: string): FunctionConfiguration {
    const name = functionNameOf(reference);
    const configuration = this.functions.get(name);
    if (configuration) return configuration;
    const arn = `arn:aws:lambda:${this.context.region}:${this.context.accountId}:function:${name}`;
    throw new AwsError('ResourceNotFoundException', `Function not found: ${arn}`, 404, { Type: 'User' });
  }

  /** The function's own policy: which services may invoke it, and for which of their resources. */
  permissionsOf(reference: string): readonly PolicyStatement[] {
    const { name } = this.function(reference);
    return [...this.permissions.values()]
      .filter(({ functionName }) => functionName === name)
      .map(({ statement }) => statement);
  }

  /** @throws AwsError `ResourceNotFoundException` */
  mapping(uuid: string): Mapping {
    const mapping = this.mappings.get(uuid);
    if (mapping) return mapping;
    throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.', 404, {
      Type: 'User',
    });
  }

  /**
   * Runs a function to its end, as InvocationType RequestResponse. It waits for a free thread, unless the caller is itself a
   * function, which holds a thread while it waits.
   *
   * @throws AwsError `ResourceNotFoundException`, `TooManyRequestsException`, `RecursiveInvocationException`
   */
  async invoke(reference: string, payload: string, options: InvokeOptions = {}): Promise<InvocationResult> {
    const configuration = this.function(reference);
    const nested = options.callerKeyId !== undefined && this.environment(options.callerKeyId) !== undefined;
    const slots = options.viaUrl ? this.#urlSlots : this.#slots;
    return this.#invoker.invoke(configuration, payload, { ...options, slots: nested ? undefined : slots });
  }

  /**
   * Keeps the event and runs the function later, as InvocationType Event.
   *
   * @throws AwsError `ResourceNotFoundException`, `RequestTooLargeException`
   */
  invokeLater(reference: string, payload: string, traceHeader?: string): string {
    checkPayloadSize(Buffer.byteLength(payload), 'Event');
    return this.#events.accept(this.function(reference).name, payload, traceHeader);
  }

  /** The environment that signs with this access key. */
  environment(accessKeyId: string): Environment | undefined {
    return this.#environments.byAccessKeyId(accessKeyId);
  }

  /** The environments of a function, busy and idle. */
  environmentsOf(functionName: string): Environment[] {
    return this.#environments.all.filter(({ configuration }) => configuration.name === functionName);
  }

  /** Kills the environments of a function, busy and idle: a crash of each. */
  async killEnvironments(functionName: string): Promise<void> {
    await this.#environments.kill(({ configuration }) => configuration.name === functionName);
  }

  reservedConcurrency(name: string): number | undefined {
    return this.#invoker.reservedConcurrency.get(name);
  }

  /** @throws AwsError `InvalidParameterValueException` */
  deployFunction(configuration: FunctionConfiguration, reservedConcurrency: number | undefined): void {
    const { name } = configuration;
    checkFunction(configuration);
    this.#deployed.set(`function ${name}`, changeable(configuration));
    this.#deployed.set(`concurrency ${name}`, { reservedConcurrency });
    const kept = this.#changes.over(`function ${name}`, changeable(configuration));
    const concurrency = this.#changes.over(`concurrency ${name}`, { reservedConcurrency });
    const settings = { ...configuration, ...kept };
    checkFunction(settings);
    this.#replaceFunction(settings);
    this.#reserve(name, concurrency.reservedConcurrency);
  }

  /** @throws AwsError `InvalidParameterValueException` */
  updateFunction(configuration: FunctionConfiguration): void {
    checkFunction(configuration);
    const key = `function ${configuration.name}`;
    this.#changes.keep(key, this.#deployed.get(key), changeable(configuration));
    this.#replaceFunction(configuration);
  }

  /** `undefined` takes the bound away. */
  reserveConcurrency(name: string, reservedConcurrency: number | undefined): void {
    const key = `concurrency ${name}`;
    this.#changes.keep(key, this.#deployed.get(key), { reservedConcurrency });
    this.#reserve(name, reservedConcurrency);
  }

  /** @throws AwsError `InvalidParameterValueException`, as Lambda refuses a visibility timeout below the function's timeout */
  deployMapping(configuration: MappingConfiguration): void {
    const { timeoutSeconds } = this.function(configuration.functionName);
    const { visibilityTimeoutSeconds: visibilitySeconds } = this.#queues.attributes(configuration.queueArn);
    if (visibilitySeconds < timeoutSeconds)
      throw invalid(
        `Queue visibility timeout: ${visibilitySeconds} seconds is less than Function timeout: ${timeoutSeconds} seconds`,
      );
    const key = `mapping ${configuration.uuid}`;
    this.#deployed.set(key, configuration);
    const mapping = new Mapping(this.#changes.over(key, configuration), {
      context: this.context,
      queues: this.#queues,
      slots: this.#slots,
      invoke: async (functionName, payload, traceHeader) => {
        const result = await this.#invoker.invoke(this.function(functionName), payload, { traceHeader });
        return this.faults.answer?.(functionName, result) ?? result;
      },
    });
    this.mappings.set(configuration.uuid, mapping);
    if (this.#started) mapping.start();
  }

  /** @throws AwsError `InvalidParameterValueException`, `ResourceInUseException`; nothing is changed then */
  updateMapping(mapping: Mapping, changes: Partial<MappingConfiguration>): void {
    const configuration = checked({ ...mapping.configuration, ...changes });
    const key = `mapping ${configuration.uuid}`;
    mapping.update(configuration);
    this.#changes.keep(key, this.#deployed.get(key), configuration);
  }

  #replaceFunction(configuration: FunctionConfiguration): void {
    const old = this.functions.get(configuration.name);
    this.functions.set(configuration.name, configuration);
    if (old) this.#environments.retire(old);
  }

  #reserve(name: string, reservedConcurrency: number | undefined): void {
    if (reservedConcurrency === undefined) this.#invoker.reservedConcurrency.delete(name);
    else this.#invoker.reservedConcurrency.set(name, reservedConcurrency);
  }
}

/** What UpdateFunctionConfiguration and PutFunctionRecursionConfig change. */
function changeable(configuration: FunctionConfiguration) {
  const { description, environment, memoryMb, timeoutSeconds, recursiveLoop } = configuration;
  return { description, environment, memoryMb, timeoutSeconds, recursiveLoop };
}

function runningClock(clock: Clock): RunningClock {
  if (clock instanceof RunningClock) return clock;
  throw new LocalCloudError(
    'UNSUPPORTED_CLOCK',
    'Functions run in threads of their own, which can follow a RunningClock only.',
  );
}
