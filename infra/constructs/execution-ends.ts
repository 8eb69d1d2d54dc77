import { fileURLToPath } from 'node:url';
import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { DEAD_LETTER_RETENTION_SECONDS } from '../../shared/jobs/define-job.ts';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { ENDS_SWEPT, METRIC_DIMENSION, metricNamespace } from '../../shared/jobs/metrics.ts';
import {
  deadLetterQueueName,
  EXECUTION_ENDS,
  functionName,
  stageDataPrefix,
} from '../../shared/jobs/names.ts';
import { jobPartitionKey } from '../../shared/jobs/record.ts';
import type { StagedJobSettings } from '../../shared/jobs/staged-job.ts';
import type { SweepRequest } from '../../shared/stages/sweep-ends.ts';
import { AppFunction } from './app-function.ts';
import type { JobPlatform } from './job-platform.ts';
import type { JobQueue } from './job-queue.ts';
import { removalPolicyOf } from './removal-policy.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

const ENTRY = fileURLToPath(new URL('../../functions/execution-ended/handler.ts', import.meta.url));

const SWEEP_EVERY = Duration.minutes(15);
/** Each end is looked at in four sweeps, so that some of them may fail; the last five minutes are left to events. */
const SWEEP_WITHIN = Duration.minutes(65);

/**
 * Records what became of staged jobs when their executions end: one function for all of them, which EventBridge tells; and which looks every
 * quarter of an hour for ends that it was not told of. What it cannot record is kept in a queue, and an alarm says so: such a job would be
 * "started" for ever.
 */
export class ExecutionEnds extends Construct {
  readonly #platform: JobPlatform;
  readonly #recorder: AppFunction;
  readonly #lost: Queue;

  /** The one of the platform, made when the first staged job asks for it. */
  static of(platform: JobPlatform): ExecutionEnds {
    const found = platform.node.tryFindChild('ExecutionEnds');
    return (found as ExecutionEnds | undefined) ?? new ExecutionEnds(platform, 'ExecutionEnds');
  }

  private constructor(platform: JobPlatform, id: string) {
    super(platform, id);
    this.#platform = platform;
    const { settings, jobsTable, bucket, alarmTopic } = platform;
    const name = functionName(settings.stage, EXECUTION_ENDS);
    const lost = new Queue(this, 'Lost', {
      queueName: deadLetterQueueName(settings.stage, EXECUTION_ENDS),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.seconds(DEAD_LETTER_RETENTION_SECONDS),
      removalPolicy: removalPolicyOf(settings),
    });
    this.#lost = lost;
    this.#recorder = new AppFunction(this, 'Recorder', {
      settings,
      functionName: name,
      description: 'Records what became of staged jobs',
      entry: ENTRY,
      memoryMegabytes: 256,
      // Of a sweep; an event takes a moment.
      timeoutSeconds: 300,
      service: EXECUTION_ENDS,
      environment: {
        [ENVIRONMENT.jobsTable]: jobsTable.tableName,
        [ENVIRONMENT.bucket]: bucket.bucketName,
      },
      options: {
        retryAttempts: 2,
        maxEventAge: Duration.hours(6),
        onFailure: { bind: () => ({ destination: lost.queueArn }) },
      },
    });
    this.#recorder.addToRolePolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [lost.queueArn] }),
    );
    new RunbookAlarm(this, 'LostEnds', {
      subject: name,
      name: 'lost-ends',
      severity: 'critical',
      says: 'the ends of executions could not be recorded; their jobs look as if they ran for ever',
      runbook: settings.runbook,
      metric: lost.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      threshold: 1,
      topic: alarmTopic,
    });
    new RunbookAlarm(this, 'SweptEnds', {
      subject: name,
      name: 'swept-ends',
      severity: 'warning',
      says: 'executions had ended and no event has told of it; their jobs have their ends by now',
      runbook: settings.runbook,
      metric: new Metric({
        namespace: metricNamespace(settings.stage),
        metricName: ENDS_SWEPT,
        dimensionsMap: { [METRIC_DIMENSION]: EXECUTION_ENDS },
        statistic: Stats.SUM,
        period: Duration.minutes(5),
      }),
      threshold: 1,
      topic: alarmTopic,
    });
  }

  /** Records the ends of this machine's executions from now on. */
  add(machine: StateMachine, job: StagedJobSettings, { queue }: JobQueue): void {
    const { jobsTable, bucket } = this.#platform;
    this.#sweep(machine, job);
    new Rule(machine, 'Ended', {
      description: `The ends of ${job.type}'s executions`,
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          stateMachineArn: [machine.stateMachineArn],
          status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
        },
      },
      targets: [new LambdaTarget(this.#recorder, { deadLetterQueue: this.#lost })],
    });
    this.#recorder.addToRolePolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }),
    );
    this.#recorder.addToRolePolicy(
      new PolicyStatement({
        actions: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
        resources: [jobsTable.tableArn],
        conditions: {
          'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [jobPartitionKey(job.type, '*')] },
        },
      }),
    );
    // What an event leaves out since it is too large, and what there is no event of.
    this.#recorder.addToRolePolicy(
      new PolicyStatement({
        actions: ['states:DescribeExecution'],
        resources: [executionArns(machine)],
      }),
    );
    this.#recorder.addToRolePolicy(
      new PolicyStatement({
        actions: ['s3:GetObject'],
        resources: [bucket.arnForObjects(`${stageDataPrefix(job.type)}*`)],
      }),
    );
  }

  #sweep(machine: StateMachine, { type, executionTimeoutSeconds }: StagedJobSettings): void {
    const request: SweepRequest = {
      sweep: {
        stateMachineArn: machine.stateMachineArn,
        executionTimeoutSeconds,
        withinSeconds: SWEEP_WITHIN.toSeconds(),
      },
    };
    const event = RuleTargetInput.fromObject(request);
    new Rule(machine, 'Swept', {
      description: `Looks for ends of ${type}'s executions that no event has told of`,
      schedule: Schedule.rate(SWEEP_EVERY),
      targets: [new LambdaTarget(this.#recorder, { deadLetterQueue: this.#lost, event })],
    });
    this.#recorder.addToRolePolicy(
      new PolicyStatement({ actions: ['states:ListExecutions'], resources: [machine.stateMachineArn] }),
    );
  }
}

/** All executions of a state machine. */
export function executionArns(machine: StateMachine): string {
  return Stack.of(machine).formatArn({
    service: 'states',
    resource: 'execution',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    resourceName: `${machine.stateMachineName}:*`,
  });
}
