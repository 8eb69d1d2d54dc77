import { Environment, type EnvironmentHost } from './environment.ts';
import type { FunctionConfiguration } from './function-configuration.ts';

interface Idle {
  readonly environment: Environment;
  readonly reaper: NodeJS.Timeout;
}

/**
 * The environments of all functions. An idle one is reused by its own function, latest first, and ended after a while
 * without work, or sooner when its thread is wanted for another function.
 */
export class WarmEnvironments {
  readonly #host: EnvironmentHost;
  readonly #limit: number;
  readonly #idleSeconds: number;
  readonly #all = new Set<Environment>();
  /** Of settings that no longer hold, and still running. */
  readonly #retired = new WeakSet<Environment>();
  /** Latest used last. */
  #idle: Idle[] = [];

  constructor(host: EnvironmentHost, limit: number, idleSeconds: number) {
    this.#host = host;
    this.#limit = limit;
    this.#idleSeconds = idleSeconds;
  }

  /** An environment of the function, warm or new; the caller alone has it until it gives it back. */
  take(configuration: FunctionConfiguration): Environment {
    for (;;) {
      const at = this.#idle.findLastIndex(({ environment }) => environment.configuration === configuration);
      if (at < 0) break;
      const environment = this.#unpark(at);
      if (!environment.dead) return environment;
      this.#all.delete(environment);
    }
    if (this.#all.size >= this.#limit && this.#idle.length > 0) this.#end(this.#unpark(0));
    const environment = new Environment(configuration, this.#host);
    this.#all.add(environment);
    return environment;
  }

  giveBack(environment: Environment): void {
    if (environment.dead || this.#retired.has(environment) || !this.#all.has(environment)) {
      this.#end(environment);
      return;
    }
    // Real time, unlike everything else here: a thread is this machine's memory, and starting one its processor. Under a fast
    // clock every invocation would be a cold start.
    const reaper = setTimeout(() => {
      const at = this.#idle.findIndex((idle) => idle.environment === environment);
      if (at >= 0) this.#end(this.#unpark(at));
    }, this.#idleSeconds * 1000);
    reaper.unref();
    this.#idle.push({ environment, reaper });
  }

  /** No invocation starts in an environment with the old settings after this; one that runs goes on. */
  retire(configuration: FunctionConfiguration): void {
    for (let at = this.#idle.length - 1; at >= 0; at--)
      if (this.#idle[at]?.environment.configuration === configuration) this.#end(this.#unpark(at));
    for (const environment of this.#all)
      if (environment.configuration === configuration) this.#retired.add(environment);
  }

  byAccessKeyId(accessKeyId: string): Environment | undefined {
    for (const environment of this.#all) if (environment.accessKeyId === accessKeyId) return environment;
    return undefined;
  }

  get all(): readonly Environment[] {
    return [...this.#all];
  }

  get size(): number {
    return this.#all.size;
  }

  async kill(which: (environment: Environment) => boolean = () => true): Promise<void> {
    const doomed = [...this.#all].filter(which);
    for (let at = this.#idle.length - 1; at >= 0; at--)
      if (doomed.includes((this.#idle[at] as Idle).environment)) this.#unpark(at);
    for (const environment of doomed) this.#all.delete(environment);
    await Promise.all(doomed.map((environment) => environment.kill()));
  }

  #unpark(at: number): Environment {
    const [idle] = this.#idle.splice(at, 1) as [Idle];
    clearTimeout(idle.reaper);
    return idle.environment;
  }

  #end(environment: Environment): void {
    this.#all.delete(environment);
    void environment.kill();
  }
}
