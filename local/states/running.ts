import type { Clock, Timer } from '../kernel/clock.ts';
import type { Run } from './run.ts';

export type Signal<Result> = (run: Run) => Promise<Result>;

export interface RunningParts {
  /** @throws AwsError when the execution is not there */
  load(arn: string): Run;
  /** Deals with a signal, and moves the execution on as far as it goes then. */
  deal<Result>(run: Run, signal: Signal<Result>): Promise<Result | undefined>;
  due(run: Run): Promise<void>;
}

interface Active {
  run: Run;
  /** The signal that is dealt with last. */
  tail: Promise<unknown>;
  waiting: number;
  timer?: Timer;
}

/** The executions that run, each with its timer. Signals to one execution are dealt with one after the other. */
export class Running {
  readonly #clock: Clock;
  readonly #parts: RunningParts;
  readonly #active = new Map<string, Active>();
  #stopped = false;

  constructor(clock: Clock, parts: RunningParts) {
    this.#clock = clock;
    this.#parts = parts;
  }

  /** A signal is being dealt with. */
  get working(): boolean {
    return [...this.#active.values()].some(({ waiting }) => waiting > 0);
  }

  get nextMs(): number | undefined {
    const times = [...this.#active.values()].map(({ run }) => run.nextMs).filter((ms) => ms !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /**
   * Does something to an execution, moves it on as far as it goes, and keeps the change.
   *
   * @param loaded the execution, where it is in memory already
   */
  async send<Result>(arn: string, signal: Signal<Result>, loaded?: Run): Promise<Result | undefined> {
    const active = this.#active.get(arn) ?? {
      run: loaded ?? this.#parts.load(arn),
      tail: Promise.resolve(),
      waiting: 0,
    };
    this.#active.set(arn, active);
    active.waiting++;
    const done = active.tail.then(() => this.#deal(arn, active, signal));
    active.tail = done.catch(() => {});
    return done;
  }

  /** Nothing happens by itself any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#active.values()) timer?.cancel();
    await Promise.all([...this.#active.values()].map(({ tail }) => tail));
  }

  async #deal<Result>(arn: string, active: Active, signal: Signal<Result>): Promise<Result | undefined> {
    try {
      const { run } = active;
      const result = await this.#parts.deal(run, signal);
      run.commit();
      return result;
    } catch (error) {
      // What it had begun is forgotten.
      active.run = this.#parts.load(arn);
      throw error;
    } finally {
      active.waiting--;
      this.#arm(arn, active);
    }
  }

  #arm(arn: string, active: Active): void {
    active.timer?.cancel();
    if (active.run.execution.status !== 'RUNNING') {
      if (active.waiting === 0) this.#active.delete(arn);
      return;
    }
    const { nextMs } = active.run;
    if (nextMs === undefined || this.#stopped) return;
    active.timer = this.#clock.after(nextMs - this.#clock.now(), () => {
      void this.send(arn, (run) => this.#parts.due(run));
    });
  }
}
