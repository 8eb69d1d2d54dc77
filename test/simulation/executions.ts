import type { Context } from 'aws-lambda';
import { stageFunctionTimeoutSeconds, stageMachine } from '../../infra/constructs/stage-machine.ts';
import { AwsError } from '../../local/kernel/errors.ts';
import type { InvocationResult } from '../../local/lambda/invocation.ts';
import type { ServiceEvent } from '../../local/states/index.ts';
import type { JobHandler } from '../../shared/consumer/index.ts';
import { StepResults } from '../../shared/consumer/step-results.ts';
import { stageStepName } from '../../shared/jobs/record.ts';
import { type ExecutionData, StageData } from '../../shared/jobs/stage-data.ts';
import type { StagedJob } from '../../shared/jobs/staged-job.ts';
import { type ExecutionStatusEvent, executionEnded } from '../../shared/stages/execution-ended.ts';
import { runStage, type StageRuntime } from '../../shared/stages/index.ts';
import type { StageEvent } from '../../shared/stages/run-stage.ts';
import { starterOf } from '../../shared/stages/starter.ts';
import { type SweepRequest, sweepEnds } from '../../shared/stages/sweep-ends.ts';
import { ACCOUNT_ID, BUCKET, REGION, TABLES } from './cloud.ts';
import { contractOf, type Payload } from './jobs.ts';
import { resultOf } from './lambda.ts';
import { ORDER, runsOf, type StageName, stageOf, workOf } from './staged-job.ts';
import { LOGGER } from './telemetry.ts';
import { currentProcess, type Process, processNow } from './virtual-time.ts';
import type { World } from './world.ts';

const RECORDER = 'execution-ended';
/** As infra has it. */
const SWEEP_EVERY_MS = 15 * 60_000;
const SWEEPS = 12;
const SWEPT_SECONDS = 3600;
const RECORDER_TIMEOUT_MS = 30_000;
/** Lambda's own for an asynchronous invocation: after a minute, and after two. */
const RECORDER_TRIES_AFTER_MS = [60_000, 120_000];
/** EventBridge's usual way. */
const EVENT_MS = { least: 50, spread: 400 };

interface Execution {
  readonly job: string;
  status: string;
  redriveCount: number;
  /** Ends that nobody has recorded yet. */
  untold: number;
}

/** All that runs a staged job beside its queue: the state machine, its stages' functions, and who records the executions' ends. */
export class Executions {
  readonly #world: World;
  readonly #executions = new Map<string, Execution>();
  readonly #byJob = new Map<string, Execution[]>();
  /** When a run of a stage was recorded as done. */
  readonly #doneMs = new Map<string, number>();
  /** Events that Lambda gave up on, kept in a queue. */
  readonly #lost: ServiceEvent[] = [];
  #machineArn = '';

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    const job = this.#contract();
    const definition = stageMachine(job, {
      partition: 'aws',
      functionArn: (stage) => `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:${stage}`,
    });
    const role = `arn:aws:iam::${ACCOUNT_ID}:role/simulation`;
    // Unchecked: the definition's own tests do that, and it takes a second.
    const { machines } = this.#world.cloud.states;
    this.#machineArn = machines.put(job.type, JSON.stringify(definition), role).arn;
  }

  starter(): JobHandler<Payload> {
    const { cloud } = this.#world;
    return starterOf(this.#contract(), {
      sfn: cloud.clients.sfn,
      stateMachineArn: this.#machineArn,
      queueUrl: cloud.sqs.queueUrl('staged'),
      data: this.#data(),
      now: processNow,
    });
  }

  isRecorder(process: Process | undefined): boolean {
    return process?.name.startsWith(RECORDER) === true;
  }

  find(executionArn: string): Execution | undefined {
    return this.#executions.get(executionArn);
  }

  /** Whether an execution has the job still, or had it and nobody knows of its end yet. */
  carries(job: string): boolean {
    return (this.#byJob.get(job) ?? []).some(({ status, untold }) => status === 'RUNNING' || untold > 0);
  }

  /** A run of a stage, as the records name it, was recorded as done. */
  done(job: string, run: string): void {
    this.#doneMs.set(`${job} ${run}`, this.#world.clock.now());
  }

  forget(job: string): void {
    for (const name of this.#doneMs.keys()) if (name.startsWith(`${job} `)) this.#doneMs.delete(name);
  }

  /** A state machine calls a stage's function. */
  async invoke(functionArn: string, payload: string): Promise<InvocationResult> {
    const world = this.#world;
    const name = functionArn.slice(functionArn.lastIndexOf(':') + 1) as StageName;
    const event = JSON.parse(payload) as StageEvent;
    const { key: job } = event.job;
    const faults = world.plan.at('stage', job);
    const has = (kind: string) => faults.find((fault) => fault.kind === kind);
    if (has('stage-throttled')) throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
    const environment = world.environments.take(name, () => this.#stage(name));
    const outlives = has('stage-outlives') !== undefined;
    const run = stageStepName(name, event.index);
    world.trace(`${environment.name} runs ${run} of ${job}`);
    world.invocations.set(environment, {
      jobs: [job],
      version: environment.version,
      beganMs: Math.floor(world.clock.now()) + environment.skewMs,
    });
    this.#begins(job, name, run);
    const end = await world.environments.invoke(environment, event, {
      timeoutMs: stageFunctionTimeoutSeconds(stageOf(name)) * 1000,
      outlives,
      faults,
    });
    world.trace(`${environment.name} ends ${run} of ${job}: ${Object.keys(end)[0]}`);
    const answers = has('stage-answer-lost');
    // The machine's own time-out finds it.
    if (outlives || answers?.moment === 'before') return new Promise(() => {});
    if (answers) throw new AwsError('ServiceException', 'The simulation lost the answer.', 500);
    if ('died' in end)
      return resultOf(
        {
          errorType: end.died === 'timed out' ? 'Sandbox.Timedout' : 'Runtime.ExitError',
          errorMessage: end.died,
        },
        'Unhandled',
      );
    if ('answer' in end) return resultOf(end.answer, undefined);
    const { name: errorType, message: errorMessage } = end.thrown as Error;
    return resultOf({ errorType, errorMessage }, 'Unhandled');
  }

  /** An execution has begun, goes on, or ended. */
  happened(event: ServiceEvent): void {
    const { executionArn, status, input, redriveCount } =
      event.detail as never as ExecutionStatusEvent['detail'];
    const job =
      this.#executions.get(executionArn)?.job ?? (JSON.parse(input ?? '{}') as ExecutionData).job.key;
    const execution = this.#executions.get(executionArn) ?? { job, status, redriveCount: 0, untold: 0 };
    if (!this.#executions.has(executionArn)) {
      this.#executions.set(executionArn, execution);
      this.#byJob.set(job, [...(this.#byJob.get(job) ?? []), execution]);
    }
    Object.assign(execution, { status, redriveCount: redriveCount ?? 0 });
    this.#world.trace(`the execution of ${job} is ${status}`);
    const running = this.#byJob.get(job)?.filter((other) => other.status === 'RUNNING') ?? [];
    if (running.length > 1)
      this.#world.violate('a staged job has one execution under way', `${job} has ${running.length}`);
    if (status !== 'RUNNING') this.#tell(event, execution);
  }

  /** The rule's clock, for some hours from a time in the world's milliseconds. */
  sweepFrom(fromMs: number): void {
    const { clock } = this.#world;
    for (let round = 1; round <= SWEEPS; round++)
      clock.after(fromMs - clock.now() + round * SWEEP_EVERY_MS, () => this.#sweepOnce());
  }

  /** Looks for ends that no event told of, as a rule's clock asks for it. Where every event told of its end it would find nothing. */
  #sweepOnce(): void {
    if ([...this.#executions.values()].some(({ untold }) => untold > 0)) void this.#sweep(0);
  }

  async #sweep(tries: number): Promise<void> {
    const world = this.#world;
    const environment = world.environments.take(RECORDER, () => this.#recorder());
    world.trace(`${environment.name} looks for ends that no event told of`);
    const { executionTimeoutSeconds } = this.#contract();
    const request: SweepRequest = {
      sweep: { stateMachineArn: this.#machineArn, executionTimeoutSeconds, withinSeconds: SWEPT_SECONDS },
    };
    const end = await world.environments.invoke(environment, request, { timeoutMs: RECORDER_TIMEOUT_MS });
    world.trace(`${environment.name} has looked: ${Object.keys(end)[0]}`);
    const againMs = 'answer' in end ? undefined : RECORDER_TRIES_AFTER_MS[tries];
    if (againMs !== undefined) world.clock.after(againMs, () => void this.#sweep(tries + 1));
  }

  /** What a person does with the events that were given up on. */
  tellLost(): void {
    for (const event of this.#lost.splice(0)) {
      const execution = this.#executions.get(event.detail.executionArn as string);
      if (execution) void this.#deliver(event, execution, 0);
    }
  }

  /** EventBridge delivers it nearly always, and then at least once. */
  #tell(event: ServiceEvent, execution: Execution): void {
    const { clock, plan, random } = this.#world;
    const faults = plan.at('end', execution.job);
    const lateMs = faults.find(({ kind }) => kind === 'end-late')?.ms ?? 0;
    const usualMs = EVENT_MS.least + random() * EVENT_MS.spread;
    execution.untold++;
    if (!faults.some(({ kind }) => kind === 'end-lost'))
      clock.after(usualMs + lateMs, () => void this.#deliver(event, execution, 0));
    else this.sweepFrom(clock.now());
    for (const { kind, ms = 0 } of faults)
      if (kind === 'end-twice') {
        execution.untold++;
        clock.after(usualMs + ms, () => void this.#deliver(event, execution, 0));
      }
  }

  async #deliver(event: ServiceEvent, execution: Execution, tries: number): Promise<void> {
    const world = this.#world;
    const { job } = execution;
    const environment = world.environments.take(RECORDER, () => this.#recorder());
    world.trace(`${environment.name} is told that the execution of ${job} is ${event.detail.status}`);
    world.invocations.set(environment, {
      jobs: [job],
      version: environment.version,
      beganMs: Math.floor(world.clock.now()) + environment.skewMs,
    });
    const end = await world.environments.invoke(environment, event, { timeoutMs: RECORDER_TIMEOUT_MS });
    if ('answer' in end) {
      execution.untold--;
      return;
    }
    world.trace(`${environment.name} could not record the end of ${job}`);
    const againMs = RECORDER_TRIES_AFTER_MS[tries];
    if (againMs === undefined) this.#lost.push(event);
    else world.clock.after(againMs, () => void this.#deliver(event, execution, tries + 1));
  }

  #begins(job: string, name: StageName, run: string): void {
    const world = this.#world;
    const place = ORDER.findIndex((names) => names.includes(name));
    for (const before of ORDER.slice(0, place).flat())
      for (const needed of runsOf(job, before))
        if (!this.#doneMs.has(`${job} ${needed}`))
          world.violate('stages run in their order', `${job}: ${run} before ${needed} was done`);
  }

  /** A run's own work, once its records let it. */
  #works(job: string, run: string, invokedMs: number): void {
    const doneMs = this.#doneMs.get(`${job} ${run}`);
    if (doneMs !== undefined && doneMs < invokedMs)
      this.#world.violate('a stage that has finished does not run again', `${job}: ${run}`);
  }

  #stage(name: StageName) {
    const world = this.#world;
    const runtime: StageRuntime = {
      dynamo: world.cloud.clients.dynamo,
      jobsTable: TABLES.jobs,
      results: new StepResults(BUCKET, async () => world.cloud.clients.s3),
      data: this.#data(),
      logger: LOGGER,
      now: processNow,
    };
    return async (event: StageEvent, context: Parameters<ReturnType<typeof runStage>>[1]) => {
      const invokedMs = world.clock.now();
      const { key: job } = event.job;
      const faults = world.plan.at('stage-work', job);
      const work = workOf(name, { job, world, faults });
      const run = runStage<Payload, unknown, unknown>(
        this.#contract() as StagedJob<Payload, unknown>,
        stageOf(name),
        (input, stageContext) => {
          world.trace(`${currentProcess()?.name} works on ${stageStepName(name, event.index)} of ${job}`);
          this.#works(job, stageStepName(name, event.index), invokedMs);
          return work(input, stageContext);
        },
        runtime,
      );
      return run(event, context);
    };
  }

  #recorder() {
    const { clients } = this.#world.cloud;
    const runtime = {
      dynamo: clients.dynamo,
      sqs: clients.sqs,
      sfn: clients.sfn,
      jobsTable: TABLES.jobs,
      data: this.#data(),
      logger: LOGGER,
      now: processNow,
    };
    return (event: ExecutionStatusEvent | SweepRequest, context: Context) =>
      'sweep' in event
        ? sweepEnds(event, runtime, () => context.getRemainingTimeInMillis())
        : executionEnded(event, runtime);
  }

  #contract(): StagedJob<Payload, Payload> {
    return contractOf('staged', 'old') as StagedJob<Payload, Payload>;
  }

  #data(): StageData {
    return new StageData(BUCKET, async () => this.#world.cloud.clients.s3);
  }
}
