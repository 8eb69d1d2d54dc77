import * as z from 'zod';
import { endpointId, tenantId } from '../jobs/webhook-event.ts';

/**
 * Where a tenant wants its events, as the table `webhook-endpoints` keeps it: partition key `tenant`, sort key `endpointId`. What registers an
 * endpoint and what delivers to it read this one shape.
 */

/** What an endpoint asks for: a type, `order.*` for each that begins with `order.`, or `*` for all. */
export const eventTypePattern = z
  .string()
  .max(128)
  .regex(
    /^(\*|[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*(\.\*)?)$/,
    'must be an event type, such as order.placed, its beginning, such as order.*, or *',
  );

/** An address takes 2,048 characters with most servers. */
export const LONGEST_URL = 2048;

const signingSecret = z.object({
  /** `whsec_` and 24 to 64 bytes in base64. */
  secret: z.string(),
  /** Of one that was replaced: what is sent is signed with it too until then, milliseconds since the epoch. */
  untilMs: z.number().optional(),
});

export const webhookEndpoint = z.object({
  tenant: tenantId,
  endpointId,
  /** `https://`, on the public internet. May hold a secret: it is shown to its tenant alone, and others see the host. */
  url: z.string().max(LONGEST_URL),
  /** The newest first. */
  secrets: z.array(signingSecret).min(1),
  eventTypes: z.array(eventTypePattern).min(1).max(50),
  state: z.enum(['enabled', 'disabled']),
  disabledAtMs: z.number().optional(),
  /** For people: what they read when they ask why nothing comes any more. */
  disabledBecause: z.string().optional(),
  /** Who hears when the endpoint is disabled, an e-mail address. */
  contact: z.string().max(320).optional(),
  createdAtMs: z.number().optional(),
  /** Of a disabled one: `contact` has not been written to yet. The next delivery that finds it so sees to it. */
  noticeDue: z.boolean().optional(),

  // What deliveries found. Enabling or changing an endpoint removes all of it.
  /** Since when no delivery has succeeded. */
  failingSinceMs: z.number().optional(),
  /** Failures that spoke of the endpoint, one after the other. */
  failures: z.number().optional(),
  /** Since when no delivery has succeeded and each that was answered was refused. */
  refusedSinceMs: z.number().optional(),
  /** Refusals, one after the other. */
  refusals: z.number().optional(),
  /** Deliveries wait until then; the first to come after it tries the endpoint alone. */
  pausedUntilMs: z.number().optional(),
  /** Whose try it is that {@link pausedUntilMs} was moved on for. */
  probe: z.string().optional(),
});
export type WebhookEndpoint = z.output<typeof webhookEndpoint>;

/** All that is read of an endpoint to tell whether it gets an event: its secrets are the business of what delivers. */
export const ADDRESSING_ATTRIBUTES = ['tenant', 'endpointId', 'eventTypes', 'state'] as const;

/** Whether the endpoint asks for events of the type, whatever its state. */
export function wantsType({ eventTypes }: Pick<WebhookEndpoint, 'eventTypes'>, type: string): boolean {
  return eventTypes.some(
    (pattern) =>
      pattern === '*' ||
      pattern === type ||
      (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1)) && type.length >= pattern.length),
  );
}

/** The secrets that what is sent now is signed with, the newest first. */
export function currentSecrets({ secrets }: Pick<WebhookEndpoint, 'secrets'>, nowMs: number): string[] {
  return secrets
    .filter(({ untilMs }) => untilMs === undefined || nowMs < untilMs)
    .map(({ secret }) => secret);
}

/** How long the table `webhook-deliveries` keeps what became of an attempt. */
export const DELIVERY_RETENTION_SECONDS = 30 * 86_400;

/**
 * One attempt to deliver an event, as the table `webhook-deliveries` keeps it: partition key `tenant`, sort key `delivery`. The tenant may see all of it
 * and nobody else may: what their server answered is nowhere but here.
 */
export interface WebhookDelivery {
  readonly tenant: string;
  /** {@link deliverySortKey}: an endpoint's are together, and in them those of one event, in order of time. */
  readonly delivery: string;
  readonly endpointId: string;
  readonly eventId: string;
  readonly eventType: string;
  /** When the attempt began, milliseconds since the epoch. */
  readonly atMs: number;
  /** 1 for the first attempt of the job's life. */
  readonly attempt: number;
  readonly outcome: 'delivered' | 'failed' | 'refused';
  /** What the server answered; absent when it did not. */
  readonly status?: number;
  /** Why it is no success: `HTTP_503`, `TIMEOUT`, `NO_ANSWER`, `NOT_PUBLIC`, … */
  readonly code?: string;
  readonly durationMs: number;
  /** The beginning of the answer, at most 1 kB. */
  readonly answer?: string;
  /** Seconds, for DynamoDB's TTL. */
  readonly expiration: number;
}

/** @param at left out: what the deliveries of the event begin with */
export function deliverySortKey(ids: { endpointId: string; eventId: string }, atMs?: number): string {
  return `${ids.endpointId}/${ids.eventId}/${atMs === undefined ? '' : new Date(atMs).toISOString()}`;
}
