import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  ListMessageMoveTasksCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type LocalCloud, type LocalCloudOptions, startLocalCloud } from '../../local/cloud.ts';
import { RunningClock } from '../../local/kernel/clock.ts';
import { type DeadLetter, peekDeadLetters } from '../../shared/client/dead-letters.ts';
import { JobLookup } from '../../shared/client/job-lookup.ts';
import { Publisher, type PublishOptions } from '../../shared/client/publisher.ts';
import { queueUrlsOfStage } from '../../shared/client/queue-urls.ts';
import type { AnyJob, Job } from '../../shared/jobs/define-job.ts';
import { SPEC_VERSION } from '../../shared/jobs/message.ts';
import type { MetricName } from '../../shared/jobs/metrics.ts';
import { deadLetterQueueName, queueName } from '../../shared/jobs/names.ts';
import type { JobRecord } from '../../shared/jobs/record.ts';

export interface LabOptions
  extends Pick<LocalCloudOptions, 'assembly' | 'dataDirectory' | 'maxWorkers' | 'seed'> {
  readonly stage: string;
  /** The cloud's time at first, for a folder whose cloud has skipped ahead. @default now */
  readonly startMs?: number;
}

/**
 * The deployed template in a local cloud whose time you move, for tests of your own jobs: publish, drain, look.
 *
 * @example
 * const lab = await Lab.start({ assembly, stage: 'dev' });
 * await lab.publishTwice(sendReceipt, { orderId: '1', email: 'kim@example.com' });
 * await lab.drain();
 * expect(await lab.record(sendReceipt, '1')).toMatchObject({ state: 'completed', attempts: 1 });
 */
export class Lab {
  readonly cloud: LocalCloud;
  readonly sqs: SQSClient;
  readonly dynamo: DynamoDBDocumentClient;
  readonly publisher: Publisher;
  readonly lookup: JobLookup;
  /** Each line that a function logged, oldest first. */
  readonly logs: readonly string[];
  readonly #stage: string;

  static async start({ stage, startMs, ...options }: LabOptions): Promise<Lab> {
    const logs: string[] = [];
    const cloud = await startLocalCloud({
      ...options,
      clock: new RunningClock(startMs === undefined ? {} : { startMs }),
      onLog: ({ line }) => logs.push(line),
    });
    const lab = new Lab(cloud, stage, logs);
    lab.runSchedules(false);
    return lab;
  }

  private constructor(cloud: LocalCloud, stage: string, logs: readonly string[]) {
    const client = {
      endpoint: cloud.endpoint,
      region: cloud.region,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
    };
    this.cloud = cloud;
    this.logs = logs;
    this.#stage = stage;
    this.sqs = new SQSClient(client);
    this.dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(client));
    this.lookup = new JobLookup(this.dynamo, stage);
    this.publisher = new Publisher({
      sqs: this.sqs,
      source: '/test',
      queueUrl: queueUrlsOfStage(this.sqs, stage),
      now: () => cloud.clock.now(),
    });
  }

  async publish<Payload, Input>(
    job: Job<Payload, Input>,
    payload: Input,
    options?: PublishOptions,
  ): Promise<void> {
    await this.publisher.publish(job, payload, options);
  }

  /** The same job in two messages, as a publisher sends it that timed out. */
  async publishTwice<Payload, Input>(
    job: Job<Payload, Input>,
    payload: Input,
    options?: PublishOptions,
  ): Promise<void> {
    const publication = { payload, ...options, id: options?.id ?? crypto.randomUUID() };
    await this.publisher.publishMany(job, [publication, publication]);
  }

  /** Sends a body to a job's queue as it stands. @returns the message's id */
  async send(job: AnyJob, body: string): Promise<string> {
    const QueueUrl = await queueUrlsOfStage(this.sqs, this.#stage)(job.type);
    const { MessageId } = await this.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    return MessageId ?? '';
  }

  /** A message as another service would write it. */
  message(job: AnyJob, data: unknown, changes: Record<string, unknown> = {}): string {
    return JSON.stringify({
      specversion: SPEC_VERSION,
      id: crypto.randomUUID(),
      source: '/other',
      type: job.type,
      data,
      ...changes,
    });
  }

  /** Whether rules with a schedule fire. A month that is skipped would be thousands of their events. @default they do not */
  runSchedules(run: boolean): void {
    const { rules } = this.cloud.events;
    for (const rule of rules.all())
      if (rule.schedule !== undefined) rules.put({ ...rule, state: run ? 'ENABLED' : 'DISABLED' });
  }

  /** Moves time on; what falls due on the way happens at its time. */
  async advance(seconds: number): Promise<void> {
    await this.cloud.clock.pass(seconds * 1000);
  }

  /** Waits, without moving time, until nothing runs and nothing is due. */
  async settle(): Promise<void> {
    while (!this.cloud.idle()) await new Promise((turn) => setTimeout(turn, 5));
  }

  /** Runs everything to its end, skipping the time between: retries, backoffs, redeliveries. */
  async drain(): Promise<void> {
    for (;;) {
      await this.settle();
      const nextMs = this.cloud.nextEventMs();
      if (nextMs === undefined) return;
      await this.cloud.clock.pass(Math.max(1, nextMs - this.cloud.clock.now()));
    }
  }

  async record(job: AnyJob, key: string): Promise<JobRecord | undefined> {
    return this.lookup.byKey(job.type, key);
  }

  /** What lies in the job's dead-letter queue, with its reasons. It stays there and stays visible. */
  async deadLetters(job: AnyJob): Promise<DeadLetter[]> {
    const { letters } = await peekDeadLetters(job, {
      sqs: this.sqs,
      stage: this.#stage,
      lookup: this.lookup,
    });
    return [...letters];
  }

  /** The newest dead letter of a key. */
  async deadLetterOf(job: AnyJob, key: string): Promise<DeadLetter | undefined> {
    return (await this.deadLetters(job)).filter((letter) => letter.job?.key === key).at(-1);
  }

  /** Moves everything in the job's dead-letter queue back to its queue, as the console's "Start DLQ redrive" does. */
  async redrive(job: AnyJob): Promise<void> {
    const SourceArn = this.cloud.sqs.arnOf(deadLetterQueueName(this.#stage, job.type));
    await this.sqs.send(new StartMessageMoveTaskCommand({ SourceArn }));
    await this.until(async () => {
      const { Results = [] } = await this.sqs.send(new ListMessageMoveTasksCommand({ SourceArn }));
      await this.advance(1);
      return Results[0]?.Status !== 'RUNNING';
    });
  }

  /** Waits, without moving time, until `condition` holds. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((turn) => setTimeout(turn, 5));
  }

  /** All values that the job's consumer reported of a metric, oldest first. */
  metric(job: AnyJob, name: MetricName): number[] {
    return this.logs
      .filter((line) => line.includes('"_aws"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ service }) => service === job.type)
      .flatMap((metrics) => (metrics[name] ?? []) as number | number[]);
  }

  queueArn(job: AnyJob): string {
    return this.cloud.sqs.arnOf(queueName(this.#stage, job.type));
  }

  async stop(): Promise<void> {
    this.sqs.destroy();
    this.dynamo.destroy();
    await this.cloud.stop();
  }
}
