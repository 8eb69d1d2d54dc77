import { describe, expect, it } from 'vitest';
import { eventType, tenantId } from '../../../shared/jobs/webhook-event.ts';
import {
  currentSecrets,
  deliverySortKey,
  eventTypePattern,
  wantsType,
} from '../../../shared/webhooks/endpoint.ts';

describe('an endpoint', () => {
  it.each([
    [['*'], 'order.placed', true],
    [['order.placed'], 'order.placed', true],
    [['order.placed'], 'order.placed_twice', false],
    [['order.*'], 'order.placed', true],
    [['order.*'], 'order.line.added', true],
    [['order.*'], 'order', false],
    [['order.*'], 'orders.placed', false],
    [['invoice.*', 'order.placed'], 'order.placed', true],
    [['invoice.*', 'order.shipped'], 'order.placed', false],
  ])('that asks for %j gets %s: %s', (eventTypes, type, wanted) => {
    expect(wantsType({ eventTypes }, type)).toBe(wanted);
  });

  it('is signed for with each secret that has not run out, the newest first', () => {
    const secrets = [{ secret: 'new' }, { secret: 'old', untilMs: 1000 }];
    expect(currentSecrets({ secrets }, 999)).toEqual(['new', 'old']);
    expect(currentSecrets({ secrets }, 1000)).toEqual(['new']);
  });

  it.each(['order', 'order.placed', 'a.b.c', 'order_2.placed'])('may be told of the type %s', (type) => {
    expect(eventType.safeParse(type).success).toBe(true);
    expect(eventTypePattern.safeParse(type).success).toBe(true);
  });

  it.each(['', '.', 'order.', '.placed', 'order..placed', 'order placed', 'a/b', '**', '*.placed', 'or*'])(
    'asks for no such type: "%s"',
    (type) => {
      expect(eventType.safeParse(type).success).toBe(false);
      expect(eventTypePattern.safeParse(type).success).toBe(false);
    },
  );

  it('belongs to a tenant whose id divides no key', () => {
    expect(tenantId.safeParse('tenant-7').success).toBe(true);
    for (const id of ['', 'a/b', 'a b', 'ä', 'x'.repeat(81)])
      expect(tenantId.safeParse(id).success).toBe(false);
  });
});

it('deliveries of an event sort by time, and begin with what finds them', () => {
  const ids = { endpointId: 'ep-1', eventId: 'evt-1' };
  expect(deliverySortKey(ids, 0)).toBe('ep-1/evt-1/1970-01-01T00:00:00.000Z');
  expect(deliverySortKey(ids, 999) < deliverySortKey(ids, 10_000)).toBe(true);
  expect(deliverySortKey(ids, 0).startsWith(deliverySortKey(ids))).toBe(true);
});
