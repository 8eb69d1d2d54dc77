import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { FORGERIES, type OutgoingEvent, type ProviderName } from '../../samples/webhook-sender/outgoing.ts';
import { WebhookSender } from '../../samples/webhook-sender/webhook-sender.ts';
import { providerByName } from '../../shared/webhooks/providers.ts';

const EVENTS: readonly OutgoingEvent[] = [
  {
    provider: 'acme-shop',
    id: 'evt-1',
    event: { type: 'order.placed', timestamp: '2026-11-25T08:00:00Z', data: { id: 'o-1', version: 1 } },
  },
  {
    provider: 'stripe',
    id: 'evt_1',
    event: {
      id: 'evt_1',
      object: 'event',
      type: 'charge.succeeded',
      created: 1_795_593_600,
      livemode: false,
      data: { object: { id: 'ch_1', captured: true, refunded: false } },
    },
  },
];

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serverOf(serve: RequestListener): Promise<{ url: string }> {
  const server = createServer(serve);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  closing.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** An ingress that verifies as ours does, and answers as it is told to. */
async function ingress(...statuses: readonly number[]) {
  const seen: { verdict: string; eventId: string; body: string }[] = [];
  const waits: number[] = [];
  let nowMs = Date.now();
  const { url } = await serverOf(async (request, response) => {
    const raw = Buffer.from(await text(request));
    const provider = providerByName((request.url ?? '').slice(1));
    const headers = request.headers as Record<string, string>;
    const refusal = provider?.verify(headers, raw, [sender.secrets[provider.name as ProviderName]], nowMs);
    const accepted = provider?.accept(headers, raw);
    const eventId = accepted && 'eventId' in accepted ? accepted.eventId : '';
    seen.push({ verdict: refusal?.because ?? 'right', eventId, body: raw.toString() });
    response.writeHead(refusal?.status ?? statuses[seen.length - 1] ?? 202).end();
  });
  const sender = new WebhookSender({
    urlOf: (provider) => `${url}${provider}`,
    now: () => nowMs,
    wait: async (seconds) => {
      waits.push(seconds);
      nowMs += 1000;
    },
  });
  return { sender, seen, waits };
}

describe.each(EVENTS)('the sample sender of $provider', (outgoing) => {
  it('signs each try anew and tries until a 2xx', async () => {
    const { sender, seen, waits } = await ingress(503, 500);
    expect((await sender.send(outgoing)).answers).toEqual([503, 500, 202]);
    expect(seen.map(({ verdict, eventId }) => `${verdict} ${eventId}`)).toEqual(
      Array(3).fill(`right ${outgoing.id}`),
    );
    expect(waits.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThan(30);
    expect(sender.sent).toEqual([{ outgoing, answers: [503, 500, 202] }]);
  });

  it('gives up when no try is left', async () => {
    const { sender } = await ingress(...Array(20).fill(503));
    const { answers } = await sender.send(outgoing);
    expect(answers.length).toBeGreaterThan(3);
    expect(new Set(answers)).toEqual(new Set([503]));
  });

  it.each(FORGERIES)('makes a request that is %s, once, and no receiver takes it', async (forgery) => {
    const { sender, seen } = await ingress();
    const { answers } = await sender.send({ ...outgoing, forgery });
    expect(answers).toEqual([forgery === 'unsigned' ? 400 : 401]);
    expect(seen[0]?.verdict).toBe(
      { 'wrong-secret': 'signature', 'changed-body': 'signature', old: 'timestamp', unsigned: 'headers' }[
        forgery
      ],
    );
  });
});

describe('the sample sender', () => {
  it('has a forger try again where nobody looked at the signature', async () => {
    const { sender } = await ingress();
    let requests = 0;
    const { url } = await serverOf(
      (_, response) => void response.writeHead(requests++ === 0 ? 503 : 401).end(),
    );
    const forger = new WebhookSender({ urlOf: () => url, wait: async () => {} });
    const forged: OutgoingEvent = { ...(EVENTS[0] as OutgoingEvent), forgery: 'old' };
    expect((await forger.send(forged)).answers).toEqual([503, 401]);
    expect((await sender.send(forged)).answers).toEqual([401]);
  });

  it('has a body of Stripe’s vary between tries, as Stripe does', async () => {
    const { sender, seen } = await ingress(503);
    await sender.send(EVENTS[1] as OutgoingEvent);
    expect(seen.map(({ body }) => JSON.parse(body).pending_webhooks)).toEqual([3, 2]);
  });

  it('tells a try that nobody answered as 0', async () => {
    const sender = new WebhookSender({ urlOf: () => 'http://127.0.0.1:9/', wait: async () => {} });
    expect(new Set((await sender.send(EVENTS[0] as OutgoingEvent)).answers)).toEqual(new Set([0]));
  });
});
