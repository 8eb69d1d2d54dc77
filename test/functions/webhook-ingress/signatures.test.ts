import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { newStandardSecret } from '../../../shared/webhooks/standard-webhooks.ts';
import { type Reply, WebhookLab } from './webhook-lab.ts';

const SENDER = fileURLToPath(new URL('./sender-program.mjs', import.meta.url));

let webhooks: WebhookLab;
beforeAll(async () => {
  webhooks = await WebhookLab.start();
});
afterAll(() => webhooks?.stop());

const MINUTE_MS = 60_000;
const placed = () => {
  const id = webhooks.id();
  return { id, body: JSON.stringify(webhooks.event(id, 1, 'order.placed')) };
};
/** Whether the order of a delivery is known to us, once all is done. */
async function isKnown({ id }: { id: string }): Promise<boolean> {
  await webhooks.lab.drain();
  return (await webhooks.row(`order/${id}`)) !== undefined;
}

/** A refusal tells nothing by which another request could be made to fit. */
function expectRefused(reply: Reply, status: number, says: RegExp): void {
  expect(reply.status).toBe(status);
  expect(Object.keys(reply.body)).toEqual(['error']);
  expect(reply.body.error).toMatch(says);
  expect(reply.body.error).not.toContain(webhooks.shopSecret.slice('whsec_'.length));
  expect(reply.body.error).not.toContain('v1,');
}

describe('a webhook', () => {
  it('that is signed well is taken once it is in the queue', async () => {
    const delivery = placed();
    const reply = await webhooks.deliver(delivery);
    expect(reply.status).toBe(202);
    expect(reply.body).toEqual({ id: `acme-shop:${delivery.id}` });
    expect(await isKnown(delivery)).toBe(true);
  });

  it('with a wrong signature is refused, and nothing of it is queued', async () => {
    const delivery = { ...placed(), secrets: [newStandardSecret()] };
    expectRefused(await webhooks.deliver(delivery), 401, /^The signature does not fit\./);
    expect(await isKnown(delivery)).toBe(false);
  });

  it('whose body was changed on its way is refused', async () => {
    const delivery = placed();
    const request = webhooks.request(delivery);
    const body = delivery.body.replace('order.placed', 'order.packed');
    expectRefused(await webhooks.send(new Request(request, { body })), 401, /signature/);
  });

  it.each([
    ['old', -6 * MINUTE_MS],
    ['from the future', 6 * MINUTE_MS],
  ])('that is %s is refused, and both times are told', async (_, awayMs) => {
    const nowMs = webhooks.nowMs;
    const delivery = { ...placed(), atMs: nowMs + awayMs };
    const reply = await webhooks.deliver(delivery);
    expectRefused(reply, 401, /more than 300 s from our clock/);
    const [theirs, ours] = reply.body.error?.match(/\d{10}/g) ?? [];
    expect(Number(theirs)).toBe(Math.floor((nowMs + awayMs) / 1000));
    expect(Math.abs(Number(ours) - nowMs / 1000)).toBeLessThan(30);
    expect(await isKnown(delivery)).toBe(false);
  });

  it('that is nearly five minutes old is taken', async () => {
    expect((await webhooks.deliver({ ...placed(), atMs: webhooks.nowMs - 290_000 })).status).toBe(202);
  });

  it('that is replayed as it was is the same job within five minutes, and refused afterwards', async () => {
    const delivery = placed();
    const request = webhooks.request(delivery);
    expect((await webhooks.send(request.clone())).status).toBe(202);
    await webhooks.lab.drain();
    await webhooks.lab.advance(120);
    expect((await webhooks.send(request.clone())).status).toBe(202);
    await webhooks.lab.drain();
    expect(await webhooks.row(`order/${delivery.id}`)).toMatchObject({ changes: 1 });
    expect(await webhooks.lab.deadLetters(JOBS.processWebhook)).toEqual([]);
    await webhooks.lab.advance(300);
    expectRefused(await webhooks.send(request), 401, /timestamp/);
  });

  it('signed by the secret of another provider is refused', async () => {
    const stripes = newStandardSecret();
    await webhooks.fillIn('stripe', { secrets: [stripes, webhooks.stripeSecret] });
    expectRefused(await webhooks.deliver({ ...placed(), secrets: [stripes] }), 401, /signature/);
  });

  it('signed by a program of its own with the standardwebhooks library is taken', async () => {
    const delivery = placed();
    const { stdout } = await promisify(execFile)(process.execPath, [
      SENDER,
      `${webhooks.url}acme-shop`,
      webhooks.shopSecret,
      delivery.id,
      String(webhooks.nowMs),
      delivery.body,
    ]);
    expect(JSON.parse(stdout)).toEqual({ status: 202, body: { id: `acme-shop:${delivery.id}` } });
    expect(await isKnown(delivery)).toBe(true);
  });
});

describe('a secret that is rotated', () => {
  it('verifies at once when it is added, and no more five minutes after it was taken out, without a deploy', async () => {
    const [before, after] = [webhooks.shopSecret, newStandardSecret()];
    const by = (...secrets: string[]) => webhooks.deliver({ ...placed(), secrets });
    expect((await by(before)).status).toBe(202);
    await webhooks.lab.advance(31);
    await webhooks.fillIn('acme-shop', { secrets: [after, before] });
    // While the ingress still holds what it read before.
    expect((await by(after)).status).toBe(202);
    expect((await by(before)).status).toBe(202);
    expect((await by(newStandardSecret(), before)).status).toBe(202);
    await webhooks.fillIn('acme-shop', { secrets: [after] });
    await webhooks.lab.advance(301);
    expect((await by(before)).status).toBe(401);
    expect((await by(after)).status).toBe(202);
    await webhooks.lab.advance(31);
    await webhooks.fillIn('acme-shop', { secrets: [before] });
    expect((await by(before)).status).toBe(202);
  });

  it('is read anew for wrong signatures every half minute at most', async () => {
    let reads = 0;
    const lift = webhooks.lab.cloud.faults.add(({ functionName, service, moment }) => {
      if (functionName === webhooks.ingress && service === 'secretsmanager' && moment === 'before') reads++;
      return undefined;
    });
    const wrong = () => webhooks.deliver({ ...placed(), secrets: [newStandardSecret()] });
    await webhooks.lab.advance(600);
    for (let tries = 0; tries < 8; tries++) expect((await wrong()).status).toBe(401);
    expect(reads).toBe(1);
    await webhooks.lab.advance(31);
    for (let tries = 0; tries < 8; tries++) expect((await wrong()).status).toBe(401);
    expect(reads).toBe(2);
    lift();
  });
});

describe("Stripe's scheme", () => {
  const charge = (id: string, changes: Record<string, unknown> = {}) => ({
    id: `evt_${id.replaceAll('-', '')}`,
    object: 'event',
    api_version: '2026-09-30',
    created: Math.floor(webhooks.nowMs / 1000),
    type: 'charge.succeeded',
    livemode: false,
    pending_webhooks: 2,
    request: { id: 'req_1', idempotency_key: null },
    data: { object: { id, object: 'charge', captured: true, refunded: false } },
    ...changes,
  });

  it('is verified, and its retry with other pending webhooks is the same job', async () => {
    const id = webhooks.id('ch');
    const event = charge(id);
    expect((await webhooks.deliverStripe(event)).body).toEqual({ id: `stripe:${event.id}` });
    await webhooks.lab.drain();
    await webhooks.lab.advance(3600);
    const again = { ...event, pending_webhooks: 1, request: { id: null, idempotency_key: null } };
    expect((await webhooks.deliverStripe(again)).status).toBe(202);
    await webhooks.lab.drain();
    expect(await webhooks.row(`payment/${id}`)).toMatchObject({
      state: 'captured',
      at: event.created * 1000,
      provider: 'stripe',
      changes: 1,
    });
    expect(await webhooks.lab.deadLetters(JOBS.processWebhook)).toEqual([]);
  });

  it('refuses what is signed wrongly, too old, or not at all, and takes what a rolled secret signed', async () => {
    const event = charge(webhooks.id('ch'));
    expectRefused(
      await webhooks.deliverStripe(event, { secret: `whsec_${'x'.repeat(32)}` }),
      401,
      /signature does not fit/,
    );
    expectRefused(
      await webhooks.deliverStripe(event, { atMs: webhooks.nowMs - 6 * MINUTE_MS }),
      401,
      /timestamp/,
    );
    const unsigned = new Request(`${webhooks.url}stripe`, { method: 'POST', body: JSON.stringify(event) });
    expectRefused(await webhooks.send(unsigned), 400, /stripe-signature/);
    await webhooks.lab.advance(31);
    const rolled = `whsec_${'r'.repeat(32)}`;
    await webhooks.fillIn('stripe', { secrets: [rolled, webhooks.stripeSecret] });
    expect((await webhooks.deliverStripe(event, { secret: rolled })).status).toBe(202);
    expect((await webhooks.deliverStripe(event)).status).toBe(202);
  });

  it.each([
    [{ captured: false, refunded: false }, 'charge.succeeded', 'authorized'],
    [{ captured: true, refunded: true }, 'charge.refunded', 'refunded'],
    [{ captured: false, refunded: true }, 'charge.refunded', 'voided'],
    [{ captured: false, refunded: false }, 'charge.failed', 'failed'],
    [{ captured: false, refunded: false }, 'charge.pending', 'pending'],
  ])('tells by a charge of %o in %s that its payment is %s', async (object, type, state) => {
    const id = webhooks.id('ch');
    const event = charge(id, { type, data: { object: { id, ...object } } });
    expect((await webhooks.deliverStripe(event)).status).toBe(202);
    await webhooks.lab.drain();
    expect(await webhooks.row(`payment/${id}`)).toMatchObject({ state });
  });

  it('orders what it says of one second by what can follow', async () => {
    const id = webhooks.id('ch');
    const dispute = { id: `du_${id}`, object: 'dispute', charge: id };
    const events = [
      charge(`${id}d`, { type: 'charge.dispute.created', data: { object: dispute } }),
      charge(`${id}c`, {
        type: 'charge.captured',
        data: { object: { id, captured: true, refunded: false } },
      }),
      charge(`${id}a`, { data: { object: { id, captured: false, refunded: false } } }),
    ];
    for (const event of events) {
      expect((await webhooks.deliverStripe(event)).status).toBe(202);
      await webhooks.lab.drain();
    }
    expect(await webhooks.row(`payment/${id}`)).toMatchObject({ state: 'disputed', changes: 1 });
  });
});
