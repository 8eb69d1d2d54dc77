import type { Clock } from '../kernel/clock.ts';
import { StateError } from './errors.ts';
import type { TaskWork } from './frames.ts';
import type { Integrations } from './integrations/integrations.ts';
import type { Run } from './run.ts';
import type { Outcome, TaskCaller } from './tasks.ts';

/** How long tasks that were called may go on when the cloud stops. */
const STOP_GRACE_SECONDS = 5;

/** Calls what tasks need, and tells how it came out. */
export class TaskCalls implements TaskCaller {
  readonly integrations: Integrations;
  readonly #clock: Clock;
  readonly #tell: (executionArn: string, taskId: string, outcome: Outcome) => Promise<void>;
  readonly #running = new Set<Promise<void>>();
  #stopping = false;
  #stopped = false;

  constructor(
    clock: Clock,
    integrations: Integrations,
    tell: (executionArn: string, taskId: string, outcome: Outcome) => Promise<void>,
  ) {
    this.#clock = clock;
    this.integrations = integrations;
    this.#tell = tell;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  get running(): number {
    return this.#running.size;
  }

  call(run: Run, task: TaskWork): void {
    const work = async (): Promise<void> => {
      const outcome = await this.#outcome(run, task);
      // What comes after the grace is lost, as by a crash: the task fails with the next start.
      if (!this.#stopped) await this.#tell(run.execution.arn, task.id, outcome);
    };
    const call = work().finally(() => this.#running.delete(call));
    this.#running.add(call);
  }

  /** Waits for those that were called, as long as the grace lasts. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const { promise: grace, resolve: end } = Promise.withResolvers<void>();
    const timer = this.#clock.after(STOP_GRACE_SECONDS * 1000, end);
    await Promise.race([Promise.all(this.#running), grace]);
    timer.cancel();
    this.#stopped = true;
  }

  async #outcome({ roleArn, execution }: Run, { resource, parameters }: TaskWork): Promise<Outcome> {
    try {
      const integration = this.integrations.find(resource);
      const output = await integration?.call({ parameters, roleArn, machineArn: execution.machineArn });
      return { output };
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      return { error: error.error, cause: error.detail };
    }
  }
}
