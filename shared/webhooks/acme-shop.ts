import * as z from 'zod';
import { issuesOf } from '../jobs/message.ts';
import {
  type AcceptedEvent,
  type Change,
  type Headers,
  jsonOf,
  MalformedEvent,
  type Refusal,
  SUBJECT_ID,
  unreadableBody,
  type WebhookProvider,
} from './provider.ts';
import { ID_HEADER, isStandardSecret, verifyStandard } from './standard-webhooks.ts';
import { isState, SUBJECT_KINDS } from './states.ts';

/** The body that Standard Webhooks recommends. */
const body = z.object({
  type: z.string().min(1).max(200),
  timestamp: z.iso.datetime({ offset: true }),
  data: z.record(z.string(), z.unknown()),
});

const changed = z.object({
  data: z.object({
    /** Of the order or payment. */
    id: z.string().regex(SUBJECT_ID),
    /** Counts the changes of this order or payment, from 1. */
    version: z.int().positive(),
  }),
});

/**
 * A shop that signs by Standard Webhooks and counts the versions of its orders and payments:
 * `{ "type": "order.shipped", "timestamp": "…", "data": { "id": "o-1", "version": 3 } }`.
 */
export const acmeShop: WebhookProvider = {
  name: 'acme-shop',
  isSecret: isStandardSecret,
  verify: verifyStandard,

  accept(headers: Headers, rawBody: Buffer): AcceptedEvent | Refusal {
    const event = body.safeParse(jsonOf(rawBody));
    if (!event.success) return unreadableBody(issuesOf(event.error));
    // Verified with the signature, and the same at each try.
    return { eventId: headers[ID_HEADER] ?? '', event: event.data };
  },

  changeOf(event: unknown): Change | undefined {
    const [kind, state = ''] = typeOf(event).split('.');
    const ours = SUBJECT_KINDS.find((known) => known === kind);
    if (!ours || !isState(ours, state)) return undefined;
    const read = changed.safeParse(event);
    if (!read.success) throw new MalformedEvent(issuesOf(read.error));
    const { id, version } = read.data.data;
    return { subject: { kind: ours, id }, state, at: version };
  },

  typeOf,
};

function typeOf(event: unknown): string {
  const read = body.safeParse(event);
  if (!read.success) throw new MalformedEvent(issuesOf(read.error));
  return read.data.type;
}
