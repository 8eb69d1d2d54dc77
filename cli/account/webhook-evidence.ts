import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { TakenEvent } from '../../samples/webhook-receiver/receiver.ts';
import type { SentEvent } from '../../samples/webhook-sender/webhook-sender.ts';
import type { TableSubject } from '../../shared/jobs/names.ts';
import type { WebhookEndpoint } from '../../shared/webhooks/endpoint.ts';
import type { WebhookWorld } from '../webhooks.ts';
import { tableRows } from './table-rows.ts';

/** What webhooks left behind, at both of their ends. */
export interface WebhookEvidence {
  /** What providers sent to us. */
  readonly sent: readonly SentEvent[];
  /** What we know of their payments and orders. */
  readonly states: readonly StateRow[];
  readonly endpoints: readonly WebhookEndpoint[];
  /** What the tenants' servers say. */
  readonly customers: readonly CustomerFacts[];
  readonly internalRequests: number;
}

export interface StateRow {
  /** `payment/<id>` or `order/<id>` */
  readonly subject: string;
  readonly state: string;
}

export interface CustomerFacts {
  readonly tenant: string;
  readonly endpointId: string;
  readonly events: readonly TakenEvent[];
  readonly requests: number;
  /** Why deliveries were refused whose signature was not right. */
  readonly refused: readonly string[];
}

export async function webhookEvidence(
  { sender, customers, internalRequests }: WebhookWorld,
  { dynamo, stage }: { readonly dynamo: DynamoDBDocumentClient; readonly stage: string },
): Promise<WebhookEvidence> {
  const rows = <Row>(subject: TableSubject): Promise<Row[]> => tableRows(subject, { dynamo, stage });
  return {
    sent: sender.sent,
    states: await rows<StateRow>('webhook-states'),
    endpoints: await rows<WebhookEndpoint>('webhook-endpoints'),
    customers: customers.map(({ endpoint, receiver: { events, requests, refused } }) => ({
      ...endpoint,
      events,
      requests,
      refused,
    })),
    internalRequests: internalRequests(),
  };
}
