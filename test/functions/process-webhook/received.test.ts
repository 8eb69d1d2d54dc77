import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { WebhookLab } from '../webhook-ingress/webhook-lab.ts';

const { processWebhook } = JOBS;

let webhooks: WebhookLab;
beforeAll(async () => {
  webhooks = await WebhookLab.start();
});
afterAll(() => webhooks?.stop());

const drain = () => webhooks.lab.drain();
const codesOf = async (eventId: string) =>
  (await webhooks.lab.deadLetterOf(processWebhook, `acme-shop/${eventId}`))?.reason;

describe('an event', () => {
  it('delivered five times, three at once, is one effect', async () => {
    const order = webhooks.id();
    const event = webhooks.event(order, 1, 'order.placed');
    const id = webhooks.id('evt');
    const replies = await Promise.all([1, 2, 3].map(() => webhooks.deliverEvent(id, event)));
    await drain();
    for (const _ of [4, 5]) {
      await webhooks.lab.advance(600);
      replies.push(await webhooks.deliverEvent(id, event));
      await drain();
    }
    expect(replies.map(({ status, body }) => [status, body.id])).toEqual(
      Array(5).fill([202, `acme-shop:${id}`]),
    );
    expect(await webhooks.row(`order/${order}`)).toMatchObject({ state: 'placed', at: 1, changes: 1 });
    expect(await webhooks.record(id)).toMatchObject({
      state: 'completed',
      attempts: 1,
      result: JSON.stringify({ subject: `order/${order}`, applied: true, state: 'placed' }),
    });
    expect(await webhooks.lab.deadLetters(processWebhook)).toEqual([]);
  });

  it('whose successors came before it changes nothing', async () => {
    const order = webhooks.id();
    const ids = [3, 2, 1].map((version) => `${order}-v${version}`);
    const types = ['order.shipped', 'order.packed', 'order.placed'];
    for (const [place, id] of ids.entries()) {
      await webhooks.deliverEvent(id, webhooks.event(order, 3 - place, types[place] ?? ''));
      await drain();
    }
    expect(await webhooks.row(`order/${order}`)).toEqual({
      subject: `order/${order}`,
      state: 'shipped',
      at: 3,
      eventId: ids[0],
      provider: 'acme-shop',
      changes: 1,
      updatedAt: expect.any(String),
    });
    for (const id of ids.slice(1))
      expect(await webhooks.record(id)).toMatchObject({
        state: 'completed',
        result: JSON.stringify({ subject: `order/${order}`, applied: false, because: 'older' }),
      });
  });

  it('may follow another whose own event never came', async () => {
    const payment = webhooks.id('p');
    await webhooks.deliverEvent(`${payment}-1`, webhooks.event(payment, 1, 'payment.pending'));
    await drain();
    await webhooks.deliverEvent(`${payment}-4`, webhooks.event(payment, 4, 'payment.refunded'));
    await drain();
    expect(await webhooks.row(`payment/${payment}`)).toMatchObject({ state: 'refunded', at: 4, changes: 2 });
  });

  it('that cannot follow is dead-lettered with both states and both events in its reason, and what stands stays', async () => {
    const order = webhooks.id();
    await webhooks.deliverEvent(`${order}-a`, webhooks.event(order, 2, 'order.cancelled'));
    await drain();
    await webhooks.deliverEvent(`${order}-b`, webhooks.event(order, 3, 'order.shipped'));
    await drain();
    const reason = await codesOf(`${order}-b`);
    expect(reason?.code).toBe('IMPOSSIBLE_TRANSITION');
    for (const part of [`order/${order}`, 'cancelled', 'shipped', `${order}-a`, `${order}-b`])
      expect(reason?.message).toContain(part);
    expect(await webhooks.row(`order/${order}`)).toMatchObject({ state: 'cancelled', at: 2, changes: 1 });
    // It spent one attempt: no further one can help.
    expect(await webhooks.record(`${order}-b`)).toMatchObject({ state: 'dead', attempts: 1 });
  });

  it('of the same version as another is after it where it can follow it, before it where that one can, and else impossible', async () => {
    const [after, before, neither] = [webhooks.id(), webhooks.id(), webhooks.id()];
    const both = async (order: string, first: string, second: string) => {
      await webhooks.deliverEvent(`${order}-1`, webhooks.event(order, 7, `order.${first}`));
      await drain();
      await webhooks.deliverEvent(`${order}-2`, webhooks.event(order, 7, `order.${second}`));
      await drain();
    };
    await both(after, 'placed', 'packed');
    await both(before, 'packed', 'placed');
    await both(neither, 'cancelled', 'shipped');
    expect(await webhooks.row(`order/${after}`)).toMatchObject({ state: 'packed', changes: 2 });
    expect(await webhooks.row(`order/${before}`)).toMatchObject({ state: 'packed', changes: 1 });
    expect(await webhooks.row(`order/${neither}`)).toMatchObject({ state: 'cancelled', changes: 1 });
    expect((await codesOf(`${neither}-2`))?.code).toBe('IMPOSSIBLE_TRANSITION');
  });

  it('of another version that says the same makes what stands newer', async () => {
    const order = webhooks.id();
    await webhooks.deliverEvent(`${order}-1`, webhooks.event(order, 1, 'order.placed'));
    await drain();
    await webhooks.deliverEvent(`${order}-2`, webhooks.event(order, 2, 'order.placed'));
    await drain();
    expect(await webhooks.row(`order/${order}`)).toMatchObject({
      state: 'placed',
      at: 2,
      eventId: `${order}-2`,
    });
  });

  it('that is about nothing of ours completes, and says what it was', async () => {
    const id = webhooks.id('evt');
    await webhooks.deliverEvent(id, webhooks.event('c-1', 1, 'customer.created'));
    await drain();
    expect(await webhooks.record(id)).toMatchObject({
      state: 'completed',
      result: JSON.stringify({ ignored: 'customer.created' }),
    });
  });

  it('that is not as documented is dead-lettered with the place, and none of its values', async () => {
    const id = webhooks.id('evt');
    const body = JSON.stringify({
      type: 'order.placed',
      timestamp: '2026-11-25T10:00:00Z',
      data: { id: 'o-secret', version: 'kim@example.com' },
    });
    expect((await webhooks.deliver({ id, body })).status).toBe(202);
    await drain();
    const reason = await codesOf(id);
    expect(reason).toMatchObject({
      code: 'MALFORMED_EVENT',
      message: expect.stringContaining('data.version'),
    });
    expect(reason?.message).not.toMatch(/secret|kim/);
  });

  it('of a provider that is not there any more is dead-lettered, and not lost', async () => {
    await webhooks.lab.publish(processWebhook, {
      provider: 'gone-shop',
      eventId: 'g-1',
      event: { type: 'order.placed' },
    });
    await drain();
    expect((await webhooks.lab.deadLetterOf(processWebhook, 'gone-shop/g-1'))?.reason.code).toBe(
      'UNKNOWN_PROVIDER',
    );
  });

  it('of another provider about the same id is dead-lettered: their times cannot be compared', async () => {
    const id = webhooks.id('p');
    await webhooks.deliverEvent(`${id}-1`, webhooks.event(id, 1, 'payment.captured'));
    await drain();
    const created = Math.floor(webhooks.nowMs / 1000);
    const event = {
      id: `evt_${id.replace('-', '')}`,
      object: 'event',
      type: 'charge.refunded',
      created,
      livemode: false,
      data: { object: { id, captured: true, refunded: true } },
    };
    expect((await webhooks.deliverStripe(event)).status).toBe(202);
    await drain();
    expect((await webhooks.lab.deadLetterOf(processWebhook, `stripe/${event.id}`))?.reason.code).toBe(
      'OTHER_PROVIDER',
    );
    expect(await webhooks.row(`payment/${id}`)).toMatchObject({ state: 'captured', provider: 'acme-shop' });
  });

  it('applied by an attempt whose end was not recorded is told as applied by the next', async () => {
    const order = webhooks.id();
    let killed = false;
    const lift = webhooks.lab.cloud.faults.killWhen((call) => {
      const isEffect = JSON.stringify(call.input()).includes('honest-jobs-dev-webhook-states');
      if (killed || call.moment !== 'after' || !isEffect) return false;
      killed = true;
      return true;
    });
    await webhooks.deliverEvent(`${order}-1`, webhooks.event(order, 1, 'order.placed'));
    await drain();
    lift();
    expect(killed).toBe(true);
    expect(await webhooks.record(`${order}-1`)).toMatchObject({
      state: 'completed',
      result: JSON.stringify({ subject: `order/${order}`, applied: true, state: 'placed' }),
    });
    expect(await webhooks.row(`order/${order}`)).toMatchObject({ changes: 1 });
  });
});
