import * as z from 'zod';

/** What tenants are told of, and the names by which the contracts of telling them speak. */

/** In keys and in SQS's MessageGroupId, which is not encrypted: an id, no name of a person. Without `/`, which divides keys. */
export const tenantId = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,80}$/, 'must be 1 to 80 letters, digits and . _ : -');

export const endpointId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits and _ -');

/**
 * As Standard Webhooks has it: words of letters, digits and `_`, divided by full stops, such as `order.placed`.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const eventType = z
  .string()
  .max(128)
  .regex(
    /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/,
    'must be words of letters, digits and _, divided by full stops',
  );

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
