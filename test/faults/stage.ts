import { Logger } from '@aws-lambda-powertools/logger';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { JobHandler } from '../../shared/consumer/index.ts';
import { defineJob } from '../../shared/jobs/define-job.ts';
import { tableName } from '../../shared/jobs/names.ts';
import { JOB_SORT_KEY, jobPartitionKey } from '../../shared/jobs/record.ts';
import { schedule } from '../../shared/jobs/schedule.ts';
import { STAGE } from '../lab/global-setup.ts';
import { InProcess } from '../lab/in-process.ts';
import type { Lab } from '../lab/lab.ts';

interface Payload {
  readonly key: string;
  readonly more?: string | undefined;
}
export type Handler = JobHandler<Payload>;

const JOB = defineJob({
  type: 'outcome',
  payload: z.object({ key: z.string(), more: z.string().optional() }),
  key: ({ key }) => key,
  timeoutSeconds: 1,
  schedule: schedule([10, 60]),
  cancellable: true,
});
const PATIENT = defineJob({ ...JOB, schedule: schedule([86_400]) });

/** What is measured of every message, whatever becomes of it. */
const OF_EVERY_MESSAGE: ReadonlySet<string> = new Set(['Age', 'WaitingTime', 'Duration']);

/** One job of a type of its own, and what a person sees of it. */
export class Stage {
  readonly lab: Lab;
  readonly key: string;
  readonly #consumer: InProcess<Payload, Payload>;
  readonly #lines: string[] = [];
  readonly #logger: Logger;
  #countedBefore = 0;
  #queueBefore = { visible: 0, notVisible: 0, delayed: 0 };
  #scheduledBefore: number;

  /** @param patient whether its first delay is a day */
  constructor(lab: Lab, key: string, patient = false) {
    this.lab = lab;
    this.key = key;
    this.#consumer = new InProcess(lab, patient ? PATIENT : JOB);
    this.#scheduledBefore = this.#scheduled();
    this.#logger = new Logger({ logLevel: 'SILENT' });
    for (const level of ['info', 'warn', 'error'] as const)
      this.#logger[level] = (line) => {
        this.#lines.push(`${level}: ${typeof line === 'string' ? line : line.message}`);
      };
  }

  /** The job's message. */
  publish(more?: string): Promise<void> {
    return this.#consumer.publish({ key: this.key, ...(more === undefined ? {} : { more }) });
  }

  /** As another service writes it. */
  send(changes: Record<string, unknown> | string): void {
    this.#consumer.send(
      typeof changes === 'string' ? changes : this.lab.message(JOB, { key: this.key }, changes),
    );
  }

  /** A message that SQS delivers so many seconds later. */
  sendLate(changes: Record<string, unknown>, seconds: number): void {
    const lift = this.lab.cloud.faults.delay(({ queueArn }) =>
      queueArn === this.#consumer.queueArn ? seconds : undefined,
    );
    this.send(changes);
    lift();
  }

  /** Time goes on until a hidden message is visible again, and everything visible is delivered once. */
  async deliver(handler: Handler, remainingSeconds = 60): Promise<void> {
    if (this.lab.cloud.sqs.counts(this.#consumer.queueArn).visible === 0) await this.#consumer.untilVisible();
    await this.#consumer.deliver({ handler, remainingSeconds, runtime: { logger: this.#logger } });
  }

  /** An invocation that never answers, with so much of its time left. */
  async die(seconds = 40): Promise<void> {
    void this.#consumer
      .deliver({ handler: () => new Promise(() => {}), remainingSeconds: seconds })
      .catch(() => {});
    await this.running();
  }

  async running(): Promise<void> {
    await this.lab.until(async () => (await this.record())?.state === 'running');
  }

  async cancel(): Promise<void> {
    await this.lab.dynamo.send(
      new UpdateCommand({
        TableName: tableName(STAGE, 'jobs'),
        Key: { pk: jobPartitionKey(JOB.type, this.key), sk: JOB_SORT_KEY },
        UpdateExpression: 'SET cancelRequestedAtMs = :now',
        ExpressionAttributeValues: { ':now': this.lab.cloud.clock.now() },
      }),
    );
  }

  /** What came before was only to get there. */
  curtain(): void {
    this.#lines.length = 0;
    this.#countedBefore = this.#consumer.counted.length;
    this.#queueBefore = this.lab.cloud.sqs.counts(this.#consumer.queueArn);
    this.#scheduledBefore = this.#scheduled();
  }

  record() {
    return this.#consumer.record(this.key);
  }

  lines(): readonly string[] {
    return [...new Set(this.#lines)];
  }

  metrics(): readonly string[] {
    const counted = this.#consumer.counted.slice(this.#countedBefore).map(({ name }) => name);
    return [...new Set(counted)].filter((name) => !OF_EVERY_MESSAGE.has(name));
  }

  /** Where the delivery's message is. */
  message(): string {
    const { visible, notVisible, delayed } = this.lab.cloud.sqs.counts(this.#consumer.queueArn);
    const before = this.#queueBefore;
    const where = [
      delayed > before.delayed ? 'sent again with a delay, and deleted' : '',
      this.#scheduled() > this.#scheduledBefore ? 'scheduled to be sent again, and deleted' : '',
      notVisible > before.notVisible ? 'hidden' : '',
      visible > before.visible ? 'visible at once' : '',
    ].filter((part) => part !== '');
    return where.length === 0 ? 'deleted' : where.join(', ');
  }

  #scheduled(): number {
    return this.lab.cloud.scheduler.schedules.due(Number.MAX_SAFE_INTEGER).length;
  }

  /** Delivers until nothing is left. @returns how many messages lie dead */
  async untilDead(handler: Handler): Promise<number> {
    await this.#consumer.drain({ handler, runtime: { logger: this.#logger } });
    return this.#consumer.messages().dead;
  }
}
