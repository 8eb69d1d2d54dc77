import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** A cloud that the same measurement runs against, over its own AWS interfaces alone. */
export interface Target {
  readonly name: string;
  readonly sqs: SQSClient;
  readonly dynamo: DynamoDBDocumentClient;
}

export const REGION = 'us-east-1';
/** Any will do: neither cloud checks signatures. */
export const CREDENTIALS = { accessKeyId: 'bench', secretAccessKey: 'bench' } as const;

export function targetAt(name: string, endpoint: string): Target {
  const client = { endpoint, region: REGION, credentials: CREDENTIALS };
  return {
    name,
    sqs: new SQSClient(client),
    dynamo: DynamoDBDocumentClient.from(new DynamoDBClient(client)),
  };
}
