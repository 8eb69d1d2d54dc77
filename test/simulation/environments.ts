import type { Context } from 'aws-lambda';
import type { Fault } from './faults.ts';
import type { Version } from './jobs.ts';
import { type Process, runIn } from './virtual-time.ts';
import type { World } from './world.ts';

/** Of environments that could be used again, as many are new: they come and go. */
const FRESH_SHARE = 0.1;

// biome-ignore lint/suspicious/noExplicitAny: each function has an event of its own
export type Handler = (event: any, context: Context) => Promise<unknown>;

export interface Environment extends Process {
  readonly number: number;
  readonly functionName: string;
  readonly version: Version;
  readonly handler: Handler;
  /** Ends the invocation under way as Lambda reports a death. */
  died?: (cause: string) => void;
}

/** How an invocation came out. */
export type InvocationEnd =
  | { readonly answer: unknown }
  | { readonly thrown: unknown }
  | { readonly died: string };

export interface InvocationOptions {
  readonly timeoutMs: number;
  /** Lambda does not end it at its timeout: it goes on after all others gave it up. */
  readonly outlives?: boolean;
  /** What befalls it. */
  readonly faults?: readonly Fault[];
}

/** Lambda's environments, which live, sleep, die and have clocks of their own. */
export class Environments {
  readonly #world: World;
  readonly #idle = new Map<string, Environment[]>();
  readonly #all: Environment[] = [];
  #requests = 0;
  /** Of the code that new environments run. */
  version: Version = 'old';

  constructor(world: World) {
    this.#world = world;
  }

  /** One that sleeps, or a new one. */
  take(functionName: string, handler: (version: Version) => Handler): Environment {
    const world = this.#world;
    const idle = this.#idle.get(functionName) ?? [];
    this.#idle.set(functionName, idle);
    const usable = idle.findIndex(({ version }) => version === this.version || world.random() < 0.5);
    const found = world.random() < FRESH_SHARE ? undefined : idle.splice(usable, usable < 0 ? 0 : 1)[0];
    if (found) {
      world.clock.thaw(found);
      return found;
    }
    const number = this.#all.length;
    const [skew] = world.plan.of('environment', number);
    if (skew) world.plan.strike(skew);
    const { version } = this;
    const made: Environment = {
      name: `${functionName} environment ${number}`,
      number,
      functionName,
      version,
      handler: handler(version),
      skewMs: skew?.ms ?? 0,
      state: 'running',
      held: [],
    };
    this.#all.push(made);
    return made;
  }

  invoke(
    environment: Environment,
    event: unknown,
    { timeoutMs, outlives = false, faults = [] }: InvocationOptions,
  ): Promise<InvocationEnd> {
    const { clock } = this.#world;
    const endMs = clock.now() + timeoutMs;
    const { promise, resolve } = Promise.withResolvers<InvocationEnd>();
    const timeout = clock.after(timeoutMs, () => {
      if (!outlives) this.kill(environment, 'timed out');
    });
    environment.died = (cause) => {
      timeout.cancel();
      this.#world.invocations.delete(environment);
      resolve({ died: cause });
    };
    this.#befall(environment, faults);
    const requestId = `request-${++this.#requests}`;
    const context = contextOf(environment.functionName, requestId, () => endMs - clock.now());
    const ended = (end: InvocationEnd) => {
      timeout.cancel();
      this.#sleep(environment);
      resolve(end);
    };
    runIn(environment, () => environment.handler(event, context)).then(
      (answer) => ended({ answer }),
      (thrown) => ended({ thrown }),
    );
    return promise;
  }

  kill(process: Process, cause = 'killed'): void {
    const environment = process as Environment;
    if (environment.state === 'dead') return;
    environment.state = 'dead';
    environment.held = [];
    this.#world.trace(`${environment.name} dies: ${cause}`);
    environment.died?.(cause);
  }

  /** Sets an environment's clock forth or back. */
  step(number: number, ms: number): boolean {
    const environment = this.#all[number];
    if (environment) environment.skewMs += ms;
    return environment !== undefined;
  }

  #befall(environment: Environment, faults: readonly Fault[]): void {
    const { clock } = this.#world;
    const { died } = environment;
    // By then another invocation may be under way here.
    const still = () => environment.died === died && environment.state !== 'dead';
    for (const { kind, ms = 0, atMs = 0 } of faults) {
      if (kind === 'crash-in-between' || kind === 'stage-crash')
        clock.after(ms, () => still() && this.kill(environment, 'crash in between'));
      if (kind === 'frozen' || kind === 'outlives' || kind === 'stage-frozen' || kind === 'stage-outlives')
        clock.after(atMs, () => {
          if (!still() || environment.state !== 'running') return;
          environment.state = 'frozen';
          clock.after(ms, () => still() && clock.thaw(environment));
        });
    }
  }

  /** After its answer an environment is frozen, with whatever an abandoned handler left in it. */
  #sleep(environment: Environment): void {
    environment.state = 'frozen';
    delete environment.died;
    this.#world.invocations.delete(environment);
    this.#idle.get(environment.functionName)?.push(environment);
  }
}

function contextOf(functionName: string, awsRequestId: string, leftMs: () => number): Context {
  return {
    awsRequestId,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: '256',
    logGroupName: functionName,
    logStreamName: functionName,
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: leftMs,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}
