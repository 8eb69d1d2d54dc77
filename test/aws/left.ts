import { DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { paginateListQueues, SQSClient } from '@aws-sdk/client-sqs';
import { queueName } from '../../shared/jobs/names.ts';

/** What is there by the names of a stage: its queues, functions and tables. */
export async function leftOf(stage: string): Promise<string[]> {
  const { AWS_ENDPOINT_URL: endpoint, AWS_REGION: region = 'us-east-1' } = process.env;
  const client = { region, ...(endpoint && { endpoint }) };
  const sqs = new SQSClient(client);
  const lambda = new LambdaClient(client);
  const dynamo = new DynamoDBClient(client);
  const left: string[] = [];
  // Queues, functions and tables of a stage begin alike.
  const prefix = queueName(stage, '');
  for await (const { QueueUrls = [] } of paginateListQueues({ client: sqs }, { QueueNamePrefix: prefix }))
    left.push(...QueueUrls);
  for await (const { Functions = [] } of paginateListFunctions({ client: lambda }, {}))
    left.push(
      ...Functions.map(({ FunctionName = '' }) => FunctionName).filter((name) => name.startsWith(prefix)),
    );
  for await (const { TableNames = [] } of paginateListTables({ client: dynamo }, {}))
    left.push(...TableNames.filter((name) => name.startsWith(prefix)));
  for (const one of [sqs, lambda, dynamo]) one.destroy();
  return left;
}
