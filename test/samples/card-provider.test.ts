import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Behaviour } from '../../samples/card-provider/behaviour.ts';
import { CardProvider } from '../../samples/card-provider/card-provider.ts';

const FORM = { amount: '500', currency: 'eur', customer: 'cus_1', payment_method: 'pm_1', reference: 'r-1' };

const started: CardProvider[] = [];
afterEach(async () => {
  for (const provider of started.splice(0)) await provider.stop();
});

async function start(file?: string): Promise<CardProvider> {
  const provider = await CardProvider.start(file === undefined ? {} : { file });
  started.push(provider);
  return provider;
}

interface Told {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever it answers
  readonly body: any;
  readonly retryAfter: string | null;
}

async function post(
  { url, apiKey }: CardProvider,
  key: string,
  form: Record<string, string> = FORM,
): Promise<Told> {
  const response = await fetch(`${url}/v1/charges`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, ...(key && { 'idempotency-key': key }) },
    body: new URLSearchParams(form),
    redirect: 'manual',
    signal: AbortSignal.timeout(500),
  });
  const text = await response.text();
  const retryAfter = response.headers.get('retry-after');
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text, retryAfter };
}

async function list({ url, apiKey }: CardProvider, reference: string): Promise<Told> {
  const response = await fetch(`${url}/v1/charges?reference=${reference}`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  return { status: response.status, body: await response.json(), retryAfter: null };
}

describe('the sample card provider', () => {
  it('charges once for a key, and answers the same again', async () => {
    const provider = await start();
    const first = await post(provider, 'k');
    expect(first).toMatchObject({
      status: 200,
      body: { status: 'succeeded', amount: 500, reference: 'r-1' },
    });
    expect(await post(provider, 'k')).toEqual(first);
    expect(provider.effects('r-1')).toBe(1);
    expect(provider.tries('k')).toBe(2);
    expect((await list(provider, 'r-1')).body.data).toEqual([first.body]);
    expect((await list(provider, 'r-2')).body.data).toEqual([]);
  });

  it('charges twice for two keys, and for one that it has forgotten', async () => {
    const provider = await start();
    await post(provider, 'k');
    await post(provider, 'other');
    provider.forgetKeys();
    await post(provider, 'k');
    expect(provider.effects('r-1')).toBe(3);
  });

  it('refuses other parameters under a key, and a key that is in use', async () => {
    const provider = await start();
    await post(provider, 'k');
    expect(await post(provider, 'k', { ...FORM, amount: '501' })).toMatchObject({
      status: 400,
      body: { error: { type: 'idempotency_error', code: 'idempotency_key_reused' } },
    });
    provider.onCharge(async (moment) => {
      if (moment === 'before')
        expect(await post(provider, 'k2')).toMatchObject({
          status: 409,
          body: { error: { code: 'idempotency_key_in_use' } },
        });
    });
    expect((await post(provider, 'k2')).status).toBe(200);
    expect(provider.effects('r-1')).toBe(2);
  });

  it('charges nothing that a listener vetoes, and keeps nothing under its key', async () => {
    const provider = await start();
    const allow = provider.onCharge((moment) => (moment === 'before' ? 'veto' : undefined));
    expect((await post(provider, 'k')).status).toBe(500);
    expect(provider.effects('r-1')).toBe(0);
    allow();
    expect((await post(provider, 'k')).status).toBe(200);
    expect(provider.effects('r-1')).toBe(1);
  });

  it('declines some cards, and answers so again', async () => {
    const provider = await start();
    const declined = await post(provider, 'k', { ...FORM, payment_method: 'pm_card_expired' });
    expect(declined).toMatchObject({
      status: 402,
      body: { error: { type: 'card_error', code: 'card_declined', decline_code: 'expired_card' } },
    });
    expect(await post(provider, 'k', { ...FORM, payment_method: 'pm_card_expired' })).toEqual(declined);
    expect(provider.effects('r-1')).toBe(0);
    expect((await list(provider, 'r-1')).body.data).toMatchObject([
      { status: 'failed', failure_code: 'expired_card' },
    ]);
  });

  it.each([
    ['amount', { amount: '0' }],
    ['amount', { amount: '12.5' }],
    ['currency', { currency: 'EUR' }],
    ['reference', { reference: '' }],
    ['customer', { customer: 'cus_unknown' }],
  ])('refuses a wrong %s: %j, and keeps nothing under the key', async (param, changes) => {
    const provider = await start();
    expect(await post(provider, 'k', { ...FORM, ...changes })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', param } },
    });
    expect((await post(provider, 'k')).status).toBe(200);
  });

  it('refuses who has no key for it, what has no idempotency key, and what is not there', async () => {
    const provider = await start();
    expect(
      (await post({ ...provider, url: provider.url, apiKey: 'sk_other' } as CardProvider, 'k')).status,
    ).toBe(401);
    expect((await post(provider, '')).status).toBe(400);
    const { url, apiKey } = provider;
    const elsewhere = await fetch(`${url}/v1/refunds`, { headers: { authorization: `Bearer ${apiKey}` } });
    expect(elsewhere.status).toBe(404);
    expect(provider.charges()).toEqual([]);
  });

  it.each<[string, Behaviour, Record<string, unknown>, number]>([
    ['takes no requests', { rateLimited: { retryAfterSeconds: 9 } }, { status: 429, retryAfter: '9' }, 0],
    ['fails before it charges', { answer: 'failed', charges: false }, { status: 500 }, 0],
    ['fails after it has charged', { answer: 'failed' }, { status: 500 }, 1],
    [
      'garbles its answer',
      { answer: 'garbled' },
      { status: 200, body: expect.stringContaining('<html>') },
      1,
    ],
    ['sends its caller elsewhere', { answer: 'redirected' }, { status: 307 }, 1],
    ['is slow', { latencySeconds: 0.05 }, { status: 200 }, 1],
  ])('%s, as often as it is told to', async (_what, behaviour, told, effects) => {
    const provider = await start();
    provider.behave({ ...behaviour, times: 1 });
    expect(await post(provider, 'k')).toMatchObject(told);
    expect(provider.effects('r-1')).toBe(effects);
    expect((await post(provider, 'other')).status).toBe(200);
  });

  it.each<[string, Behaviour, number]>([
    ['breaks off half-way', { answer: 'half' }, 1],
    ['breaks the connection', { answer: 'dropped' }, 1],
    ['breaks the connection before it charges', { answer: 'dropped', charges: false }, 0],
    ['hangs', { answer: 'hanging' }, 1],
    ['does not end', { answer: 'endless' }, 1],
  ])('%s, and has its caller get nothing', async (_what, behaviour, effects) => {
    const provider = await start();
    provider.behave(behaviour);
    await expect(post(provider, 'k')).rejects.toThrow();
    expect(provider.effects('r-1')).toBe(effects);
    provider.behave();
    expect((await post(provider, 'k')).status).toBe(200);
    expect(provider.effects('r-1')).toBe(1);
  });

  it('keeps a 500 under its key once it has charged, as Stripe does', async () => {
    const provider = await start();
    provider.behave({ answer: 'failed', times: 1 });
    const first = await post(provider, 'k');
    expect(await post(provider, 'k')).toEqual(first);
    expect(provider.effects('r-1')).toBe(1);
  });

  it('refuses connections when it is told to, and takes them again at the same address', async () => {
    const provider = await start();
    const { url } = provider;
    await provider.refuse();
    await expect(post(provider, 'k')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await provider.accept();
    expect(provider.url).toBe(url);
    expect((await post(provider, 'k')).status).toBe(200);
  });

  it('remembers charges and keys over a restart where it has a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-cards-'));
    try {
      const file = join(directory, 'cards.ndjson');
      const first = await post(await start(file), 'k');
      const again = await start(file);
      expect(await post(again, 'k')).toEqual(first);
      expect(again.effects('r-1')).toBe(1);
      again.forgetKeys();
      expect((await post(await start(file), 'k')).body.id).not.toBe(first.body.id);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
