import type { MetricDatum } from '../cloudwatch/index.ts';
import { AwsError } from '../kernel/errors.ts';
import { handleJson, type Operation } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { newUuid } from '../sns/ids.ts';
import { type Flow, readDefinition } from './definition.ts';
import { invalidInput, validation } from './errors.ts';
import { executionOperations } from './execution-operations.ts';
import { type Execution, Executions } from './executions.ts';
import { FrameStore } from './frames.ts';
import { History } from './history.ts';
import { type IntegrationParts, Integrations, type Intercept } from './integrations/integrations.ts';
import { denied, SERVICE_PRINCIPAL } from './integrations/roles.ts';
import { Interpreter } from './interpreter.ts';
import { machineOperations } from './machine-operations.ts';
import { type StateMachine, StateMachines } from './machines.ts';
import { executionEnded, executionStarted } from './metrics.ts';
import { checkName } from './names.ts';
import { statesProviders } from './providers.ts';
import { redriveStatusOf } from './redrives.ts';
import { Retention } from './retention.ts';
import { Run, type RunStores } from './run.ts';
import { Running } from './running.ts';
import { statusChangeDetail } from './status-events.ts';
import { TaskCalls } from './task-calls.ts';
import { taskOperations } from './task-operations.ts';
import type { Outcome } from './tasks.ts';
import { PAYLOAD_LIMIT_BYTES } from './visit.ts';

/** An event of AWS's own, as EventBridge takes it. */
export interface ServiceEvent {
  readonly source: string;
  readonly detailType: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface StepFunctionsOptions extends Omit<IntegrationParts, 'intercept'> {
  readonly onMetric?: ((metric: MetricDatum) => void) | undefined;
  /** Called within the transaction that changes the status. */
  readonly onEvent?: ((event: ServiceEvent) => void) | undefined;
}

/** AWS Step Functions: state machines of the type STANDARD. */
export class StepFunctions implements Service {
  readonly signingName = 'states';
  readonly machines: StateMachines;
  readonly executions: Executions;
  readonly history: History;
  /** For tests: asked before each invocation of a function, in whose place it may throw an AwsError. */
  intercept: Intercept | undefined;
  readonly #context: CloudContext;
  readonly #options: StepFunctionsOptions;
  readonly #integrations: Integrations;
  readonly #interpreter: Interpreter;
  readonly #stores: RunStores;
  readonly #running: Running;
  readonly #calls: TaskCalls;
  readonly #definitions = new Map<string, Flow>();
  readonly #retention: Retention;
  readonly #operations: Readonly<Record<string, Operation>>;

  constructor(context: CloudContext, options: StepFunctionsOptions) {
    this.#context = context;
    this.#options = options;
    this.machines = new StateMachines(context);
    this.executions = new Executions(context);
    this.history = new History(context.store);
    this.#stores = {
      executions: this.executions,
      history: this.history,
      frames: new FrameStore(context.store),
    };
    this.#retention = new Retention(context, this.#stores);
    this.#integrations = new Integrations({ ...options, intercept: () => this.intercept });
    this.#calls = new TaskCalls(context.clock, this.#integrations, (arn, id, outcome) =>
      this.#running.send(arn, (run) => this.#interpreter.tasks.called(run, id, outcome)),
    );
    this.#interpreter = new Interpreter(context, this.#calls, (run) => this.#ended(run));
    this.#running = new Running(context.clock, {
      load: (arn) => this.#load(this.executions.get(arn)),
      deal: (run, signal) => this.#interpreter.deal(run, signal),
      due: (run) => this.#interpreter.due(run),
    });
    this.#operations = {
      ...machineOperations(this),
      ...executionOperations(this, context),
      ...taskOperations(this),
    };
  }

  handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleJson(request, { version: '1.0', operations: this.#operations });
  }

  providers(): ResourceProvider[] {
    return statesProviders(this);
  }

  /** Takes up what an earlier run left. */
  start(): void {
    this.#retention.forgetOld();
    for (const { arn } of this.executions.running())
      void this.#running.send(arn, async (run) => {
        if (run.root.entered || run.root.status !== 'running') await this.#interpreter.tasks.recover(run);
        else this.#interpreter.resume(run, run.root);
      });
  }

  /** Calls nobody any more; who was called may answer within the grace. */
  async stop(): Promise<void> {
    await this.#calls.stop();
    await this.#running.stop();
  }

  /** Something runs, or is due and about to. */
  get busy(): boolean {
    const due = (this.nextEventMs ?? Number.POSITIVE_INFINITY) <= this.#context.clock.now();
    return this.#running.working || this.#calls.running > 0 || due;
  }

  /** When the next wait, retry or time-out is over (cloud time, ms). */
  get nextEventMs(): number | undefined {
    return this.#running.nextMs;
  }

  /** State transitions of all executions, as they are billed: each state entered, each retry, each redrive. */
  get transitions(): number {
    return this.executions.transitions();
  }

  /**
   * Makes a state machine, or updates the one of that name.
   *
   * @throws AwsError `InvalidDefinition`, `AccessDeniedException`
   */
  putMachine(name: string, definition: string, roleArn: string): StateMachine {
    this.readDefinition(definition);
    if (!this.#options.iam.mayAssume(SERVICE_PRINCIPAL, roleArn, this.machines.arnOf(name)))
      throw denied(
        `Neither the global service principal ${SERVICE_PRINCIPAL}, nor the regional one is authorized to assume the provided role.`,
      );
    return this.machines.put(name, definition, roleArn);
  }

  /** @throws AwsError `InvalidDefinition` */
  readDefinition(definition: string): Flow {
    return readDefinition(definition, (resource) => this.#integrations.find(resource) !== undefined);
  }

  /**
   * @returns the execution; the one that runs already under this name with this input
   * @throws AwsError `StateMachineDoesNotExist`, `ExecutionAlreadyExists`, `InvalidName`, `InvalidExecutionInput`
   */
  startExecution(machineArn: string, input: string, name = this.#newName(machineArn)): Execution {
    const machine = this.machines.get(machineArn);
    checkName(name);
    checkInput(input);
    const arn = executionArn(machineArn, name);
    this.#retention.forgetOld();
    const existing = this.executions.find(arn);
    if (existing?.status === 'RUNNING' && existing.input === input) return existing;
    if (existing) throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    this.#stores.frames.deleteAll(arn);
    this.history.deleteAll(arn);
    const startMs = Math.floor(this.#context.clock.now());
    const { definition, id, roleArn } = machine.revision;
    const { TimeoutSeconds } = JSON.parse(definition) as Flow;
    const execution: Execution = {
      arn,
      machineArn,
      name,
      revision: id,
      input,
      startMs,
      status: 'RUNNING',
      ...(TimeoutSeconds !== undefined && { timeoutMs: startMs + TimeoutSeconds * 1000 }),
      redriveCount: 0,
      transitions: 0,
      nextEvent: 1,
      nextFrame: 0,
      nextTask: 0,
    };
    const run = this.#load(execution);
    const root = run.addFrame({
      index: 0,
      path: [],
      input: JSON.parse(input),
      variables: {},
      status: 'running',
    });
    run.event(root, 'ExecutionStarted', { input, inputDetails: { truncated: false }, roleArn });
    this.#tell(run);
    run.commit();
    this.#options.onMetric?.(executionStarted(execution));
    void this.#running.send(arn, async (kept) => this.#interpreter.resume(kept, kept.root), run);
    return execution;
  }

  /** @throws AwsError `ExecutionDoesNotExist`, `InvalidArn` */
  async stopExecution(arn: string, error: string | undefined, cause: string | undefined): Promise<Execution> {
    if (this.executions.get(arn).status === 'RUNNING')
      await this.#running.send(arn, async (run) => {
        if (run.execution.status === 'RUNNING') this.#interpreter.end(run, 'ABORTED', { error, cause });
      });
    return this.executions.get(arn);
  }

  /** @throws AwsError `ExecutionNotRedrivable`, `ExecutionDoesNotExist`, `InvalidArn` */
  async redriveExecution(arn: string, clientToken: string | undefined): Promise<Execution> {
    const asked = this.executions.get(arn);
    if (clientToken !== undefined && asked.redriveToken === clientToken) return asked;
    await this.#running.send(arn, async (run) => {
      const { execution } = run;
      const { redriveStatus, redriveStatusReason } = redriveStatusOf(execution, run.nowMs);
      if (redriveStatus === 'NOT_REDRIVABLE')
        throw new AwsError('ExecutionNotRedrivable', `${redriveStatusReason}: '${arn}'`);
      const { TimeoutSeconds } = run.machine;
      Object.assign(execution, {
        status: 'RUNNING',
        stopMs: undefined,
        error: undefined,
        cause: undefined,
        redriveCount: execution.redriveCount + 1,
        redriveMs: run.nowMs,
        redriveToken: clientToken,
        timeoutMs: TimeoutSeconds === undefined ? undefined : run.nowMs + TimeoutSeconds * 1000,
        transitions: execution.transitions + 1,
      });
      run.event(run.root, 'ExecutionRedriven', { redriveCount: execution.redriveCount });
      this.#interpreter.redrive(run, run.root);
      this.#tell(run);
      run.afterwards(() => this.#options.onMetric?.(executionStarted(execution)));
    });
    return this.executions.get(arn);
  }

  /** Ends a task by its token. @throws AwsError `TaskTimedOut`, `InvalidToken` */
  async endTask(token: string, outcome: Outcome): Promise<void> {
    await this.#byToken(token, (run, task) => this.#interpreter.tasks.ended(run, task, outcome));
  }

  /** @throws AwsError `TaskTimedOut`, `InvalidToken` */
  async heartbeat(token: string): Promise<void> {
    await this.#byToken(token, async (run, task) => this.#interpreter.tasks.heartbeat(run, task));
  }

  /** A restart from the same seed draws the same names again. */
  #newName(machineArn: string): string {
    for (;;) {
      const name = newUuid(this.#context.random);
      if (!this.executions.find(executionArn(machineArn, name))) return name;
    }
  }

  async #byToken(token: string, work: (run: Run, task: string) => Promise<boolean>): Promise<void> {
    if (!/^AQCEAAAAKgAAAAM[A-Za-z0-9+/=]{64}$/.test(token))
      throw new AwsError('InvalidToken', "Invalid Token: 'Invalid token'");
    const found = this.executions.byToken(token);
    const done = found && (await this.#running.send(found.execution, (run) => work(run, found.task)));
    if (!done) throw new AwsError('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'");
  }

  #load(execution: Execution): Run {
    const { definition, roleArn } = this.machines.revision(execution.machineArn, execution.revision);
    const key = `${execution.machineArn} ${execution.revision}`;
    const flow = this.#definitions.get(key) ?? (JSON.parse(definition) as Flow);
    this.#definitions.set(key, flow);
    return new Run(this.#context, this.#stores, execution, { flow, roleArn });
  }

  #ended(run: Run): void {
    const { execution } = run;
    this.#tell(run);
    run.afterwards(() => {
      for (const metric of executionEnded(execution)) this.#options.onMetric?.(metric);
    });
  }

  /** As it is now: before it is kept, the execution may go on. */
  #tell(run: Run): void {
    const { execution, nowMs } = run;
    const event: ServiceEvent = {
      source: 'aws.states',
      detailType: 'Step Functions Execution Status Change',
      resources: [execution.arn],
      detail: statusChangeDetail(execution, redriveStatusOf(execution, nowMs)),
    };
    run.alongside(() => this.#options.onEvent?.(event));
  }
}

function executionArn(machineArn: string, name: string): string {
  return `${machineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}

/** @throws AwsError `InvalidExecutionInput`, `ValidationException` */
function checkInput(input: string): void {
  if (Buffer.byteLength(input) > PAYLOAD_LIMIT_BYTES)
    throw validation(
      `1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to ${PAYLOAD_LIMIT_BYTES}`,
    );
  try {
    JSON.parse(input);
  } catch (error) {
    throw invalidInput((error as Error).message);
  }
}
