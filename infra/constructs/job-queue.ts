import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import type { IMetric, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption, RedrivePermission } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  DEAD_LETTER_RETENTION_SECONDS,
  functionTimeoutSeconds,
  type JobSettings,
  maxReceiveCount,
  RETENTION_SECONDS,
} from '../../shared/jobs/define-job.ts';
import { publishQueueVariable } from '../../shared/jobs/environment.ts';
import type { MetricName } from '../../shared/jobs/metrics.ts';
import { deadLetterQueueName, queueName } from '../../shared/jobs/names.ts';
import { carries } from '../checks/contract-of.ts';
import { FUNCTION_TIMEOUTS_HIDDEN } from '../checks/queue-items.ts';
import { ConsumerFunction } from './consumer-function.ts';
import { JobAlarms } from './job-alarms.ts';
import { jobDashboardRow } from './job-dashboard-row.ts';
import { JobMetrics } from './job-metrics.ts';
import { JobPlatform } from './job-platform.ts';
import { removalPolicyOf } from './removal-policy.ts';

export interface JobQueueProps {
  /** The contract. Everything that the construct makes follows from it and the stage's settings. */
  readonly job: JobSettings;
  /** The file that exports `handler`. @default functions/<type>/handler.ts */
  readonly entry?: string;
  /** What the stack's outputs of it begin with. @default the construct's own id */
  readonly outputs?: string;
}

/**
 * A batch is invoked with what there is. Waiting for a fuller one would save invocations, which are cheap, and cost every job
 * its waiting time.
 */
const BATCH_WINDOW_SECONDS = 0;

/**
 * All of a job type from its contract: queue and dead-letter queue, consumer, mapping, alarms and dashboard row. It needs a
 * {@link JobPlatform} in a scope around it.
 *
 * The queues live with their consumer, not with the tables, though they hold messages. A queue's policies, mapping and role name
 * each other, and as exports between stacks they could not change any more. What protects the messages: the fixed name, since
 * CloudFormation makes a replacement before it deletes, and so fails instead of replacing; the removal policy, which keeps the
 * queues in production even when a job type is taken out (`cdk import` brings them back); and a life of days, not years.
 */
export class JobQueue extends Construct {
  readonly job: JobSettings;
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly consumer: LambdaFunction;
  readonly #metrics: JobMetrics;

  constructor(scope: Construct, id: string, { job, entry, outputs = id }: JobQueueProps) {
    super(scope, id);
    const platform = JobPlatform.of(this);
    const { settings, alarmTopic, dashboard } = platform;
    const { stage } = settings;
    this.job = job;
    const always = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: removalPolicyOf(settings),
    };
    this.deadLetterQueue = new Queue(this, 'DeadLetterQueue', {
      ...always,
      queueName: deadLetterQueueName(stage, job.type),
      retentionPeriod: Duration.seconds(DEAD_LETTER_RETENTION_SECONDS),
      redriveAllowPolicy: {
        redrivePermission: RedrivePermission.BY_QUEUE,
        // By name: the queue itself needs this one's ARN first.
        sourceQueues: [
          Queue.fromQueueArn(
            this,
            'Source',
            Stack.of(this).formatArn({ service: 'sqs', resource: queueName(stage, job.type) }),
          ),
        ],
      },
    });
    this.queue = new Queue(this, 'Queue', {
      ...always,
      queueName: queueName(stage, job.type),
      retentionPeriod: Duration.seconds(RETENTION_SECONDS),
      visibilityTimeout: Duration.seconds(
        FUNCTION_TIMEOUTS_HIDDEN * functionTimeoutSeconds(job) + BATCH_WINDOW_SECONDS,
      ),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: maxReceiveCount(job) },
    });
    carries(this.queue, job);
    this.consumer = new ConsumerFunction(this, 'Consumer', {
      job,
      platform,
      queue: this.queue,
      ...(entry && { entry }),
    });
    platform.grantScheduledSend(this.queue);
    // Not SqsEventSource, which grants the consumer GetQueueUrl as well.
    new EventSourceMapping(this, 'Mapping', {
      target: this.consumer,
      eventSourceArn: this.queue.queueArn,
      batchSize: job.batchSize,
      reportBatchItemFailures: true,
      // Never reserved concurrency: a throttled poll spends a receive, and nothing ran.
      maxConcurrency: settings.jobs[job.type]?.maxConcurrency ?? job.maxConcurrency,
    });
    this.#metrics = new JobMetrics({
      stage,
      job,
      queue: this.queue,
      deadLetterQueue: this.deadLetterQueue,
      consumer: this.consumer,
    });
    new JobAlarms(this, 'Alarms', { job, settings, metrics: this.#metrics, topic: alarmTopic });
    for (const row of jobDashboardRow(job, this.#metrics)) dashboard.addWidgets(...row);
    this.#output(`${outputs}QueueUrl`, this.queue.queueUrl);
    this.#output(`${outputs}QueueArn`, this.queue.queueArn);
    this.#output(`${outputs}DeadLetterQueueUrl`, this.deadLetterQueue.queueUrl);
  }

  /**
   * Lets `grantee` publish jobs of this type. A function is also told the queue's address, in the variable that the publisher
   * reads.
   */
  grantPublish(grantee: IGrantable): Grant {
    const isTold = grantee instanceof LambdaFunction;
    if (isTold) grantee.addEnvironment(publishQueueVariable(this.job.type), this.queue.queueUrl);
    return Grant.addToPrincipal({
      grantee,
      // GetQueueUrl is for those who know the queue by its name alone.
      actions: ['sqs:SendMessage', ...(isTold ? [] : ['sqs:GetQueueUrl'])],
      resourceArns: [this.queue.queueArn],
    });
  }

  /** One of the metrics that the consumer reports. @default a sum over five minutes */
  metric(metricName: MetricName, options?: MetricOptions): Metric {
    return this.#metrics.own(metricName, options);
  }

  /** Messages that could be received now, the most in five minutes. */
  metricDepth(options?: MetricOptions): Metric {
    return this.#metrics.depth(options);
  }

  /** The age of the oldest job in seconds, the larger of AWS's measure and ours, over five minutes. */
  metricAge(options?: MetricOptions): IMetric {
    return this.#metrics.age(options);
  }

  /**
   * Failed attempts among all of five minutes, from 0 to 1.
   *
   * @param minimumVolume the rate of fewer attempts is 0
   */
  metricFailureRate(minimumVolume: number, options?: MetricOptions): IMetric {
    return this.#metrics.failureRate(minimumVolume, options);
  }

  /** Messages in the dead-letter queue, the most in five minutes. */
  metricDeadLetters(options?: MetricOptions): Metric {
    return this.#metrics.deadLetters(options);
  }

  /** Of the stack, and not of this construct, so that the name is one to type: `SendEmailQueueUrl`. */
  #output(name: string, value: string): void {
    new CfnOutput(Stack.of(this), name, { value });
  }
}
