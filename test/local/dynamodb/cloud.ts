import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { DynamoDb } from '../../../local/dynamodb/index.ts';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { CloudServer } from '../../../local/kernel/server.ts';
import type { CloudContext } from '../../../local/kernel/service.ts';
import { openStore } from '../../../local/kernel/store.ts';

export interface Cloud {
  readonly service: DynamoDb;
  readonly clock: RunningClock;
  readonly context: CloudContext;
  readonly endpoint: string;
  readonly client: DynamoDBClient;
  readonly documents: DynamoDBDocumentClient;
  stop(): Promise<void>;
}

/** DynamoDB alone on a port of its own, its state in `directory` or in memory; the client does not retry by itself. */
export async function startCloud(directory?: string): Promise<Cloud> {
  const clock = new RunningClock();
  const store = openStore(directory);
  let endpoint = '';
  const context: CloudContext = {
    clock,
    store,
    region: 'us-east-1',
    accountId: '000000000000',
    endpoint: () => endpoint,
    random: () => 0.5,
  };
  const service = new DynamoDb(context);
  const server = new CloudServer([service], clock);
  endpoint = `http://127.0.0.1:${await server.listen(0)}`;
  service.start();
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  return {
    service,
    clock,
    context,
    endpoint,
    client,
    documents: DynamoDBDocumentClient.from(client),
    async stop() {
      client.destroy();
      await server.close();
      await service.stop();
      clock.stop();
      store.close();
    },
  };
}

/** A table `jobs` keyed by `id`, in process. */
export const JOBS = {
  TableName: 'jobs',
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
};
