import type { Context, SQSEvent } from 'aws-lambda';
import { AwsError } from '../../local/kernel/errors.ts';
import { FairSlots } from '../../local/lambda/fair-slots.ts';
import type { InvocationResult } from '../../local/lambda/invocation.ts';
import { Mapping } from '../../local/lambda/mapping.ts';
import type { MappingConfiguration } from '../../local/lambda/mapping-configuration.ts';
import { consume, type SqsHandler } from '../../shared/consumer/index.ts';
import { functionTimeoutSeconds } from '../../shared/jobs/define-job.ts';
import type { Fault } from './faults.ts';
import { contractOf, handlerOf, type Payload, type Version } from './jobs.ts';
import { type SimulatedType, TYPES } from './scenario.ts';
import { type Process, runIn } from './virtual-time.ts';
import type { World } from './world.ts';

/** More than all mappings together run. */
const SLOTS = 100;
/** Of environments that could be used again, as many are new: they come and go. */
const FRESH_SHARE = 0.1;

interface Environment extends Process {
  readonly number: number;
  readonly version: Version;
  readonly handler: SqsHandler;
  busy: boolean;
  /** Ends the invocation under way as Lambda reports a death. */
  died?: (cause: string) => void;
}

/** Lambda: the local cloud's own mapping of queue to function, and environments that live, sleep, die and have clocks of their own. */
export class SimulatedLambda {
  readonly mappings = new Map<SimulatedType, Mapping>();
  readonly #world: World;
  readonly #idle = new Map<SimulatedType, Environment[]>();
  readonly #environments: Environment[] = [];
  readonly #throttledUntilMs = new Map<SimulatedType, number>();
  readonly #jobByHandle = new Map<string, string>();
  #requests = 0;
  version: Version = 'old';

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    const slots = new FairSlots(SLOTS);
    const { cloud } = this.#world;
    for (const type of TYPES) {
      const job = contractOf(type, 'old');
      const mapping = new Mapping(
        {
          uuid: type,
          functionName: type,
          queueArn: cloud.sqs.arnOf(type),
          batchSize: job.batchSize,
          windowSeconds: 0,
          reportsItemFailures: true,
          maximumConcurrency: job.maxConcurrency,
          enabled: true,
        },
        {
          context: cloud.context,
          slots,
          queues: {
            attributes: (arn) => cloud.sqs.attributes(arn),
            receive: (arn, options) => cloud.sqs.receive(arn, options),
            changeVisibility: (arn, handle, seconds) => cloud.sqs.changeVisibility(arn, handle, seconds),
            deleteMessages: (arn, handles) => this.#delete(arn, handles),
          },
          invoke: (_, payload) => this.#invoke(type, payload),
        },
      );
      this.mappings.set(type, mapping);
      mapping.start();
    }
  }

  /** What runs will never end: time stands still. */
  async stop(): Promise<void> {
    for (const mapping of this.mappings.values()) void mapping.stop();
    await new Promise((turn) => setImmediate(turn));
  }

  throttle(type: SimulatedType, ms: number): void {
    this.#throttledUntilMs.set(type, this.#world.clock.now() + ms);
  }

  /** Disables the mapping for a while; each of both takes effect late. */
  pause(type: SimulatedType, ms: number): void {
    this.#enable(type, false);
    this.#world.clock.after(ms, () => this.#enable(type, true));
  }

  /** Sets an environment's clock forth or back. */
  step(number: number, ms: number): boolean {
    const environment = this.#environments[number];
    if (environment) environment.skewMs += ms;
    return environment !== undefined;
  }

  kill(process: Process, cause = 'killed'): void {
    const environment = process as Environment;
    if (environment.state === 'dead') return;
    environment.state = 'dead';
    environment.held = [];
    this.#world.trace(`${environment.name} dies: ${cause}`);
    environment.died?.(cause);
  }

  #enable(type: SimulatedType, enabled: boolean): void {
    const mapping = this.mappings.get(type) as Mapping;
    const settled = () => mapping.state === 'Enabled' || mapping.state === 'Disabled';
    if (!settled()) {
      this.#world.clock.after(1000, () => this.#enable(type, enabled));
      return;
    }
    const configuration: MappingConfiguration = { ...mapping.configuration, enabled };
    mapping.update(configuration);
  }

  async #invoke(type: SimulatedType, payload: string): Promise<InvocationResult> {
    const world = this.#world;
    if (world.clock.now() < (this.#throttledUntilMs.get(type) ?? 0))
      throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
    const event = JSON.parse(payload) as SQSEvent;
    const ids = event.Records.map(({ messageId }) => messageId);
    const jobs = ids.map((id) => world.messages.jobOf(id) ?? '');
    for (const [index, { receiptHandle }] of event.Records.entries())
      this.#jobByHandle.set(receiptHandle, jobs[index] as string);
    const faults = jobs.flatMap((job) => world.plan.at('invocation', job));
    if (faults.some(({ kind }) => kind === 'invocation-lost')) {
      world.trace(`an invocation with ${jobs.join(', ')} is lost`);
      return { requestId: 'none', payload: 'null', functionError: 'Unhandled', logTail: '', durationMs: 0 };
    }
    const environment = this.#environment(type);
    const requestId = `request-${++this.#requests}`;
    world.trace(`${environment.name} is invoked with ${jobs.join(', ')}`);
    const endMs = world.clock.now() + functionTimeoutSeconds(contractOf(type, 'old')) * 1000;
    const { promise, resolve } = Promise.withResolvers<InvocationResult>();
    const result = (body: unknown, functionError: InvocationResult['functionError']): InvocationResult => ({
      requestId,
      payload: JSON.stringify(body),
      functionError,
      logTail: '',
      durationMs: 0,
    });
    const timeout = world.clock.after(endMs - world.clock.now(), () => this.kill(environment, 'timed out'));
    environment.died = (cause) => {
      timeout.cancel();
      world.invocations.delete(environment);
      resolve(result({ errorMessage: cause }, 'Unhandled'));
    };
    world.invocations.set(environment, {
      jobs,
      version: environment.version,
      beganMs: Math.floor(world.clock.now()) + environment.skewMs,
    });
    this.#befall(environment, faults);
    runIn(environment, () =>
      environment.handler(
        event,
        contextOf(type, requestId, () => endMs - world.clock.now()),
      ),
    ).then(
      (response) => {
        timeout.cancel();
        this.#sleep(type, environment);
        const failed = new Set(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        world.messages.answered(ids);
        world.trace(`${environment.name} answers, ${failed.size} of ${ids.length} to come again`);
        resolve(result(response, undefined));
      },
      (error: Error) => {
        world.violate('no message fails its batch', `${environment.name} threw ${error.stack}`);
        this.kill(environment);
      },
    );
    return promise;
  }

  /** Faults that are set by invocation. */
  #befall(environment: Environment, faults: readonly Fault[]): void {
    const { clock } = this.#world;
    const { died } = environment;
    for (const fault of faults) {
      // By then another invocation may be under way here.
      const still = () => environment.died === died && environment.state !== 'dead';
      if (fault.kind === 'crash-in-between')
        clock.after(fault.ms ?? 0, () => still() && this.kill(environment, 'crash in between'));
      if (fault.kind === 'frozen')
        clock.after(fault.atMs ?? 0, () => {
          if (!still() || environment.state !== 'running') return;
          environment.state = 'frozen';
          clock.after(fault.ms ?? 0, () => still() && clock.thaw(environment));
        });
    }
  }

  /** After its answer an environment is frozen, with whatever an abandoned handler left in it. */
  #sleep(type: SimulatedType, environment: Environment): void {
    environment.busy = false;
    environment.state = 'frozen';
    delete environment.died;
    this.#world.invocations.delete(environment);
    this.#idle.get(type)?.push(environment);
  }

  #environment(type: SimulatedType): Environment {
    const world = this.#world;
    const idle = this.#idle.get(type) ?? [];
    this.#idle.set(type, idle);
    const usable = idle.findIndex(({ version }) => version === this.version || world.random() < 0.5);
    const found = world.random() < FRESH_SHARE ? undefined : idle.splice(usable, usable < 0 ? 0 : 1)[0];
    if (found) {
      found.busy = true;
      world.clock.thaw(found);
      return found;
    }
    const number = this.#environments.length;
    const [skew] = world.plan.of('environment', number);
    if (skew) world.plan.strike(skew);
    const { version } = this;
    const made: Environment = {
      name: `${type} environment ${number}`,
      number,
      version,
      handler: consume<Payload>(contractOf(type, version), handlerOf(type, world), world.runtimeOf(type)),
      skewMs: skew?.ms ?? 0,
      state: 'running',
      held: [],
      busy: true,
    };
    this.#environments.push(made);
    return made;
  }

  #delete(queueArn: string, handles: readonly string[]): void {
    const { cloud, plan } = this.#world;
    const faults = handles.flatMap((handle) => plan.at('deletion', this.#jobByHandle.get(handle)));
    if (faults.length > 0) throw new AwsError('InternalError', 'The simulation refuses to delete.', 500);
    cloud.sqs.deleteMessages(queueArn, handles);
  }
}

function contextOf(type: SimulatedType, awsRequestId: string, leftMs: () => number): Context {
  return {
    awsRequestId,
    functionName: type,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${type}`,
    memoryLimitInMB: '256',
    logGroupName: type,
    logStreamName: type,
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: leftMs,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}
