import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { sqsEvent } from '../../local/lambda/sqs-event.ts';
import { Publisher, type PublishOptions } from '../../shared/client/publisher.ts';
import { consume, type JobHandler, type Runtime } from '../../shared/consumer/index.ts';
import { StepResults } from '../../shared/consumer/step-results.ts';
import { type Job, maxReceiveCount } from '../../shared/jobs/define-job.ts';
import type { MetricName } from '../../shared/jobs/metrics.ts';
import { queueName, tableName } from '../../shared/jobs/names.ts';
import type { JobRecord, StepRecord } from '../../shared/jobs/record.ts';
import { STAGE } from './global-setup.ts';
import type { Lab } from './lab.ts';

/** Long enough for any attempt of a test; what SQS hides by itself is never longer. */
const REMAINING_SECONDS = 60;

export interface DeliveryOptions<Payload> {
  readonly handler: JobHandler<Payload>;
  /** What the invocation has left when it begins. @default 60 */
  readonly remainingSeconds?: number;
  /** Parts of the runtime to replace, such as a client that fails. */
  readonly runtime?: Partial<Runtime>;
}

let made = 0;

/** The template's own sends to the template's queues alone, which those in process are not among. */
function schedulerRole(lab: Lab): string {
  const service = { Service: 'scheduler.amazonaws.com' };
  return lab.cloud.iam.addRole(
    'in-process',
    [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: service }],
    [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: lab.cloud.sqs.arnOf('*') }],
  );
}

/**
 * A job type whose handler runs in the test's own process: the real consumer, Powertools and SDK clients on a lab's tables, and a queue
 * of its own with a dead-letter queue. No mapping reads it: the test says when a batch is received, and so can make two of them meet.
 */
export class InProcess<Payload, Input> {
  readonly job: Job<Payload, Input>;
  readonly queueArn: string;
  readonly deadLetterArn: string;
  readonly runtime: Runtime;
  /** Everything that the consumer counted, oldest first. */
  readonly counted: { readonly name: string; readonly value: number }[] = [];
  readonly #lab: Lab;
  readonly #publisher: Publisher;

  constructor(lab: Lab, job: Job<Payload, Input>) {
    const { sqs, clock } = lab.cloud;
    const name = `${queueName(STAGE, job.type)}-in-process-${++made}`;
    sqs.createQueue(`${name}-dead`);
    this.job = job;
    this.#lab = lab;
    this.deadLetterArn = sqs.arnOf(`${name}-dead`);
    const queueUrl = sqs.createQueue(name, {
      VisibilityTimeout: String(6 * REMAINING_SECONDS),
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: this.deadLetterArn,
        maxReceiveCount: maxReceiveCount(job),
      }),
    });
    this.queueArn = sqs.arnOf(name);
    const logger = new Logger({ logLevel: 'SILENT' });
    const metrics = new Metrics({ namespace: 'in-process', serviceName: job.type, logger });
    metrics.addMetric = (counted, _unit, value) => {
      this.counted.push({ name: counted, value });
      return metrics;
    };
    this.runtime = {
      dynamo: lab.dynamo,
      sqs: lab.sqs,
      jobsTable: tableName(STAGE, 'jobs'),
      queueUrl,
      scheduler: new SchedulerClient({
        endpoint: lab.cloud.endpoint,
        region: lab.cloud.region,
        credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
      }),
      schedules: { groupName: `honest-jobs-${STAGE}`, roleArn: schedulerRole(lab) },
      // Keeps nothing above what a record holds.
      results: new StepResults('in-process', () => Promise.reject(new Error('No bucket in process'))),
      logger,
      metrics,
      now: () => clock.now(),
      random: Math.random,
    };
    this.#publisher = new Publisher({
      sqs: lab.sqs,
      source: '/test',
      queueUrl: () => queueUrl,
      now: () => clock.now(),
    });
  }

  async publish(...inputs: readonly Input[]): Promise<void> {
    const { notAccepted } = await this.#publisher.publishMany(
      this.job,
      inputs.map((payload) => ({ payload })),
    );
    if (notAccepted[0]) throw new Error(notAccepted[0].message);
  }

  /** Sends a body as it stands, as one of another language may. */
  send(body: string): void {
    this.#lab.cloud.sqs.send(this.queueArn, { MessageBody: body });
  }

  async publishOne(payload: Input, options: PublishOptions): Promise<void> {
    await this.#publisher.publish(this.job, payload, options);
  }

  /** Receives what is visible, up to a batch, and runs it; deletes what was not reported. `undefined`: nothing was there. */
  async deliver({
    handler,
    remainingSeconds = REMAINING_SECONDS,
    runtime,
  }: DeliveryOptions<Payload>): Promise<SQSBatchResponse | undefined> {
    const { sqs, clock, region } = this.#lab.cloud;
    const messages = await sqs.receive(this.queueArn, { maxMessages: this.job.batchSize });
    if (messages.length === 0) return undefined;
    const untilMs = clock.now() + remainingSeconds * 1000;
    const context = {
      awsRequestId: crypto.randomUUID(),
      getRemainingTimeInMillis: () => untilMs - clock.now(),
    } as Context;
    const event = JSON.parse(sqsEvent(messages, this.queueArn, region).payload) as SQSEvent;
    const response = await consume(this.job, handler, { ...this.runtime, ...runtime })(event, context);
    const failed = new Set(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const done = messages.filter(({ messageId }) => !failed.has(messageId));
    if (done.length > 0)
      sqs.deleteMessages(
        this.queueArn,
        done.map(({ receiptHandle }) => receiptHandle),
      );
    return response;
  }

  /** Delivers until the queue is empty, skipping the time between. */
  async drain(options: DeliveryOptions<Payload>): Promise<void> {
    const { sqs, clock } = this.#lab.cloud;
    for (;;) {
      while (await this.deliver(options));
      const nextMs = sqs.nextEventMs(this.queueArn);
      if (nextMs === undefined) return;
      await clock.pass(Math.max(1, nextMs - clock.now()));
    }
  }

  /** Moves time on to when the next hidden message is visible again. */
  async untilVisible(): Promise<void> {
    const { sqs, clock } = this.#lab.cloud;
    const nextMs = sqs.nextEventMs(this.queueArn);
    if (nextMs !== undefined) await clock.pass(Math.max(1, nextMs - clock.now()));
  }

  async record(key: string): Promise<JobRecord | undefined> {
    return this.#lab.record(this.job, key);
  }

  async step(key: string, name: string): Promise<StepRecord | undefined> {
    const steps = await this.#lab.lookup.steps({ pk: `${this.job.type}#${key}` });
    return steps.find(({ sk }) => sk === `step#${name}`);
  }

  /** How often the consumer counted it. */
  count(name: MetricName): number {
    return this.counted.filter((one) => one.name === name).reduce((sum, { value }) => sum + value, 0);
  }

  /** Messages on the queue in whatever state, and in its dead-letter queue. */
  messages(): { readonly left: number; readonly dead: number } {
    const { sqs } = this.#lab.cloud;
    const sum = (arn: string): number => {
      const { visible, notVisible, delayed } = sqs.counts(arn);
      return visible + notVisible + delayed;
    };
    return { left: sum(this.queueArn), dead: sum(this.deadLetterArn) };
  }
}
