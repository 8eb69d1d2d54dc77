import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { DynamoDb } from '../../../local/dynamodb/index.ts';
import type { RunningClock } from '../../../local/kernel/clock.ts';
import type { CloudContext } from '../../../local/kernel/service.ts';
import { serveRooms } from '../serve-rooms.ts';

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
  const served = await serveRooms((context) => ({ dynamodb: new DynamoDb(context) }), {
    directory,
    random: () => 0.5,
  });
  const client = new DynamoDBClient(served.client);
  return {
    service: served.rooms.dynamodb,
    clock: served.clock,
    context: served.context,
    endpoint: served.endpoint,
    client,
    documents: DynamoDBDocumentClient.from(client),
    async stop() {
      client.destroy();
      await served.stop();
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
