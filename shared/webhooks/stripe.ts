import { createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { issuesOf } from '../jobs/message.ts';
import {
  type AcceptedEvent,
  type Change,
  type Headers,
  jsonOf,
  MalformedEvent,
  outOfTolerance,
  type Refusal,
  SUBJECT_ID,
  unreadableBody,
  type WebhookProvider,
  WRONG_SIGNATURE,
} from './provider.ts';

export const STRIPE_SIGNATURE_HEADER = 'stripe-signature';

/** `t=…,v1=…`, with a `v1` for each secret of the endpoint. https://docs.stripe.com/webhooks/signature */
const TIMESTAMP = /^t=(\d{1,12})$/;
const SIGNATURE = /^v1=([0-9a-f]{64})$/;

/** What is kept of an event: `pending_webhooks` and `request` are about its delivery, and may be others at the next try. */
const stripeEvent = z.object({
  id: z.string().regex(/^evt_[A-Za-z0-9_]{1,190}$/, 'must be the id of an event'),
  object: z.literal('event'),
  type: z.string().min(1).max(200),
  /** Seconds since 1970. */
  created: z.int().positive(),
  livemode: z.boolean(),
  api_version: z.string().nullish(),
  account: z.string().optional(),
  data: z.object({
    object: z.record(z.string(), z.unknown()),
    previous_attributes: z.record(z.string(), z.unknown()).optional(),
  }),
});

const chargeId = z.string().regex(SUBJECT_ID);
/** https://docs.stripe.com/api/charges/object */
const charge = z.object({
  id: chargeId,
  captured: z.boolean(),
  /** In full. */
  refunded: z.boolean(),
  disputed: z.boolean().default(false),
});
/** https://docs.stripe.com/api/disputes/object */
const dispute = z.object({ charge: chargeId, status: z.string().default('') });

type StripeEvent = z.output<typeof stripeEvent>;

type Told = readonly [id: string, state: string];

/** Event type → the state of which payment it tells, if any. https://docs.stripe.com/api/events/types */
const CHANGES: Readonly<Record<string, (object: unknown) => Told | undefined>> = {
  'charge.pending': (object) => [charge.parse(object).id, 'pending'],
  'charge.succeeded': (object) => held(charge.parse(object)),
  'charge.captured': (object) => held(charge.parse(object)),
  'charge.failed': (object) => [charge.parse(object).id, 'failed'],
  // An authorization that was not captured in time.
  'charge.expired': (object) => [charge.parse(object).id, 'voided'],
  'charge.refunded': (object) => refund(charge.parse(object)),
  'charge.dispute.created': (object) => disputed(dispute.parse(object)),
  // Of an inquiry that became a dispute this alone tells.
  'charge.dispute.funds_withdrawn': (object) => disputed(dispute.parse(object)),
};

type Charge = z.output<typeof charge>;

function held({ id, captured }: Charge): Told {
  return [id, captured ? 'captured' : 'authorized'];
}

/** A part that was refunded leaves the payment what it was: captured, or disputed. */
function refund({ id, captured, refunded, disputed: wasDisputed }: Charge): Told | undefined {
  if (!refunded) return undefined;
  if (!captured) return [id, 'voided'];
  return [id, wasDisputed ? 'dispute-refunded' : 'refunded'];
}

/** An inquiry takes nothing, and most are answered by a refund. */
function disputed({ charge: id, status }: z.output<typeof dispute>): Told | undefined {
  return status.startsWith('warning_') ? undefined : [id, 'disputed'];
}

/** Stripe's own scheme: an HMAC-SHA256 over `timestamp.body`, in hex. A payment is a charge, its order Stripe's second. */
export const stripe: WebhookProvider = {
  name: 'stripe',
  // The whole text is the key.
  isSecret: (text) => /^whsec_[\x21-\x7e]{24,200}$/.test(text),

  verify(headers: Headers, rawBody: Buffer, secrets: readonly string[], nowMs: number): Refusal | undefined {
    const parts = (headers[STRIPE_SIGNATURE_HEADER] ?? '').split(',').map((part) => part.trim());
    const timestamp = parts.flatMap((part) => TIMESTAMP.exec(part)?.[1] ?? [])[0];
    const signatures = parts.flatMap((part) => SIGNATURE.exec(part)?.[1] ?? []);
    if (timestamp === undefined || signatures.length === 0)
      return {
        status: 400,
        because: 'headers',
        reason: `This header is missing or malformed: ${STRIPE_SIGNATURE_HEADER}: t=…,v1=…`,
      };
    const late = outOfTolerance(Number(timestamp), nowMs);
    if (late) return late;
    const fitting = secrets.filter((secret) => {
      const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(rawBody).digest();
      return signatures.filter((hex) => timingSafeEqual(Buffer.from(hex, 'hex'), expected)).length > 0;
    });
    return fitting.length > 0 ? undefined : WRONG_SIGNATURE;
  },

  accept(_headers: Headers, rawBody: Buffer): AcceptedEvent | Refusal {
    const event = stripeEvent.safeParse(jsonOf(rawBody));
    if (!event.success) return unreadableBody(issuesOf(event.error));
    return { eventId: event.data.id, event: event.data };
  },

  changeOf(event: unknown): Change | undefined {
    const { type, created, data } = parsed(event);
    const read = Object.hasOwn(CHANGES, type) ? CHANGES[type] : undefined;
    if (!read) return undefined;
    try {
      const told = read(data.object);
      if (!told) return undefined;
      const [id, state] = told;
      return { subject: { kind: 'payment', id }, state, at: created * 1000 };
    } catch (error) {
      if (error instanceof z.ZodError) throw new MalformedEvent(issuesOf(error), { cause: error });
      throw error;
    }
  },

  typeOf: (event) => parsed(event).type,
};

function parsed(event: unknown): StripeEvent {
  const read = stripeEvent.safeParse(event);
  if (!read.success) throw new MalformedEvent(issuesOf(read.error));
  return read.data;
}
