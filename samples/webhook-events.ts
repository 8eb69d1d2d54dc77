import { mulberry32 } from './random.ts';
import type { Forgery, OutgoingEvent } from './webhook-sender/outgoing.ts';

/** An event that a provider sends in the sample day, so many seconds after its start. */
export type Incoming = OutgoingEvent & { readonly afterSeconds: number };

interface JobLine extends Record<string, unknown> {
  readonly afterSeconds: number;
}

const DAY_MS = Date.UTC(2026, 10, 25, 8);

type Within = (least: number, most: number) => number;

const ORDER_LIVES = [
  ['placed', 'packed', 'shipped', 'delivered'],
  ['placed', 'packed', 'shipped', 'delivered', 'returned'],
  ['placed', 'cancelled'],
  ['placed', 'packed', 'cancelled'],
] as const;

/** Orders and payments of a shop that counts versions, and charges of one that tells seconds: repeated, shuffled, and with forgers among them. */
export function incoming(): Incoming[] {
  const within = drawing(20_28);
  const orders = Array.from({ length: 14 }, (_, index) =>
    (ORDER_LIVES[index % ORDER_LIVES.length] ?? []).map((state, place) =>
      shopEvent(within(10, 240), `evt-o${index + 1}-${place + 1}`, `order.${state}`, {
        id: `o-${7000 + index}`,
        version: place + 1,
      }),
    ),
  ).flat();
  const charges = Array.from({ length: 10 }, (_, index) => chargeEvents(index, within)).flat();
  const proper = [...orders, ...charges];
  const again = Array.from({ length: 24 }, () => {
    const original = proper[within(0, proper.length - 1)] as Incoming;
    return {
      ...original,
      afterSeconds: original.afterSeconds + ([0, 0, 0, 20, 120][within(0, 4)] as number),
    };
  });
  return [...proper, ...again, ...oddities(), ...forged(proper)].sort(
    (a, b) => a.afterSeconds - b.afterSeconds,
  );
}

function shopEvent(
  afterSeconds: number,
  id: string,
  type: string,
  data: Readonly<Record<string, unknown>>,
): Incoming {
  const timestamp = new Date(DAY_MS + afterSeconds * 1000).toISOString();
  return { afterSeconds, provider: 'acme-shop', id, event: { type, timestamp, data } };
}

/** https://docs.stripe.com/api/charges/object, with what matters here. Two of them happen in one second, which alone does not say in which order. */
function chargeEvents(index: number, within: Within): Incoming[] {
  const charge = {
    id: `ch_3Sample${index + 1}`,
    object: 'charge',
    amount: within(4, 120) * 100 - 1,
    currency: 'eur',
    captured: false,
    refunded: false,
  };
  const lives: [type: string, changes: Record<string, unknown>, second: number][][] = [
    [
      ['charge.pending', {}, 0],
      ['charge.succeeded', { captured: true }, 3],
    ],
    [
      ['charge.succeeded', {}, 0],
      ['charge.captured', { captured: true }, 0],
      ['charge.refunded', { captured: true, refunded: true }, 600],
    ],
    [['charge.failed', {}, 0]],
  ];
  const created = DAY_MS / 1000 + index * 60;
  return (lives[index % lives.length] ?? []).map(([type, changes, second], place) => {
    const id = `evt_3Sample${index + 1}${'abc'[place]}`;
    const event = {
      id,
      object: 'event',
      api_version: '2026-10-28',
      created: created + second,
      livemode: false,
      type,
      data: { object: { ...charge, ...changes } },
    };
    return { afterSeconds: within(10, 240), provider: 'stripe', id, event };
  });
}

/** One that no order can do, and one that is about nothing of ours. */
function oddities(): Incoming[] {
  const order = (version: number) => ({ id: 'o-impossible', version });
  return [
    shopEvent(30, 'evt-impossible-1', 'order.placed', order(1)),
    shopEvent(60, 'evt-impossible-2', 'order.cancelled', order(2)),
    shopEvent(120, 'evt-impossible-3', 'order.shipped', order(3)),
    shopEvent(70, 'evt-newsletter', 'newsletter.subscribed', { id: 'n-1' }),
  ];
}

function forged(proper: readonly Incoming[]): Incoming[] {
  const kinds: readonly Forgery[] = ['wrong-secret', 'changed-body', 'old', 'unsigned'];
  return kinds.flatMap((forgery, index) =>
    (['acme-shop', 'stripe'] as const).map((provider): Incoming => {
      const original = proper.find((one) => one.provider === provider) as Incoming;
      const id = provider === 'stripe' ? `evt_forged${index}` : `evt-forged-${index}`;
      const event = provider === 'stripe' ? { ...original.event, id } : original.event;
      return { ...original, afterSeconds: 40 + index * 30, id, event, forgery };
    }),
  );
}

/** What the shop's own customers are told of: an event each, which fans out to the endpoints that ask for its type. */
export function shopEvents(): JobLine[] {
  const within = drawing(20_29);
  const types = ['order.placed', 'order.shipped', 'payment.captured'] as const;
  const lines = ['shop-berlin', 'shop-lisbon'].flatMap((tenant) =>
    Array.from({ length: 12 }, (_, index): JobLine => {
      const afterSeconds = 5 + index * 24;
      const id = `${tenant.slice(5)}-${index + 1}`;
      const type = types[index % types.length] as string;
      const occurredAt = new Date(DAY_MS + afterSeconds * 1000).toISOString();
      const data = { reference: `R-${5000 + index}`, amountMinor: within(5, 90) * 100, currency: 'EUR' };
      return {
        afterSeconds,
        type: 'fan-out-event',
        id: `event-${id}`,
        data: { tenant, event: { id: `evt-${id}`, type, occurredAt, data } },
      };
    }),
  );
  const again = [lines[2], lines[2], lines[15]] as JobLine[];
  return [
    ...lines,
    ...again.map((line, index) => ({ ...line, afterSeconds: line.afterSeconds + index * 40 })),
  ];
}

function drawing(seed: number): Within {
  const draw = mulberry32(seed);
  return (least, most) => least + Math.floor(draw() * (most - least + 1));
}
