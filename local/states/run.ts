import type { CloudContext } from '../kernel/service.ts';
import { type Flow, flowAt, type State } from './definition.ts';
import { runtimeError } from './errors.ts';
import type { Execution, Executions } from './executions.ts';
import type { Frame, FrameStore } from './frames.ts';
import { EVENTS_LIMIT, type History, type HistoryEvent } from './history.ts';

/** What an execution fails with, and why. */
export interface Failure {
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

export interface RunStores {
  readonly executions: Executions;
  readonly frames: FrameStore;
  readonly history: History;
}

/** The execution's history is full: it ends, whatever is caught. */
export class HistoryFull extends Error {
  override readonly name = 'HistoryFull';
}

/**
 * An execution in memory while it runs. What a signal changes is gathered, and kept in one transaction; what it sets off
 * outside comes after that.
 */
export class Run {
  readonly execution: Execution;
  readonly roleArn: string;
  readonly frames: Map<number, Frame>;
  /** What is to be done next, in this order. */
  readonly steps: (() => Promise<void>)[] = [];
  /** Its history is full: nothing but its end is written any more. */
  full = false;
  readonly #context: CloudContext;
  readonly #stores: RunStores;
  readonly #machine: Flow;
  readonly #flows = new Map<string, Flow>();
  readonly #touched = new Set<Frame>();
  readonly #gone = new Set<number>();
  #input: unknown;
  #events: HistoryEvent[] = [];
  #alongside: (() => void)[] = [];
  #afterwards: (() => void)[] = [];

  constructor(
    context: CloudContext,
    stores: RunStores,
    execution: Execution,
    machine: { readonly flow: Flow; readonly roleArn: string },
  ) {
    this.#context = context;
    this.#stores = stores;
    this.#machine = machine.flow;
    this.execution = execution;
    this.roleArn = machine.roleArn;
    this.frames = new Map(stores.frames.of(execution.arn).map((frame) => [frame.id, frame]));
  }

  get nowMs(): number {
    return Math.floor(this.#context.clock.now());
  }

  get root(): Frame {
    const root = [...this.frames.values()].find(({ parent }) => parent === undefined);
    if (!root) throw new Error(`the execution ${this.execution.arn} has no frames`);
    return root;
  }

  /** Of the execution. */
  get input(): unknown {
    this.#input ??= JSON.parse(this.execution.input);
    return this.#input;
  }

  get machine(): Flow {
    return this.#machine;
  }

  flowOf({ path }: Pick<Frame, 'path'>): Flow {
    const key = JSON.stringify(path);
    const flow = this.#flows.get(key) ?? flowAt(this.#machine, path);
    this.#flows.set(key, flow);
    return flow;
  }

  /** @throws StateError `States.Runtime` */
  stateOf(frame: Frame): State {
    const state = this.flowOf(frame).States[frame.state];
    if (state) return state;
    throw runtimeError(`There is no state '${frame.state}'`);
  }

  childrenOf({ id }: Frame): Frame[] {
    return [...this.frames.values()]
      .filter(({ parent }) => parent === id)
      .sort((one, other) => one.index - other.index);
  }

  /** @param given what differs from a frame that waits to enter its flow's first state */
  addFrame(given: Pick<Frame, 'path' | 'input' | 'index' | 'variables'> & Partial<Frame>): Frame {
    const frame: Frame = {
      id: this.execution.nextFrame++,
      status: 'waiting',
      state: this.flowOf(given).StartAt,
      entered: false,
      enteredAt: '',
      retries: [],
      work: undefined,
      lastEvent: 0,
      ...given,
    };
    this.frames.set(frame.id, frame);
    this.touch(frame);
    return frame;
  }

  dropChildren(frame: Frame): void {
    for (const child of this.childrenOf(frame)) {
      this.dropChildren(child);
      this.frames.delete(child.id);
      this.#touched.delete(child);
      this.#gone.add(child.id);
    }
  }

  /** Its change is kept with the next commit. */
  touch(frame: Frame): void {
    this.#touched.add(frame);
  }

  /**
   * Writes an event into the history, after the frame's last one.
   *
   * @param member of the answer, where it is not named after the type
   * @throws HistoryFull
   */
  event(
    frame: Frame | undefined,
    type: string,
    details?: Readonly<Record<string, unknown>>,
    member = `${type.slice(0, 1).toLowerCase()}${type.slice(1)}EventDetails`,
  ): number {
    const id = this.execution.nextEvent;
    if (id >= EVENTS_LIMIT && !type.startsWith('Execution')) {
      if (this.full) return id;
      throw new HistoryFull();
    }
    this.execution.nextEvent++;
    const previousId = frame?.lastEvent ?? Math.max(0, id - 1);
    this.#events.push({
      id,
      previousId,
      atMs: this.nowMs,
      type,
      ...(details && { details: [member, details] }),
    });
    if (frame) {
      frame.lastEvent = id;
      this.touch(frame);
    }
    return id;
  }

  /** Done in the commit's own transaction. */
  alongside(action: () => void): void {
    this.#alongside.push(action);
  }

  /** Done once the change is kept. */
  afterwards(action: () => void): void {
    this.#afterwards.push(action);
  }

  keepToken(token: string, task: string): void {
    this.alongside(() => this.#stores.executions.keepToken(token, this.execution.arn, task));
  }

  forgetToken(token: string | undefined): void {
    if (token !== undefined) this.alongside(() => this.#stores.executions.forgetToken(token));
  }

  commit(): void {
    const { executions, frames, history } = this.#stores;
    const { arn, status } = this.execution;
    this.#context.store.transaction(() => {
      executions.put(this.execution);
      for (const event of this.#events) history.add(arn, event);
      for (const action of this.#alongside) action();
      if (status === 'SUCCEEDED') frames.deleteAll(arn);
      else {
        for (const id of this.#gone) frames.delete(arn, id);
        for (const frame of this.#touched) frames.put(arn, frame);
      }
    });
    const afterwards = this.#afterwards;
    this.#events = [];
    this.#alongside = [];
    this.#afterwards = [];
    this.#touched.clear();
    this.#gone.clear();
    for (const action of afterwards) action();
  }

  /** When time alone changes something (cloud time, ms). */
  get nextMs(): number | undefined {
    if (this.execution.status !== 'RUNNING') return undefined;
    let nextMs = this.execution.timeoutMs ?? Number.POSITIVE_INFINITY;
    for (const frame of this.frames.values()) nextMs = Math.min(nextMs, dueMsOf(frame));
    return nextMs === Number.POSITIVE_INFINITY ? undefined : nextMs;
  }
}

/** When a frame's work is over by time alone; infinity for never. */
export function dueMsOf({ status, work }: Frame): number {
  if (status !== 'running' || !work || work.kind === 'children') return Number.POSITIVE_INFINITY;
  if (work.kind !== 'task') return work.dueMs;
  return Math.min(work.timeoutMs ?? Number.POSITIVE_INFINITY, work.heartbeatMs ?? Number.POSITIVE_INFINITY);
}
