import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { DynamoDb } from '../../local/dynamodb/index.ts';
import { type Target, target } from './endpoint.ts';

export interface DynamoDbTarget extends Target {
  readonly dynamodb: DynamoDBClient;
  readonly documents: DynamoDBDocumentClient;
  /** A table of its own for one test, keyed by the string `id` unless the definition says otherwise. Gone at `stop`. */
  table(definition?: Partial<CreateTableCommandInput>): Promise<string>;
}

/** The DynamoDB that the conformance suite is held against. */
export async function dynamoDbTarget(): Promise<DynamoDbTarget> {
  const cloud = await target((context) => [new DynamoDb(context)]);
  const dynamodb = new DynamoDBClient(cloud.client);
  const names: string[] = [];
  return {
    ...cloud,
    dynamodb,
    documents: DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } }),
    async table(definition = {}) {
      const TableName = `conformance-${crypto.randomUUID()}`;
      await dynamodb.send(
        new CreateTableCommand({
          TableName,
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
          ...definition,
        }),
      );
      names.push(TableName);
      await waitUntilTableExists({ client: dynamodb, maxWaitTime: 60 }, { TableName });
      return TableName;
    },
    async stop() {
      for (const TableName of names) await dynamodb.send(new DeleteTableCommand({ TableName }));
      dynamodb.destroy();
      await cloud.stop();
    },
  };
}
