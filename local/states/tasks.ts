import { createHash } from 'node:crypto';
import type { CloudContext } from '../kernel/service.ts';
import { runtimeError } from './errors.ts';
import type { Frame, TaskWork } from './frames.ts';
import type { Integration, Integrations } from './integrations/integrations.ts';
import type { Interpreter } from './interpreter.ts';
import type { Failure, Run } from './run.ts';
import { checkSize, Visit } from './visit.ts';

/** How a call or a task came out. */
export type Outcome = { readonly output: unknown } | Failure;

/** Who calls what a task needs, once it is kept that it will be called. */
export interface TaskCaller {
  readonly integrations: Pick<Integrations, 'find'>;
  /** Nobody is called any more: the cloud stops. */
  readonly stopping: boolean;
  call(run: Run, task: TaskWork): void;
}

const TOKEN = '.waitForTaskToken';

/** Task states. */
export class Tasks {
  readonly #context: CloudContext;
  readonly #caller: TaskCaller;
  readonly #steps: Pick<Interpreter, 'succeed' | 'fail'>;

  constructor(context: CloudContext, caller: TaskCaller, steps: Pick<Interpreter, 'succeed' | 'fail'>) {
    this.#context = context;
    this.#caller = caller;
    this.#steps = steps;
  }

  /** @throws StateError */
  async schedule({ run, frame, state }: Visit): Promise<void> {
    const resource = String(state.Resource);
    const token = resource.endsWith(TOKEN) ? newToken(run, this.#context.random) : undefined;
    const visit = new Visit(run, frame, this.#context.random, token === undefined ? undefined : { token });
    const parameters = await visit.arguments();
    checkSize(frame.state, parameters);
    const timeoutSeconds = await secondsOf(visit, 'TimeoutSeconds');
    const heartbeatSeconds = await secondsOf(visit, 'HeartbeatSeconds');
    const beats = token !== undefined && heartbeatSeconds !== undefined;
    const work: TaskWork = {
      kind: 'task',
      id: String(run.execution.nextTask++),
      phase: 'scheduled',
      resource,
      parameters,
      ...(token !== undefined && { token }),
      ...(timeoutSeconds !== undefined && { timeoutMs: run.nowMs + timeoutSeconds * 1000 }),
      // Only who has a token can send heartbeats.
      ...(beats && { heartbeatSeconds, heartbeatMs: run.nowMs + heartbeatSeconds * 1000 }),
    };
    if (token !== undefined) run.keepToken(token, work.id);
    const given = JSON.stringify(parameters);
    const bounds = {
      ...(timeoutSeconds !== undefined && { timeoutInSeconds: timeoutSeconds }),
      ...(heartbeatSeconds !== undefined && { heartbeatInSeconds: heartbeatSeconds }),
    };
    const { service } = this.#integration(work);
    if (service)
      run.event(frame, 'TaskScheduled', {
        ...service,
        region: this.#context.region,
        parameters: given,
        ...bounds,
      });
    else
      run.event(frame, 'LambdaFunctionScheduled', {
        resource,
        input: given,
        inputDetails: { truncated: false },
        ...bounds,
      });
    frame.work = work;
    this.call(run, frame);
  }

  /** Calls what is scheduled, unless the cloud stops: then it is called after the restart. */
  call(run: Run, frame: Frame): void {
    const { work } = frame;
    run.touch(frame);
    if (work?.kind !== 'task' || work.phase !== 'scheduled' || this.#caller.stopping) return;
    const called: TaskWork = { ...work, phase: 'called' };
    const { service } = this.#integration(work);
    if (service) run.event(frame, 'TaskStarted', service);
    else run.event(frame, 'LambdaFunctionStarted');
    frame.work = called;
    run.afterwards(() => this.#caller.call(run, called));
  }

  /** The call is over; the task too, unless its token is out. */
  async called(run: Run, taskId: string, outcome: Outcome): Promise<void> {
    const found = this.#find(run, taskId);
    if (!found) return;
    const { frame, work } = found;
    if (work.token === undefined || !('output' in outcome)) {
      await this.#finish(run, frame, work, outcome);
      return;
    }
    frame.work = { ...work, phase: 'submitted' };
    const { service } = this.#integration(work);
    run.event(frame, 'TaskSubmitted', { ...service, ...shown(outcome.output) });
  }

  /** Somebody ended the task by its token. @returns whether it was there */
  async ended(run: Run, taskId: string, outcome: Outcome): Promise<boolean> {
    const found = this.#find(run, taskId);
    if (!found) return false;
    await this.#finish(run, found.frame, found.work, outcome);
    return true;
  }

  /** @returns whether the task was there */
  heartbeat(run: Run, taskId: string): boolean {
    const found = this.#find(run, taskId);
    if (!found) return false;
    const { frame, work } = found;
    if (work.heartbeatSeconds !== undefined)
      frame.work = { ...work, heartbeatMs: run.nowMs + work.heartbeatSeconds * 1000 };
    run.touch(frame);
    return true;
  }

  async timedOut(run: Run, frame: Frame, work: TaskWork): Promise<void> {
    const beat = (work.timeoutMs ?? Number.POSITIVE_INFINITY) > run.nowMs;
    const failure = { error: beat ? 'States.HeartbeatTimeout' : 'States.Timeout', cause: undefined };
    const { service } = this.#integration(work);
    run.event(frame, service ? 'TaskTimedOut' : 'LambdaFunctionTimedOut', {
      ...service,
      error: failure.error,
    });
    this.#over(run, frame, work);
    await this.#steps.fail(run, frame, failure);
  }

  /** After a restart: who was called may have done anything, and nobody will ever say what. */
  async recover(run: Run): Promise<void> {
    for (const frame of [...run.frames.values()]) {
      const { work } = frame;
      if (frame.status !== 'running' || work?.kind !== 'task') continue;
      if (work.phase === 'scheduled') this.call(run, frame);
      else if (work.phase === 'called')
        await this.#finish(run, frame, work, {
          error: work.resource.includes('lambda') ? 'Lambda.Unknown' : 'States.TaskFailed',
          cause:
            'The cause could not be determined because the call was under way when the local cloud ended.',
        });
    }
  }

  async #finish(run: Run, frame: Frame, work: TaskWork, outcome: Outcome): Promise<void> {
    const { service } = this.#integration(work);
    const prefix = service ? 'Task' : 'LambdaFunction';
    this.#over(run, frame, work);
    if ('output' in outcome) {
      run.event(frame, `${prefix}Succeeded`, { ...service, ...shown(outcome.output) });
      await this.#steps.succeed(run, frame, outcome.output);
      return;
    }
    run.event(frame, `${prefix}Failed`, { ...service, ...outcome });
    await this.#steps.fail(run, frame, outcome);
  }

  #over(run: Run, frame: Frame, work: TaskWork): void {
    run.forgetToken(work.token);
    frame.work = undefined;
    run.touch(frame);
  }

  #find(run: Run, taskId: string): { readonly frame: Frame; readonly work: TaskWork } | undefined {
    for (const frame of run.frames.values()) {
      const { work, status } = frame;
      if (status === 'running' && work?.kind === 'task' && work.id === taskId) return { frame, work };
    }
    return undefined;
  }

  #integration({ resource }: TaskWork): Integration {
    const integration = this.#caller.integrations.find(resource);
    if (integration) return integration;
    throw runtimeError(`The resource ${resource} cannot be called`);
  }
}

/** Output in an event, as long as a payload may be. */
function shown(output: unknown): {
  readonly output: string;
  readonly outputDetails: { readonly truncated: boolean };
} {
  return { output: JSON.stringify(output), outputDetails: { truncated: false } };
}

/** AWS's default, some three years: no time-out at all. */
const NO_TIMEOUT_SECONDS = 99_999_999;

async function secondsOf(visit: Visit, name: string): Promise<number | undefined> {
  const value = await visit.field(name);
  if (value === undefined || value === NO_TIMEOUT_SECONDS) return undefined;
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= NO_TIMEOUT_SECONDS)
    return Number(value);
  throw runtimeError(`${name} is '${JSON.stringify(value)}', and must be a positive whole number`);
}

/** Of an execution and a task: chance alone would make the same tokens again after a restart from the same seed. */
function newToken({ execution }: Run, random: () => number): string {
  const { arn, startMs, nextTask } = execution;
  const unique = `${arn} ${startMs} ${nextTask} ${random()}`;
  return `AQCEAAAAKgAAAAM${createHash('sha384').update(unique).digest('base64')}`;
}
