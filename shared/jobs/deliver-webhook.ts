import * as z from 'zod';
import { endpointId, eventType, tenantId } from '../webhooks/endpoint.ts';
import { defineJob } from './define-job.ts';
import { schedule } from './schedule.ts';

/** What an event may have as the body of a request; more than that belongs behind a link. */
export const LARGEST_EVENT_BYTES = 200_000;

const event = z.object({
  /** The event's own id, the header `webhook-id` of each request: receivers drop by it what comes twice. Without `.`, which divides what is signed. */
  id: z.string().regex(/^[A-Za-z0-9_:-]{1,100}$/, 'must be 1 to 100 letters, digits and _ : -'),
  type: eventType,
  occurredAt: z.iso.datetime({ offset: true }),
  data: z.record(z.string(), z.json()),
});
export type WebhookEvent = z.output<typeof event>;

/** Something that happened, of which a tenant's endpoints are told. */
export const webhookEvent = event.refine(
  (one) => Buffer.byteLength(bodyOfEvent(one)) <= LARGEST_EVENT_BYTES,
  `must have at most ${LARGEST_EVENT_BYTES} bytes as JSON`,
);

/** The body of every request that tells of the event: the same bytes each time. */
export function bodyOfEvent({ type, occurredAt, data }: Omit<WebhookEvent, 'id'>): string {
  return JSON.stringify({ type, timestamp: occurredAt, data });
}

/** From the look-up of the name to the status; Standard Webhooks advises 15 to 30 s. */
export const ANSWER_SECONDS = 15;

/** Tells one endpoint of one event. */
export const deliverWebhook = defineJob({
  type: 'deliver-webhook',
  payload: z.object({ tenant: tenantId, endpointId, event: webhookEvent }),
  key: ({ tenant, endpointId: endpoint, event: { id } }) => `${tenant}/${endpoint}/${id}`,
  // The answer, and what is written before and after it.
  timeoutSeconds: ANSWER_SECONDS + 10,
  // The sample of Standard Webhooks: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
  schedule: schedule([5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600]),
  batchSize: 1,
  maxConcurrency: 50,
  // One for each time that its endpoint is found paused: two an hour at most, for the days until the endpoint is disabled.
  mostDeferrals: 1000,
});
