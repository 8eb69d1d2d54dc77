import type { WebhookEvidence } from '../../../cli/account/webhook-evidence.ts';
import type { OutgoingEvent } from '../../../samples/webhook-sender/outgoing.ts';
import type { WebhookEvent } from '../../../shared/jobs/webhook-event.ts';
import type { WebhookEndpoint } from '../../../shared/webhooks/endpoint.ts';

const shopEvent = (id: string, state: string, version: number): OutgoingEvent => ({
  provider: 'acme-shop',
  id,
  event: {
    type: `order.${state}`,
    timestamp: '2026-11-25T08:00:00Z',
    data: { id: 'o-1', version },
  },
});
const charge = (id: string, type: string, captured: boolean): OutgoingEvent => ({
  provider: 'stripe',
  id,
  event: {
    id,
    object: 'event',
    type,
    created: 1_795_000_000,
    livemode: false,
    data: { object: { id: 'ch_1', captured, refunded: false } },
  },
});

/** Out of order, and two of one second; the last was forged. */
export const OUTGOING = [
  shopEvent('evt-2', 'packed', 2),
  shopEvent('evt-1', 'placed', 1),
  charge('evt_b', 'charge.captured', true),
  charge('evt_a', 'charge.succeeded', false),
  { ...shopEvent('evt-3', 'cancelled', 3), forgery: 'wrong-secret' },
] as const satisfies readonly OutgoingEvent[];

export const event: WebhookEvent = {
  id: 'e-1',
  type: 'order.placed',
  occurredAt: '2026-11-25T08:00:00Z',
  data: { reference: 'R-1' },
};

const endpoint = (endpointId: string, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint => ({
  tenant: 'shop',
  endpointId,
  url: 'http://127.0.0.1:9/',
  secrets: [{ secret: 'whsec_x' }],
  eventTypes: ['order.*'],
  state: 'enabled',
  ...changes,
});

/** What both ends say after a run in which all went well: one endpoint was told, one was disabled before, one asks for other events. */
export function webhooksOfWellRun() {
  return {
    sent: OUTGOING.map((outgoing) => ({ outgoing, answers: 'forgery' in outgoing ? [401] : [503, 202] })),
    states: [
      { subject: 'order/o-1', state: 'packed' },
      { subject: 'payment/ch_1', state: 'captured' },
    ],
    endpoints: [
      endpoint('well'),
      endpoint('gone', { state: 'disabled' }),
      endpoint('other', { eventTypes: ['payment.*'] }),
    ],
    customers: [
      {
        tenant: 'shop',
        endpointId: 'well',
        events: [
          { id: 'e-1', type: event.type, data: event.data, firstAtMs: 1000, deliveries: 2, signedAt: [1, 2] },
        ],
        requests: 3,
        refused: [] as string[],
      },
      { tenant: 'shop', endpointId: 'gone', events: [], requests: 0, refused: [] },
      { tenant: 'shop', endpointId: 'other', events: [], requests: 0, refused: [] },
    ],
    internalRequests: 0,
  } satisfies WebhookEvidence;
}
