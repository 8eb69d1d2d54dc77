import { createHmac } from 'node:crypto';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SQSClient } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProviderSecrets } from '../../../functions/webhook-ingress/provider-secrets.ts';
import { receive } from '../../../functions/webhook-ingress/receive.ts';
import type { UrlRequest } from '../../../functions/webhook-ingress/url-request.ts';
import { Publisher } from '../../../shared/client/publisher.ts';
import { WEBHOOK_PROVIDERS } from '../../../shared/webhooks/providers.ts';
import { newStandardSecret, signatures } from '../../../shared/webhooks/standard-webhooks.ts';

const SECRET = newStandardSecret();
const STRIPES = `whsec_${'s'.repeat(32)}`;
/** An ingress whose queue remembers what it was sent. */
function ingress() {
  const sent: string[] = [];
  const sqs = {
    send: async ({ input }: { input: { Entries: { Id: string; MessageBody: string }[] } }) => {
      sent.push(...input.Entries.map(({ MessageBody }) => MessageBody));
      return { Successful: input.Entries.map(({ Id }) => ({ Id, MessageId: 'm' })), Failed: [] };
    },
  } as unknown as SQSClient;
  const manager = {
    send: async () => ({ SecretString: JSON.stringify({ secrets: [SECRET, STRIPES] }) }),
  } as unknown as SecretsManagerClient;
  const environment = {
    secrets: new ProviderSecrets(manager, 'dev'),
    publisher: new Publisher({ sqs, source: '/test', queueUrl: () => 'queue' }),
    nowMs: Date.now,
  };
  return { sent, answer: (request: UrlRequest) => receive(request, environment) };
}

const nowSeconds = () => Math.floor(Date.now() / 1000);
/** Zod leaves `__proto__` out of what it reads. */
const MEMBER = fc.string().filter((name) => name !== '__proto__');
const path = fc.oneof(fc.constantFrom(...WEBHOOK_PROVIDERS.map(({ name }) => `/${name}`)), fc.string());
const method = fc.oneof({ weight: 4, arbitrary: fc.constant('POST') }, fc.string());
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'v1',
    'v1,',
    ',',
    ' ',
    'v1,a v1,b',
    't=1',
    't=1,v1=',
    `t=${nowSeconds()},v1=${'0'.repeat(64)}`,
  ),
  fc.base64String().map((encoded) => `v1,${encoded}`),
);
const headers = fc.record(
  {
    'webhook-id': text,
    'webhook-timestamp': fc.oneof(text, fc.constant(String(nowSeconds())), fc.integer().map(String)),
    'webhook-signature': text,
    'stripe-signature': text,
    'content-type': text,
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((json) => Buffer.from(json)),
);

describe('whatever is sent', () => {
  it('without a signature that fits is answered by a 4xx and a reason, and nothing is queued', async () => {
    await fc.assert(
      fc.asyncProperty(method, path, headers, body, async (how, where, what, bytes) => {
        const { sent, answer } = ingress();
        const reply = await answer({ method: how, path: where, headers: what, body: bytes });
        expect(reply.status).toBeGreaterThanOrEqual(400);
        expect(reply.status).toBeLessThan(500);
        expect(Object.keys(reply.body)).toEqual(['error']);
        expect(reply.because).toBeDefined();
        expect(sent).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('and is signed well is queued as it is, or answered 400', async () => {
    const bytesOrEvent = fc.oneof(
      body,
      fc
        .record({
          type: fc.string(),
          timestamp: fc.constant('2026-11-25T10:00:00Z'),
          data: fc.dictionary(MEMBER, fc.jsonValue()),
        })
        .map((event) => Buffer.from(JSON.stringify(event))),
    );
    await fc.assert(
      fc.asyncProperty(bytesOrEvent, async (bytes) => {
        const { sent, answer } = ingress();
        const at = nowSeconds();
        const reply = await answer({
          method: 'POST',
          path: '/acme-shop',
          headers: {
            'webhook-id': 'evt-1',
            'webhook-timestamp': String(at),
            'webhook-signature': signatures([SECRET], 'evt-1', at, bytes.toString()),
          },
          body: bytes,
        });
        expect([202, 400]).toContain(reply.status);
        expect(sent).toHaveLength(reply.status === 202 ? 1 : 0);
        if (reply.status !== 202) return;
        const { id, partitionkey, data } = JSON.parse(sent[0] ?? '');
        expect({ id, partitionkey }).toEqual({ id: 'acme-shop:evt-1', partitionkey: 'acme-shop' });
        expect(data).toMatchObject({ provider: 'acme-shop', eventId: 'evt-1' });
        expect(data.event).toEqual(JSON.parse(bytes.toString()));
      }),
      { numRuns: 500 },
    );
  });

  it("and is signed well by Stripe's scheme, over its very bytes, is queued or answered 400", async () => {
    await fc.assert(
      fc.asyncProperty(body, async (bytes) => {
        const { answer } = ingress();
        const at = nowSeconds();
        const signature = createHmac('sha256', STRIPES).update(`${at}.`).update(bytes).digest('hex');
        const header = `t=${at},v1=${'f'.repeat(64)},v1=${signature}`;
        const reply = await answer({
          method: 'POST',
          path: '/stripe',
          headers: { 'stripe-signature': header },
          body: bytes,
        });
        expect(reply).toMatchObject({ status: 400, because: 'body' });
      }),
    );
  });

  it('and was signed well before one byte of it was changed is refused', async () => {
    const event = JSON.stringify({ type: 'order.placed', timestamp: '2026-11-25T10:00:00Z', data: {} });
    await fc.assert(
      fc.asyncProperty(fc.nat(event.length - 1), fc.integer({ min: 1, max: 255 }), async (place, flip) => {
        const { sent, answer } = ingress();
        const at = nowSeconds();
        const bytes = Buffer.from(event);
        bytes[place] = (bytes[place] ?? 0) ^ flip;
        const reply = await answer({
          method: 'POST',
          path: '/acme-shop',
          headers: {
            'webhook-id': 'evt-1',
            'webhook-timestamp': String(at),
            'webhook-signature': signatures([SECRET], 'evt-1', at, event),
          },
          body: bytes,
        });
        expect(reply).toMatchObject({ status: 401, because: 'signature' });
        expect(sent).toEqual([]);
      }),
    );
  });
});
