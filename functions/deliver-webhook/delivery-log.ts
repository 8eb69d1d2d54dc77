import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import {
  DELIVERY_RETENTION_SECONDS,
  deliverySortKey,
  type WebhookDelivery,
} from '../../shared/webhooks/endpoint.ts';

/** What became of each attempt, for the tenant to see: the only place that an answer's body is kept in. */
export class DeliveryLog {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #tableName: string;

  /** @param tableName the table `webhook-deliveries` */
  constructor(dynamo: DynamoDBDocumentClient, tableName: string) {
    this.#dynamo = dynamo;
    this.#tableName = tableName;
  }

  async add(attempt: Omit<WebhookDelivery, 'delivery' | 'expiration'>): Promise<void> {
    const Item: WebhookDelivery = {
      ...attempt,
      delivery: deliverySortKey(attempt, attempt.atMs),
      expiration: Math.ceil(attempt.atMs / 1000) + DELIVERY_RETENTION_SECONDS,
    };
    await this.#dynamo.send(new PutCommand({ TableName: this.#tableName, Item }));
  }
}
