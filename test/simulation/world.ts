import { createHash } from 'node:crypto';
import { mulberry32 } from '../../samples/random.ts';
import type { Runtime } from '../../shared/consumer/index.ts';
import { StepResults } from '../../shared/consumer/step-results.ts';
import { maxReceiveCount } from '../../shared/jobs/define-job.ts';
import { Books } from './books.ts';
import {
  ACCOUNT_ID,
  BUCKET,
  type Call,
  type Network,
  SCHEDULE_GROUP,
  SimulatedCloud,
  TABLES,
} from './cloud.ts';
import { endOf, judgeEnds } from './ends.ts';
import { Environments } from './environments.ts';
import { Executions } from './executions.ts';
import { describeFault, FAULTS, type Fault, type FaultKind, FaultPlan } from './faults.ts';
import { contractOf, type Version } from './jobs.ts';
import { SimulatedLambda } from './lambda.ts';
import { JOB_NAME, MessageRules } from './message-rules.ts';
import { fateOf } from './network.ts';
import { operate } from './operators.ts';
import { Provider } from './provider.ts';
import { Receivers } from './receivers.ts';
import { RecordRules } from './record-rules.ts';
import { Runs } from './runs.ts';
import { FIRST_REDRIVE_MS, LAST_FAULT_MS, type Scenario, type SimulatedType, TYPES } from './scenario.ts';
import { StepRules } from './step-rules.ts';
import { CountedMetrics, LOGGER } from './telemetry.ts';
import { type Process, processNow, runIn, useRandom, VirtualClock } from './virtual-time.ts';
import { WebhookEvents } from './webhook-events.ts';

const TEN_MINUTES_MS = 600_000;
const START_MS = Date.UTC(2026, 0, 5, 8);
/**
 * Once nothing is made to fail any more, every job ends within this: a whole schedule (7 minutes), uncertain steps that are looked
 * after for a quarter of an hour, waits of up to a quarter of an hour for records that were away, and some receives lost on the way.
 */
export const ENDS_WITHIN_MS = 4 * 3600_000;
/** Jobs with a delay of 14 hours in their schedule, and those that asked for as long twice. */
const SLOW_ENDS_WITHIN_MS = 40 * 3600_000;
/** Six times the function's timeout, as infra sets it. */
const VISIBILITY_SECONDS = 150;
const TRACE_LINES_AT_ONCE = 500;

interface Invocation {
  readonly jobs: readonly string[];
  /** Of the code that runs. */
  readonly version: Version;
  /** By the clock there. */
  readonly beganMs: number;
}

export interface Violation {
  readonly rule: string;
  readonly detail: string;
  readonly atMs: number;
}

export interface WorldResult {
  readonly hash: string;
  readonly struck: ReadonlyMap<FaultKind, number>;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly violation: Violation | undefined;
  /** All lines, where they were asked for. */
  readonly trace: readonly string[];
}

/** A world of its own: cloud, consumers, publishers, operators and provider, run from a scenario and held against the rules. */
export class World {
  readonly scenario: Scenario;
  readonly clock = new VirtualClock(START_MS);
  readonly random: () => number;
  readonly plan: FaultPlan;
  readonly provider: Provider;
  readonly runs: Runs;
  readonly records: RecordRules;
  readonly steps: StepRules;
  readonly messages: MessageRules;
  readonly environments: Environments;
  readonly lambda: SimulatedLambda;
  readonly executions: Executions;
  readonly webhooks: WebhookEvents;
  readonly receivers: Receivers;
  readonly books = new Books(this);
  /** Jobs that an operator was told will not run. */
  readonly cancelled = new Set<string>();
  /** What runs where at the moment. */
  readonly invocations = new Map<Process, Invocation>();
  readonly outcomes = new Map<string, number>();
  recordsDownUntilMs = 0;
  /** job → what the client names each request by: a repeated one makes no second schedule. */
  readonly #scheduled = new Map<string, Set<string>>();
  readonly #expires = new Map<string, number>();
  readonly #jobByObject = new Map<string, string>();
  readonly #hash = createHash('sha256');
  readonly #lines: string[] = [];
  readonly #kept: string[] | undefined;
  #cloud: SimulatedCloud | undefined;
  #violation: Violation | undefined;

  static async run(scenario: Scenario, { keepTrace = false } = {}): Promise<WorldResult> {
    const world = new World(scenario, keepTrace);
    try {
      return await world.#run();
    } finally {
      await world.lambda.stop();
      await world.#cloud?.stop();
    }
  }

  private constructor(scenario: Scenario, keepTrace: boolean) {
    this.scenario = scenario;
    this.random = mulberry32(scenario.seed ^ 0x5eed);
    this.#kept = keepTrace ? [] : undefined;
    this.plan = new FaultPlan(scenario.faults, (fault) => this.#struck(fault));
    this.provider = new Provider(this, this.plan);
    this.runs = new Runs(this, this.plan);
    this.records = new RecordRules(this);
    this.steps = new StepRules(this);
    this.messages = new MessageRules(this);
    this.environments = new Environments(this);
    this.lambda = new SimulatedLambda(this);
    this.executions = new Executions(this);
    this.webhooks = new WebhookEvents(this);
    this.receivers = new Receivers(this);
    for (const { key, atMs, expiresAfterMs } of scenario.jobs)
      if (expiresAfterMs !== undefined) this.#expires.set(key, START_MS + atMs + expiresAfterMs);
  }

  get cloud(): SimulatedCloud {
    if (!this.#cloud) throw new Error('the world has not begun');
    return this.#cloud;
  }

  /** In the world's time. */
  expiresMs(job: string): number | undefined {
    return this.#expires.get(job);
  }

  isScheduled(job: string): boolean {
    return (this.#scheduled.get(job)?.size ?? 0) > 0;
  }

  /** Whose call to Step Functions or S3 it is: the body names the job, or an earlier call of the same path did. */
  jobOfCall({ service, body, path, process }: Call): string | undefined {
    const job =
      JOB_NAME.exec(body)?.[0] ??
      (service === 's3' ? this.#jobByObject.get(path) : this.executions.find(arnIn(body))?.job) ??
      (process && this.invocations.get(process)?.jobs[0]);
    if (service === 's3' && job !== undefined) this.#jobByObject.set(path, job);
    return job;
  }

  trace(line: string): void {
    const whole = `${((this.clock.now() - START_MS) / 1000).toFixed(3)} ${line}`;
    this.#kept?.push(whole);
    if (this.#lines.push(whole) >= TRACE_LINES_AT_ONCE) this.#flush();
  }

  /** The first one ends the world. */
  violate(rule: string, detail: string): void {
    if (this.#violation) return;
    this.#violation = { rule, detail, atMs: this.clock.now() - START_MS };
    this.trace(`VIOLATION: ${rule}: ${detail}`);
  }

  /** Its records are gone, or expired: what happens to the key from now on is another job's. */
  forget(job: string): void {
    this.trace(`${job} is forgotten`);
    this.provider.forget(job);
    this.runs.forget(job);
    this.executions.forget(job);
    this.steps.forget(job);
    this.cancelled.delete(job);
  }

  count(outcome: string, by = 1): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + by);
  }

  runtimeOf(type: SimulatedType): Runtime {
    const { clients, sqs } = this.cloud;
    return {
      dynamo: clients.dynamo,
      sqs: clients.sqs,
      scheduler: clients.scheduler,
      schedules: { groupName: SCHEDULE_GROUP, roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/simulation` },
      results: new StepResults(BUCKET, async () => clients.s3),
      jobsTable: TABLES.jobs,
      queueUrl: sqs.queueUrl(type),
      logger: LOGGER,
      metrics: new CountedMetrics((name) => this.count(`metric ${name}`)),
      now: processNow,
      random: this.random,
    };
  }

  async #run(): Promise<WorldResult> {
    useRandom(this.random);
    const settings = this.plan.of('setting');
    for (const setting of settings) this.plan.strike(setting);
    const most = settings.find(({ kind }) => kind === 'in-flight-limit')?.nth;
    const network: Network = {
      fate: (call) => fateOf(call, this),
      arrives: (call) => this.#arrives(call),
      done: (call, response) => this.#done(call, response.status),
      scheduled: (body) => {
        this.messages.expect(body);
        const tokens = this.#scheduled.get(JOB_NAME.exec(body)?.[0] ?? '');
        for (const token of tokens ?? []) {
          tokens?.delete(token);
          break;
        }
      },
      kill: (process) => this.environments.kill(process),
      invoke: (functionArn, payload) => this.executions.invoke(functionArn, payload),
      execution: (event) => this.executions.happened(event),
    };
    this.#cloud = await SimulatedCloud.start(this.clock, this.random, network, most);
    const deletion = settings.find(({ kind }) => kind === 'expiry-deletion');
    if (deletion) this.cloud.dynamo.setTimeToLiveLag((deletion.ms ?? 0) / 1000);
    await this.#furnish();
    this.cloud.sqs.observe((event) => this.messages.happened(event));
    this.cloud.dynamo.observe((change) => {
      if (change.tableName === TABLES.endpoints) {
        this.receivers.changed(change);
        return;
      }
      if (change.tableName === TABLES.states) {
        this.webhooks.changed(change);
        return;
      }
      const key = (change.keys.pk?.S ?? '') as string;
      const job = JOB_NAME.exec(key)?.[0];
      if (job === undefined) return;
      if (change.tableName === TABLES.entries) this.books.entered(job);
      else if (change.keys.sk?.S === 'job') this.records.changed(job, change);
      else this.steps.changed(job, change);
    });
    runIn(undefined, () => {
      this.executions.start();
      this.lambda.start();
      operate(this);
    });
    const last = Math.max(
      LAST_FAULT_MS,
      ...this.scenario.faults.map(({ kind, atMs = 0 }) =>
        kind === 'published-much-later' ? atMs + TEN_MINUTES_MS : 0,
      ),
    );
    const endMs = START_MS + last + SLOW_ENDS_WITHIN_MS;
    const slow = new Set(
      this.scenario.faults.flatMap(({ kind, job }) => (kind === 'handler-no-sooner' && job ? [job] : [])),
    );
    const isSlow = (job: string): boolean => /^(?:later|deliver)/.test(job) || slow.has(job);
    // Also between what befalls all of them and the last redrive.
    for (const quietMs of [FIRST_REDRIVE_MS, last])
      this.clock.after(quietMs + ENDS_WITHIN_MS, () =>
        judgeEnds(this, (job) => !isSlow(job), ENDS_WITHIN_MS),
      );
    await this.clock.run(endMs, () => this.#violation !== undefined);
    if (!this.#violation) await this.#judge();
    this.#flush();
    return {
      hash: this.#hash.digest('hex'),
      struck: this.plan.struck,
      outcomes: this.outcomes,
      violation: this.#violation,
      trace: this.#kept ?? [],
    };
  }

  async #furnish(): Promise<void> {
    const { sqs } = this.cloud;
    for (const type of TYPES) {
      const dead = `${type}-dead`;
      sqs.createQueue(dead, { MessageRetentionPeriod: String(14 * 86_400) });
      sqs.createQueue(type, {
        VisibilityTimeout: String(VISIBILITY_SECONDS),
        MessageRetentionPeriod: String(4 * 86_400),
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: sqs.arnOf(dead),
          maxReceiveCount: maxReceiveCount(contractOf(type, 'old')),
        }),
      });
    }
    await this.receivers.furnish();
    await this.books.open();
  }

  #struck(fault: Fault): void {
    this.trace(`fault: ${describeFault(fault)}`);
    if (fault.job !== undefined && FAULTS[fault.kind].site === 'send') this.messages.sendFailed(fault.job);
  }

  #arrives({ service, operation, process, body }: Call): void {
    this.trace(`${process?.name ?? 'publisher'} ${operation} ${JOB_NAME.exec(body)?.[0] ?? ''}`);
    if (service !== 'sqs' || !operation.startsWith('SendMessage')) return;
    const input = JSON.parse(body) as { MessageBody?: string; Entries?: { MessageBody?: string }[] };
    if (operation === 'SendMessage' && input.MessageBody) this.messages.expect(input.MessageBody);
    if (operation === 'SendMessageBatch')
      for (const { MessageBody = '' } of input.Entries ?? []) this.messages.expect(MessageBody);
  }

  #done({ operation, body }: Call, status: number): void {
    if (operation !== 'CreateSchedule' || status !== 200) return;
    const job = JOB_NAME.exec(body)?.[0] ?? '';
    const { ClientToken } = JSON.parse(body) as { ClientToken: string };
    this.#scheduled.set(job, (this.#scheduled.get(job) ?? new Set()).add(ClientToken));
  }

  /** After the bound: everything has ended, and the books agree. */
  async #judge(): Promise<void> {
    judgeEnds(this, () => true, SLOW_ENDS_WITHIN_MS);
    for (const job of this.messages.jobs()) this.count(endOf(this, job));
    for (const { key } of this.scenario.jobs)
      if (this.messages.of(key).waiting + this.messages.of(key).dead === 0 && !this.records.stateOf(key))
        this.count('never accepted');
    this.records.jitter();
    await this.books.judge();
  }

  #flush(): void {
    this.#hash.update(this.#lines.join('\n'));
    this.#lines.length = 0;
  }
}

function arnIn(body: string): string {
  return (JSON.parse(body) as { executionArn?: string }).executionArn ?? '';
}
