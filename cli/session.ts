import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type LocalCloud, startLocalCloud } from '../local/cloud.ts';
import { discardState } from '../local/kernel/store.ts';
import { CardProvider } from '../samples/card-provider/card-provider.ts';
import { JobLookup } from '../shared/client/job-lookup.ts';
import { Publisher } from '../shared/client/publisher.ts';
import { queueUrlsOfStage } from '../shared/client/queue-urls.ts';
import { cardProviderSecretName } from '../shared/jobs/names.ts';
import type { FeedDoor } from './feed-publisher.ts';
import { aborted } from './interruption.ts';
import { type Opening, readOpening, seed } from './opening.ts';
import { Progress } from './progress.ts';
import { type Objects, seedReportAssets } from './report-files.ts';
import type { StartOptions } from './start-options.ts';
import { openWebhooks, type WebhookWorld } from './webhooks.ts';

/** A local cloud with the deployed template in it, and this program's own way in: the SDK clients that anyone else would use. */
export interface Session {
  readonly stage: string;
  readonly cloud: LocalCloud;
  readonly sqs: SQSClient;
  readonly sfn: SFNClient;
  readonly dynamo: DynamoDBDocumentClient;
  /** The stage's bucket. */
  readonly objects: Objects;
  readonly progress: Progress;
  readonly opening: Opening;
  /** Charges the cards, in place of a provider out there. */
  readonly cardProvider: CardProvider;
  readonly webhooks: WebhookWorld;
  /** How many jobs the state knew already. */
  readonly jobsFromBefore: number;
  close(): Promise<void>;
}

/** @throws LocalCloudError for what a person must mend: port in use, corrupt state, unknown resource */
export async function openSession(
  assembly: string,
  stage: string,
  { dataDirectory, port, factor, fresh }: Pick<StartOptions, 'dataDirectory' | 'port' | 'factor' | 'fresh'>,
): Promise<Session> {
  // What it has charged is remembered with the state, as the provider out there would.
  const providersMemory = join(dataDirectory, 'card-provider.ndjson');
  const receiversMemory = join(dataDirectory, 'webhook-receivers.ndjson');
  if (fresh) {
    discardState(dataDirectory);
    rmSync(providersMemory, { force: true });
    rmSync(receiversMemory, { force: true });
    rmSync(join(dataDirectory, 'reports'), { recursive: true, force: true });
  }
  let progress: Progress | undefined;
  const cloud = await startLocalCloud({
    assembly,
    dataDirectory,
    port,
    factor,
    onLog: ({ line }) => progress?.readLog(line),
  });
  const client = {
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  const sqs = new SQSClient(client);
  const sfn = new SFNClient(client);
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(client));
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  let cardProvider: CardProvider | undefined;
  let webhooks: WebhookWorld | undefined;
  const close = async (): Promise<void> => {
    s3.destroy();
    sqs.destroy();
    sfn.destroy();
    dynamo.destroy();
    // What happens while the last functions end is not to be skipped through.
    cloud.clock.hold();
    await cloud.stop();
    await cardProvider?.stop();
    await webhooks?.stop();
  };
  try {
    const known = await Array.fromAsync(new JobLookup(dynamo, stage).all());
    progress = new Progress(cloud, stage, known);
    const opening = readOpening();
    await seed(opening, dynamo, stage);
    const objects = { s3, bucket: bucketOf(cloud) };
    await seedReportAssets(objects);
    cardProvider = await CardProvider.start({ file: providersMemory });
    await fillInCardProvider(cardProvider, client, stage);
    webhooks = await openWebhooks({ cloud, client, stage, memory: receiversMemory });
    return {
      stage,
      cloud,
      sqs,
      sfn,
      dynamo,
      objects,
      progress,
      opening,
      cardProvider,
      webhooks,
      jobsFromBefore: known.length,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function bucketOf({ deployment }: LocalCloud): string {
  const [bucket, ...others] = deployment.ofType('AWS::S3::Bucket');
  if (!bucket || others.length > 0) throw new Error('The template has one bucket.');
  return bucket.physicalId;
}

/** What an operator does after a deployment: says where the card provider is, and with which key. */
async function fillInCardProvider(
  { url, apiKey }: CardProvider,
  client: ConstructorParameters<typeof SecretsManagerClient>[0],
  stage: string,
): Promise<void> {
  const secrets = new SecretsManagerClient(client ?? {});
  await secrets.send(
    new PutSecretValueCommand({
      SecretId: cardProviderSecretName(stage),
      SecretString: JSON.stringify({ url, apiKey }),
    }),
  );
  secrets.destroy();
}

/** How a feed gets into the session: its times are counted from now, and it ends early when `interruption` aborts. */
export function feedDoor({ cloud, sqs, stage }: Session, interruption: AbortSignal): FeedDoor {
  const startMs = cloud.clock.now();
  const queueUrl = queueUrlsOfStage(sqs, stage);
  return {
    sqs,
    queueUrl,
    publisher: new Publisher({
      sqs,
      queueUrl,
      source: '/honest-jobs/samples',
      now: () => cloud.clock.now(),
    }),
    // Counted from one moment: what takes its time in between delays nothing that follows.
    until: (afterSeconds) =>
      Promise.race([
        new Promise<void>((resume) =>
          cloud.clock.after(startMs + afterSeconds * 1000 - cloud.clock.now(), () => resume()),
        ),
        aborted(interruption),
      ]),
    hold: () => cloud.clock.hold(),
    interruption,
  };
}
