import { fileURLToPath } from 'node:url';
import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { DEAD_LETTER_RETENTION_SECONDS } from '../../shared/jobs/define-job.ts';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import {
  deadLetterQueueName,
  EXECUTION_ENDS,
  functionName,
  stageDataPrefix,
} from '../../shared/jobs/names.ts';
import { jobPartitionKey } from '../../shared/jobs/record.ts';
import { AppFunction } from './app-function.ts';
import type { JobPlatform } from './job-platform.ts';
import type { JobQueue } from './job-queue.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

const ENTRY = fileURLToPath(new URL('../../functions/execution-ended/handler.ts', import.meta.url));

/**
 * Records what became of staged jobs when their executions end: one function for all of them, which EventBridge tells. What it cannot record is
 * kept in a queue, and an alarm says so: such a job would be "started" for ever.
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
      removalPolicy: settings.removalPolicy === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.#lost = lost;
    this.#recorder = new AppFunction(this, 'Recorder', {
      settings,
      functionName: name,
      description: 'Records what became of staged jobs',
      entry: ENTRY,
      memoryMegabytes: 256,
      timeoutSeconds: 30,
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
  }

  /** Records the ends of this machine's executions from now on. */
  add(machine: StateMachine, { job, queue }: JobQueue): void {
    const { jobsTable, bucket } = this.#platform;
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
    // What an event leaves out since it is too large.
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
