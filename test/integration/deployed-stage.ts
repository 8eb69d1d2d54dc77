import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { expect, type TestContext } from 'vitest';
import { synthesize } from '../../cli/synth.ts';
import { type LocalCloud, startLocalCloud } from '../../local/cloud.ts';
import { type DeadLetter, peekDeadLetters } from '../../shared/client/dead-letters.ts';
import { JobLookup } from '../../shared/client/job-lookup.ts';
import { Publisher } from '../../shared/client/publisher.ts';
import { QueueNotFound, queueUrlsOfStage } from '../../shared/client/queue-urls.ts';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import type { JobRecord, JobState } from '../../shared/jobs/record.ts';
import type { ClientSettings } from '../conformance/endpoint.ts';
import { integrationProbe } from './probe/contract.ts';

/** The stage of the embedded cloud, which nobody else has. */
const EMBEDDED_STAGE = 'integration';
const LOOK_EVERY_MS = 200;

/**
 * A stage of the app, known by its endpoint alone: nothing here moves time or looks inside the cloud. `INTEGRATION_STAGE` names one that
 * is deployed where the SDK's own environment leads (`AWS_ENDPOINT_URL`, else AWS); without it, one is started in the embedded cloud.
 */
export class DeployedStage {
  readonly stage: string;
  readonly client: ClientSettings;
  readonly sqs: SQSClient;
  readonly dynamo: DynamoDBDocumentClient;
  readonly lookup: JobLookup;
  readonly publisher: Publisher;
  readonly queueUrl: (type: string) => Promise<string>;
  readonly #embedded: LocalCloud | undefined;
  readonly #hasProbe: boolean;

  static async open(): Promise<DeployedStage> {
    const {
      INTEGRATION_STAGE: named,
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region = 'us-east-1',
    } = process.env;
    if (named !== undefined) {
      const client = endpoint
        ? { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
        : { region };
      return new DeployedStage(named, client, await hasProbe(new SQSClient(client), named));
    }
    const { directory } = await synthesize(EMBEDDED_STAGE, 'test/integration/app.ts');
    const cloud = await startLocalCloud({ assembly: directory });
    const client = {
      endpoint: cloud.endpoint,
      region: cloud.region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    return new DeployedStage(EMBEDDED_STAGE, client, true, cloud);
  }

  private constructor(stage: string, client: ClientSettings, probe: boolean, embedded?: LocalCloud) {
    this.stage = stage;
    this.client = client;
    this.#hasProbe = probe;
    this.#embedded = embedded;
    this.sqs = new SQSClient(client);
    this.dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(client));
    this.lookup = new JobLookup(this.dynamo, stage);
    this.queueUrl = queueUrlsOfStage(this.sqs, stage);
    this.publisher = new Publisher({ sqs: this.sqs, source: '/integration', queueUrl: this.queueUrl });
  }

  /** The probe, or a skip where the stage was deployed without one. */
  probe(test: TestContext): typeof integrationProbe {
    if (!this.#hasProbe)
      test.skip(
        `stage "${this.stage}" has no ${integrationProbe.type} queue: it is not of test/integration/app.ts`,
      );
    return integrationProbe;
  }

  /** Sends a body to a job's queue as it stands. */
  async send(job: AnyJob, body: string): Promise<void> {
    const QueueUrl = await this.queueUrl(job.type);
    await this.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
  }

  /** The job's record once it is in the state. @throws where it comes to another end, or to none within the time */
  async becomes(job: AnyJob, key: string, state: JobState, withinSeconds = 60): Promise<JobRecord> {
    let seen: JobRecord | undefined;
    await this.until(
      async () => {
        seen = await this.lookup.byKey(job.type, key);
        return seen?.state === state;
      },
      () => `${job.type}#${key} is ${seen?.state ?? 'unknown'} after ${withinSeconds} s, not ${state}`,
      withinSeconds,
    );
    return seen as JobRecord;
  }

  /** The dead letters that `which` is true of, once there is one. */
  async deadLetters(
    job: AnyJob,
    which: (letter: DeadLetter) => boolean,
    withinSeconds = 60,
  ): Promise<DeadLetter[]> {
    const { sqs, stage, lookup } = this;
    let found: DeadLetter[] = [];
    await this.until(
      async () => {
        found = (await peekDeadLetters(job, { sqs, stage, lookup })).letters.filter(which);
        return found.length > 0;
      },
      () => `no such dead letter of ${job.type} after ${withinSeconds} s`,
      withinSeconds,
    );
    return found;
  }

  /** Moves the dead letters of a job type back to its queue, as the console's "Start DLQ redrive" does. @returns the task's status */
  async redrive(job: AnyJob): Promise<string> {
    const { Attributes } = await this.sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: await this.queueUrl(job.type),
        AttributeNames: ['RedrivePolicy'],
      }),
    );
    const { deadLetterTargetArn: SourceArn } = JSON.parse(Attributes?.RedrivePolicy ?? '{}');
    await this.sqs.send(new StartMessageMoveTaskCommand({ SourceArn }));
    let status = '';
    await this.until(
      async () => {
        const { Results = [] } = await this.sqs.send(new ListMessageMoveTasksCommand({ SourceArn }));
        status = Results[0]?.Status ?? '';
        return status !== 'RUNNING';
      },
      () => 'the move task is still running',
    );
    return status;
  }

  /**
   * Redrives and waits until the job has completed, or skips on LocalStack, which moves a letter as it was: its verdict then binds it still.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
   */
  async completesAfterRedrive(job: AnyJob, letter: DeadLetter, test: TestContext): Promise<JobRecord> {
    expect(await this.redrive(job)).toBe('COMPLETED');
    const { sqs, stage, lookup } = this;
    const key = letter.job?.key ?? '';
    await this.until(
      async () => {
        if ((await lookup.byKey(job.type, key))?.state === 'completed') return true;
        // Elsewhere a letter that has kept its id is a fault, and the job must complete.
        if (process.env.CONFORMANCE_TARGET !== 'localstack') return false;
        const { letters } = await peekDeadLetters(job, { sqs, stage, lookup });
        if (
          letters.some(
            ({ messageId, sentAtMs }) => messageId === letter.messageId && sentAtMs === letter.sentAtMs,
          )
        )
          test.skip(
            'a redriven message keeps its id and its SentTimestamp in LocalStack; on AWS it is given new ones',
          );
        return false;
      },
      () => `${job.type}#${key} has not completed after its redrive`,
    );
    return this.becomes(job, key, 'completed');
  }

  /** Waits until `condition` holds. @throws with what `otherwise` says where it does not within the time */
  async until(condition: () => Promise<boolean>, otherwise: () => string, withinSeconds = 60): Promise<void> {
    const endMs = Date.now() + withinSeconds * 1000;
    while (!(await condition())) {
      if (Date.now() > endMs) throw new Error(otherwise());
      await sleep(LOOK_EVERY_MS);
    }
  }

  async close(): Promise<void> {
    this.sqs.destroy();
    this.dynamo.destroy();
    await this.#embedded?.stop();
  }
}

async function hasProbe(sqs: SQSClient, stage: string): Promise<boolean> {
  try {
    await queueUrlsOfStage(sqs, stage)(integrationProbe.type);
    return true;
  } catch (error) {
    if (error instanceof QueueNotFound) return false;
    throw error;
  } finally {
    sqs.destroy();
  }
}
