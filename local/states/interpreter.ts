import type { CloudContext } from '../kernel/service.ts';
import { StateError } from './errors.ts';
import { FanOut } from './fan-out.ts';
import type { Frame } from './frames.ts';
import { catcherOf, retryDelayMs } from './retries.ts';
import { dueMsOf, type Failure, HistoryFull, type Run } from './run.ts';
import { decide, pass, waitUntilMs } from './simple-states.ts';
import { type TaskCaller, Tasks } from './tasks.ts';
import { checkSize, Visit } from './visit.ts';

/** Who is told how an execution ends. */
export type EndListener = (run: Run) => void;

/** Moves executions on: from one state to the next until all of their frames wait for something. */
export class Interpreter {
  readonly tasks: Tasks;
  readonly #context: CloudContext;
  readonly #fanOut: FanOut;
  readonly #ended: EndListener;

  constructor(context: CloudContext, caller: TaskCaller, ended: EndListener) {
    this.#context = context;
    this.#ended = ended;
    this.tasks = new Tasks(context, caller, this);
    this.#fanOut = new FanOut(this);
  }

  /** A frame goes on with its state: enters it, or tries it again. */
  resume(run: Run, frame: Frame): void {
    frame.status = 'running';
    frame.work = undefined;
    run.touch(frame);
    run.steps.push(async () => {
      if (frame.status === 'running') await this.#attempt(run, frame);
    });
  }

  /**
   * Deals with a signal, and moves the execution on as far as it goes then.
   *
   * @returns what the signal answers; `undefined` when the execution ended over it
   */
  async deal<Result>(run: Run, signal: (run: Run) => Promise<Result>): Promise<Result | undefined> {
    try {
      const result = await signal(run);
      for (;;) {
        const step = run.steps.shift();
        if (!step) return result;
        if (run.execution.status === 'RUNNING') await step();
      }
    } catch (error) {
      if (!(error instanceof HistoryFull)) throw error;
      run.full = true;
      run.steps.splice(0);
      this.abort(run, run.root);
      this.end(run, 'FAILED', {
        error: 'States.Runtime',
        cause: 'The execution reached the maximum number of history events (25000).',
      });
      return undefined;
    }
  }

  /** What fell due: waits, retries, time-outs. */
  async due(run: Run): Promise<void> {
    const { nowMs } = run;
    if ((run.execution.timeoutMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      this.end(run, 'TIMED_OUT', { error: 'States.Timeout', cause: undefined });
      return;
    }
    const due = [...run.frames.values()]
      .filter((frame) => dueMsOf(frame) <= nowMs)
      .sort((one, other) => dueMsOf(one) - dueMsOf(other) || one.id - other.id);
    for (const frame of due) {
      const { work } = frame;
      // An earlier one of them may have aborted it.
      if (frame.status !== 'running' || !work) continue;
      if (work.kind === 'backoff') this.resume(run, frame);
      else if (work.kind === 'wait') {
        frame.work = undefined;
        await this.succeed(run, frame, new Visit(run, frame, this.#context.random).effectiveInput, false);
      } else if (work.kind === 'task') await this.tasks.timedOut(run, frame, work);
    }
  }

  /** Keeps what succeeded, and goes on where it failed, was aborted or never began. */
  redrive(run: Run, frame: Frame): void {
    frame.retries = [];
    if (frame.work?.kind !== 'children') {
      this.resume(run, frame);
      return;
    }
    frame.status = 'running';
    run.touch(frame);
    for (const child of run.childrenOf(frame))
      if (child.status === 'failed' || child.status === 'aborted') this.redrive(run, child);
    this.#fanOut.startWaiting(run, frame);
  }

  /** The state of a frame has its result. */
  async succeed(run: Run, frame: Frame, result: unknown, hasResult = true): Promise<void> {
    await this.#guarded(run, frame, async (visit) => {
      checkSize(frame.state, result);
      const { output, variables } = await visit.output(result, hasResult);
      this.leave(run, frame, output, variables, visit.state.Next);
    });
  }

  /** The state of a frame failed: it is tried again, or caught, or the frame fails with it. */
  async fail(run: Run, frame: Frame, { error = '', cause }: Failure): Promise<void> {
    const state = run.stateOf(frame);
    const delayMs = retryDelayMs(state, frame, error, this.#context.random);
    if (delayMs !== undefined) {
      run.dropChildren(frame);
      frame.work = { kind: 'backoff', dueMs: run.nowMs + delayMs };
      run.touch(frame);
      return;
    }
    const catcher = catcherOf(state, error);
    if (!catcher) {
      this.#failFrame(run, frame, { error, cause });
      return;
    }
    run.dropChildren(frame);
    frame.work = undefined;
    try {
      const visit = new Visit(run, frame, this.#context.random);
      const { output, variables } = await visit.caught(catcher, { Error: error, Cause: cause ?? '' });
      checkSize(frame.state, output);
      this.leave(run, frame, output, variables, catcher.Next);
    } catch (thrown) {
      if (!(thrown instanceof StateError)) throw thrown;
      this.#failFrame(run, frame, failureOf(thrown, frame));
    }
  }

  /** Without a next state, the frame's flow is at its end. @throws StateError `States.DataLimitExceeded` */
  leave(
    run: Run,
    frame: Frame,
    output: unknown,
    variables: Frame['variables'],
    next: string | undefined,
  ): void {
    checkSize(frame.state, output);
    const { Type } = run.stateOf(frame);
    const details = {
      name: frame.state,
      output: JSON.stringify(output),
      outputDetails: { truncated: false },
    };
    run.event(frame, `${Type}StateExited`, details, 'stateExitedEventDetails');
    frame.variables = variables;
    if (next === undefined) {
      this.#completeFrame(run, frame, output);
      return;
    }
    frame.state = next;
    frame.entered = false;
    frame.input = output;
    this.resume(run, frame);
  }

  /** The execution is over; what still runs in it is aborted. */
  end(run: Run, status: 'FAILED' | 'TIMED_OUT' | 'ABORTED', { error, cause }: Failure): void {
    if (status !== 'FAILED') this.abort(run, run.root);
    const type = { FAILED: 'ExecutionFailed', TIMED_OUT: 'ExecutionTimedOut', ABORTED: 'ExecutionAborted' }[
      status
    ];
    run.event(run.root, type, {
      ...(error !== undefined && { error }),
      ...(cause !== undefined && { cause }),
    });
    Object.assign(run.execution, { status, stopMs: run.nowMs, error, cause });
    this.#ended(run);
  }

  /** A frame that ran runs no more, and can be redriven; one that waited still waits. */
  abort(run: Run, frame: Frame): void {
    if (frame.status !== 'running') return;
    const { work } = frame;
    for (const child of run.childrenOf(frame)) this.abort(run, child);
    if (work?.kind === 'task') run.forgetToken(work.token);
    if (frame.entered) {
      const { Type } = run.stateOf(frame);
      if (['Task', 'Wait', 'Map', 'Parallel'].includes(Type)) run.event(frame, `${Type}StateAborted`);
    }
    if (work?.kind !== 'children') frame.work = undefined;
    frame.status = 'aborted';
    run.touch(frame);
    this.#fanOut.aborted(run, frame);
  }

  async #attempt(run: Run, frame: Frame): Promise<void> {
    const { nowMs, execution } = run;
    execution.transitions++;
    if (!frame.entered) {
      frame.entered = true;
      frame.retries = [];
      frame.enteredAt = new Date(nowMs).toISOString();
      const input = JSON.stringify(frame.input);
      const details = { name: frame.state, input, inputDetails: { truncated: false } };
      run.event(frame, `${run.stateOf(frame).Type}StateEntered`, details, 'stateEnteredEventDetails');
    }
    await this.#guarded(run, frame, async (visit) => {
      switch (visit.state.Type) {
        case 'Task':
          return this.tasks.schedule(visit);
        case 'Parallel':
        case 'Map':
          return this.#fanOut.start(visit);
        case 'Wait':
          frame.work = { kind: 'wait', dueMs: await waitUntilMs(visit) };
          run.touch(frame);
          return;
        case 'Choice': {
          const { next, output, variables } = await decide(visit);
          return this.leave(run, frame, output, variables, next);
        }
        case 'Pass':
          return this.succeed(run, frame, await pass(visit), false);
        case 'Succeed':
          return this.succeed(run, frame, visit.effectiveInput, false);
        case 'Fail':
          return this.#failFrame(run, frame, {
            error: (await visit.field('Error')) as string | undefined,
            cause: (await visit.field('Cause')) as string | undefined,
          });
      }
    });
  }

  /** What the definition's expressions or the data do wrong is an error of the state. */
  async #guarded(run: Run, frame: Frame, work: (visit: Visit) => Promise<void>): Promise<void> {
    const visit = new Visit(run, frame, this.#context.random);
    try {
      await work(visit);
    } catch (thrown) {
      if (!(thrown instanceof StateError)) throw thrown;
      const failure = failureOf(thrown, frame);
      if (visit.jsonata && thrown.error === 'States.QueryEvaluationError')
        run.event(frame, 'EvaluationFailed', { ...failure, state: frame.state });
      await this.fail(run, frame, failure);
    }
  }

  #completeFrame(run: Run, frame: Frame, output: unknown): void {
    frame.status = 'succeeded';
    frame.work = undefined;
    frame.output = output;
    run.touch(frame);
    if (frame.parent !== undefined) {
      this.#fanOut.succeeded(run, frame);
      return;
    }
    const text = JSON.stringify(output);
    run.event(frame, 'ExecutionSucceeded', { output: text, outputDetails: { truncated: false } });
    Object.assign(run.execution, { status: 'SUCCEEDED', stopMs: run.nowMs, output: text });
    this.#ended(run);
  }

  #failFrame(run: Run, frame: Frame, failure: Failure): void {
    frame.status = 'failed';
    if (frame.work?.kind !== 'children') frame.work = undefined;
    run.touch(frame);
    if (frame.parent === undefined) this.end(run, 'FAILED', failure);
    else this.#fanOut.failed(run, frame, failure);
  }
}

export function failureOf({ error, detail }: StateError, { state }: Frame): Failure {
  const cause =
    error === 'States.Runtime' ? `An error occurred while executing the state '${state}'. ${detail}` : detail;
  return { error, cause };
}
