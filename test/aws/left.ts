import { DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import {
  DeleteObjectsCommand,
  paginateListBuckets,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { paginateListScheduleGroups, SchedulerClient } from '@aws-sdk/client-scheduler';
import { paginateListSecrets, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { paginateListQueues, SQSClient } from '@aws-sdk/client-sqs';
import { cardProviderSecretName, queueName, scheduleGroupName } from '../../shared/jobs/names.ts';

/** What is there by the names of a stage: its queues, functions, tables, secrets, schedule group and bucket. */
export async function leftOf(stage: string): Promise<string[]> {
  const left: string[] = [];
  // Queues, functions and tables of a stage begin alike.
  const prefix = queueName(stage, '');
  const sqs = new SQSClient(client());
  for await (const { QueueUrls = [] } of paginateListQueues({ client: sqs }, { QueueNamePrefix: prefix }))
    left.push(...QueueUrls);
  const lambda = new LambdaClient(client());
  for await (const { Functions = [] } of paginateListFunctions({ client: lambda }, {}))
    left.push(
      ...Functions.map(({ FunctionName = '' }) => FunctionName).filter((name) => name.startsWith(prefix)),
    );
  const dynamo = new DynamoDBClient(client());
  for await (const { TableNames = [] } of paginateListTables({ client: dynamo }, {}))
    left.push(...TableNames.filter((name) => name.startsWith(prefix)));
  const secrets = new SecretsManagerClient(client());
  const Filters = [{ Key: 'name' as const, Values: [secretPrefix(stage)] }];
  for await (const { SecretList = [] } of paginateListSecrets({ client: secrets }, { Filters }))
    left.push(...SecretList.map(({ Name = '' }) => Name));
  const scheduler = new SchedulerClient(client());
  const group = scheduleGroupName(stage);
  for await (const { ScheduleGroups = [] } of paginateListScheduleGroups(
    { client: scheduler },
    { NamePrefix: group },
  ))
    left.push(...ScheduleGroups.map(({ Name = '' }) => Name).filter((name) => name === group));
  const s3 = new S3Client(client());
  left.push(...(await bucketsOf(stage, s3)));
  for (const one of [sqs, lambda, dynamo, secrets, scheduler, s3]) one.destroy();
  return left;
}

/** Deletes every object of the stage's bucket, which the stack that has it could not delete otherwise. */
export async function emptyBuckets(stage: string): Promise<void> {
  const s3 = new S3Client(client());
  // A page is as many as one request deletes.
  for (const Bucket of await bucketsOf(stage, s3))
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
      if (Contents.length === 0) continue;
      const Objects = Contents.map(({ Key = '' }) => ({ Key }));
      const { Errors = [] } = await s3.send(
        new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
      );
      if (Errors[0]) throw new Error(`${Bucket}/${Errors[0].Key} is not deleted: ${Errors[0].Message}`);
    }
  s3.destroy();
}

/** CloudFormation makes a bucket's name of the stack's, in lower case. */
async function bucketsOf(stage: string, s3: S3Client): Promise<string[]> {
  const prefix = `honestjobs-${stage}-state-`;
  const names: string[] = [];
  for await (const { Buckets = [] } of paginateListBuckets({ client: s3 }, { Prefix: prefix }))
    names.push(...Buckets.map(({ Name = '' }) => Name));
  return names.filter((name) => name.startsWith(prefix));
}

/** All of a stage's secrets begin so. */
function secretPrefix(stage: string): string {
  const name = cardProviderSecretName(stage);
  return name.slice(0, name.lastIndexOf('/') + 1);
}

/** Where `forcePathStyle` is for S3 on another endpoint. */
function client(): { region: string; endpoint?: string; forcePathStyle?: boolean } {
  const { AWS_ENDPOINT_URL: endpoint, AWS_REGION: region = 'us-east-1' } = process.env;
  return { region, ...(endpoint && { endpoint, forcePathStyle: true }) };
}
