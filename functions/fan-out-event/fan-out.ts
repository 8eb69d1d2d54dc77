import { type DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import type { Publisher } from '../../shared/client/publisher.ts';
import type { JobHandler } from '../../shared/consumer/index.ts';
import { deliverWebhook } from '../../shared/jobs/deliver-webhook.ts';
import type { fanOutEvent } from '../../shared/jobs/fan-out-event.ts';
import { HonestJobsError } from '../../shared/jobs/honest-jobs-error.ts';
import {
  ADDRESSING_ATTRIBUTES,
  type WebhookEndpoint,
  wantsType,
  webhookEndpoint,
} from '../../shared/webhooks/endpoint.ts';

type Fanned = z.output<typeof fanOutEvent.payload>;

export interface FanOutParts {
  readonly dynamo: DynamoDBDocumentClient;
  /** The table `webhook-endpoints`. */
  readonly tableName: string;
  readonly publisher: Pick<Publisher, 'publishMany'>;
}

/** Not every delivery was handed over. Those that were are recognised when all are published again. */
export class FanOutIncomplete extends HonestJobsError {
  override readonly name = 'FanOutIncomplete';
  readonly code = 'FAN_OUT_INCOMPLETE';
}

/** The work of `fan-out-event`. Its deliveries' keys follow from the event, so that a second run adds none. */
export function fanOut({ dynamo, tableName, publisher }: FanOutParts): JobHandler<Fanned> {
  return async ({ tenant, event }) => {
    let deliveries = 0;
    const pages = paginateQuery(
      { client: dynamo },
      {
        TableName: tableName,
        KeyConditionExpression: '#tenant = :tenant',
        // An endpoint that was registered before the event was published gets it.
        ConsistentRead: true,
        ExpressionAttributeValues: { ':tenant': tenant },
        // Both are conditions of the role.
        Select: 'SPECIFIC_ATTRIBUTES',
        ProjectionExpression: ADDRESSING_ATTRIBUTES.map((name) => `#${name}`).join(', '),
        ExpressionAttributeNames: Object.fromEntries(ADDRESSING_ATTRIBUTES.map((name) => [`#${name}`, name])),
      },
    );
    for await (const { Items = [] } of pages) {
      const wanted = (Items as WebhookEndpoint[]).filter((endpoint) => isToHear(endpoint, event.type));
      const { accepted, notAccepted } = await publisher.publishMany(
        deliverWebhook,
        wanted.map(({ endpointId }) => {
          const payload = { tenant, endpointId, event };
          return { payload, id: deliverWebhook.key(payload), partitionKey: tenant };
        }),
      );
      deliveries += accepted.length;
      const [first] = notAccepted;
      if (first)
        throw new FanOutIncomplete(
          `${notAccepted.length} of ${wanted.length} deliveries were not accepted: ${first.code}: ${first.message}`,
        );
    }
    return { deliveries };
  };
}

const readHere = webhookEndpoint.pick({ state: true, eventTypes: true });

/** One that cannot be read gets a delivery too: that one dies and says what is wrong, and its neighbours' go on. */
function isToHear(endpoint: WebhookEndpoint, type: string): boolean {
  if (endpoint.state === 'disabled') return false;
  const read = readHere.safeParse(endpoint);
  return !read.success || wantsType(read.data, type);
}
