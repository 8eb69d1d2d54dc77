import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { GraphWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { stageDataPrefix, stateMachineName } from '../../shared/jobs/names.ts';
import type { StagedJobSettings } from '../../shared/jobs/staged-job.ts';
import { ExecutionEnds, executionArns } from './execution-ends.ts';
import { JobPlatform } from './job-platform.ts';
import { JobQueue } from './job-queue.ts';
import { RunbookAlarm } from './runbook-alarm.ts';
import { StageFunction } from './stage-function.ts';
import { stageMachine } from './stage-machine.ts';

export interface StagedJobProps {
  /** The contract. */
  readonly job: StagedJobSettings;
  /** The file that exports the starter's `handler`. @default functions/stage-starter/handler.ts */
  readonly starterEntry?: string;
  /** The file that exports a stage's `handler`, by its name. @default functions/<type>/<stage>.ts */
  readonly stageEntry?: (stage: string) => string;
}

const STARTER = fileURLToPath(new URL('../../functions/stage-starter/handler.ts', import.meta.url));

/** A stage that takes this part of its time is soon one that times out. */
const SLOW_STAGE = 0.8;

/**
 * All of a staged job from its contract: the queue like any other job's, whose consumer only starts an execution; a function a stage; the state
 * machine; and who records what became of the job when its execution ends. It needs a {@link JobPlatform} in a scope around it.
 */
export class StagedJob extends Construct {
  readonly job: StagedJobSettings;
  readonly jobQueue: JobQueue;
  readonly stateMachine: StateMachine;
  readonly #functions: ReadonlyMap<string, LambdaFunction>;

  constructor(scope: Construct, id: string, props: StagedJobProps) {
    super(scope, id);
    const { job, starterEntry = STARTER, stageEntry } = props;
    this.job = job;
    const platform = JobPlatform.of(this);
    this.jobQueue = new JobQueue(this, 'Starter', { job, entry: starterEntry, outputs: id });
    this.#functions = new Map(
      job.stages.flat().map((stage) => {
        const entry = stageEntry?.(stage.name);
        return [
          stage.name,
          new StageFunction(this, stage.name, { job, stage, platform, ...(entry && { entry }) }),
        ];
      }),
    );
    this.stateMachine = this.#machine(platform);
    this.#letStarterStart();
    ExecutionEnds.of(platform).add(this.stateMachine, job, this.jobQueue);
    this.#alarms(platform);
    platform.dashboard.addWidgets(...this.#widgets());
  }

  /** The function of a stage, to grant it what it reaches beyond its records and data. @throws Error naming the stages that there are */
  stage(name: string): LambdaFunction {
    const found = this.#functions.get(name);
    if (!found)
      throw new Error(
        `${this.job.type} has no stage "${name}"; it has ${[...this.#functions.keys()].join(', ')}.`,
      );
    return found;
  }

  /** Lets `grantee` publish jobs of this type. */
  grantPublish(grantee: IGrantable): void {
    this.jobQueue.grantPublish(grantee);
  }

  #machine({ settings }: JobPlatform): StateMachine {
    const definition = stageMachine(this.job, {
      partition: Stack.of(this).partition,
      functionArn: (name) => this.stage(name).functionArn,
    });
    const name = stateMachineName(settings.stage, this.job.type);
    const machine = new StateMachine(this, 'Machine', {
      stateMachineName: name,
      definitionBody: DefinitionBody.fromString(Stack.of(this).toJsonString(definition)),
      logs: {
        // Step Functions writes to groups of this prefix without a policy of its own for each, of which an account has few.
        destination: new LogGroup(this, 'MachineLogs', {
          logGroupName: `/aws/vendedlogs/states/${name}`,
          retention: settings.logRetentionDays,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ERROR,
      },
    });
    machine.addToRolePolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [...this.#functions.values()].map(({ functionArn }) => functionArn),
      }),
    );
    return machine;
  }

  #letStarterStart(): void {
    const { consumer } = this.jobQueue;
    const { stateMachine } = this;
    consumer.addEnvironment(ENVIRONMENT.type, this.job.type);
    consumer.addEnvironment(ENVIRONMENT.stateMachineArn, stateMachine.stateMachineArn);
    consumer.addToRolePolicy(
      new PolicyStatement({ actions: ['states:StartExecution'], resources: [stateMachine.stateMachineArn] }),
    );
    // A payload that is too large for an execution's data.
    consumer.addToRolePolicy(
      new PolicyStatement({
        actions: ['s3:PutObject'],
        resources: [JobPlatform.of(this).bucket.arnForObjects(`${stageDataPrefix(this.job.type)}*`)],
      }),
    );
    consumer.addToRolePolicy(
      new PolicyStatement({
        actions: ['states:DescribeExecution', 'states:RedriveExecution'],
        resources: [executionArns(stateMachine)],
      }),
    );
  }

  #alarms({ settings, alarmTopic }: JobPlatform): void {
    const { runbook } = settings;
    const always = { runbook, topic: alarmTopic, threshold: 1 };
    const subject = stateMachineName(settings.stage, this.job.type);
    const sum = { statistic: Stats.SUM, period: Duration.minutes(1) };
    new RunbookAlarm(this, 'FailedExecutions', {
      ...always,
      subject,
      name: 'failed-executions',
      severity: 'warning',
      says: 'an execution failed for good; its job is on its way to the dead-letter queue, unless somebody cancelled it',
      metric: this.stateMachine.metricFailed(sum),
    });
    new RunbookAlarm(this, 'TimedOutExecutions', {
      ...always,
      subject,
      name: 'timed-out-executions',
      severity: 'warning',
      says: 'an execution ran out of time; its job is on its way to the dead-letter queue',
      metric: this.stateMachine.metricTimedOut(sum),
    });
    for (const stage of this.job.stages.flat())
      new RunbookAlarm(this, `Slow-${stage.name}`, {
        ...always,
        subject: `${subject}-${stage.name}`,
        name: 'stage-duration',
        severity: 'warning',
        says: `stage "${stage.name}" takes most of its time`,
        metric: this.stage(stage.name).metricDuration({
          statistic: Stats.MAXIMUM,
          period: Duration.minutes(5),
        }),
        threshold: SLOW_STAGE * stage.timeoutSeconds * 1000,
      });
  }

  #widgets(): GraphWidget[] {
    const five = { period: Duration.minutes(5) };
    const stages = [...this.#functions];
    return [
      new GraphWidget({
        title: `${this.job.type}: executions`,
        width: 8,
        left: [
          this.stateMachine.metricStarted(five),
          this.stateMachine.metricSucceeded(five),
          this.stateMachine.metricFailed(five),
          this.stateMachine.metricTimedOut(five),
        ],
      }),
      new GraphWidget({
        title: `${this.job.type}: stage duration, maximum`,
        width: 8,
        left: stages.map(([label, stage]) =>
          stage.metricDuration({ ...five, statistic: Stats.MAXIMUM, label }),
        ),
      }),
      new GraphWidget({
        title: `${this.job.type}: failed runs of stages`,
        width: 8,
        left: stages.map(([label, stage]) => stage.metricErrors({ ...five, label })),
      }),
    ];
  }
}
