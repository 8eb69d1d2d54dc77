import { type DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { tableName } from '../jobs/names.ts';
import { deliverySortKey, type WebhookDelivery } from '../webhooks/endpoint.ts';

export interface DeliveriesOptions {
  readonly dynamo: DynamoDBDocumentClient;
  readonly stage: string;
  /** Those of one event alone. */
  readonly eventId?: string;
  /** So many at most, the newest ones. @default 50 */
  readonly most?: number;
}

const DEFAULT_MOST = 50;

/**
 * The attempts to deliver to an endpoint, oldest first, with the number of those that there are. Only those of one event are cheap to find: without
 * `eventId` it reads all that the endpoint has had in 30 days.
 */
export async function deliveriesTo(
  { tenant, endpointId }: { readonly tenant: string; readonly endpointId: string },
  { dynamo, stage, eventId, most = DEFAULT_MOST }: DeliveriesOptions,
): Promise<{ readonly deliveries: readonly WebhookDelivery[]; readonly found: number }> {
  const begin = eventId === undefined ? `${endpointId}/` : deliverySortKey({ endpointId, eventId });
  const pages = paginateQuery(
    { client: dynamo },
    {
      TableName: tableName(stage, 'webhook-deliveries'),
      KeyConditionExpression: 'tenant = :tenant AND begins_with(delivery, :begin)',
      ExpressionAttributeValues: { ':tenant': tenant, ':begin': begin },
      ConsistentRead: true,
    },
  );
  let newest: WebhookDelivery[] = [];
  let found = 0;
  // They lie by event: the newest of all may be anywhere.
  for await (const { Items = [] } of pages) {
    found += Items.length;
    newest = [...newest, ...(Items as WebhookDelivery[])].sort((a, b) => a.atMs - b.atMs).slice(-most);
  }
  return { deliveries: newest, found };
}
