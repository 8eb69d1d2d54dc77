import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CardProvider, type Charge, ChargeUncertain } from '../../../functions/charge-card/card-provider.ts';
import { NotDone, PermanentError, RetryAfter } from '../../../shared/consumer/index.ts';

const CHARGE: Charge = {
  chargeId: 'c-1',
  customer: 'cus_kim',
  paymentMethod: 'pm_card_visa',
  amountMinor: 1250,
  currency: 'EUR',
};
const MADE = { id: 'ch_1', amount: 1250, currency: 'eur', status: 'succeeded', reference: 'c-1' };
const NEVER = new AbortController().signal;
const HOUR_MS = 3_600_000;

let ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends) await end();
  ends = [];
});

/** A provider that answers as it is told. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** The client, told where to go. */
function clientOf(url: string, timeoutMs = 200): CardProvider & { forgotten(): number } {
  let forgotten = 0;
  const secret = {
    current: async () => ({ url, apiKey: 'sk_test' }),
    forget: () => {
      forgotten++;
    },
    refused: () => new RetryAfter(900, 'The key is refused.'),
  };
  return Object.assign(new CardProvider(secret, { timeoutMs }), { forgotten: () => forgotten });
}

/** A charge at a provider that answers the POST so, and a look at its charges with `listed`. */
async function chargeAt(
  answer: { status: number; body?: unknown; headers?: Record<string, string> },
  listed?: unknown,
) {
  const url = await serve((request, response) => {
    const isLook = request.method === 'GET';
    response.writeHead(isLook ? 200 : answer.status, isLook ? {} : answer.headers);
    const body = isLook ? { data: listed ?? [] } : answer.body;
    response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  });
  const client = clientOf(url);
  return { client, outcome: client.charge(CHARGE, NEVER).catch((error: unknown) => error) };
}

const error = (type: string, code = 'some_code') => ({
  error: { type, code, message: 'For nobody’s eyes.' },
});

describe('a charge', () => {
  it('is a form with the charge’s id as key and reference, and the key of the account', async () => {
    const seen: Record<string, unknown> = {};
    const url = await serve(async (request, response) => {
      const body = (await request.toArray()).join('');
      Object.assign(seen, { method: request.method, url: request.url, headers: request.headers, body });
      response.end(JSON.stringify(MADE));
    });
    const outcome = await clientOf(`${url}base/`).charge(CHARGE, NEVER);
    expect(outcome).toEqual({ state: 'succeeded', providerChargeId: 'ch_1' });
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/base/v1/charges',
      headers: {
        authorization: 'Bearer sk_test',
        connection: 'close',
        'idempotency-key': 'c-1',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'amount=1250&currency=eur&customer=cus_kim&payment_method=pm_card_visa&reference=c-1',
    });
  });

  it('that was declined has the bank’s code as its reason', async () => {
    const body = {
      error: { type: 'card_error', code: 'card_declined', decline_code: 'lost_card', charge: 'ch_2' },
    };
    expect(await (await chargeAt({ status: 402, body })).outcome).toEqual({
      state: 'declined',
      reason: 'lost_card',
      providerChargeId: 'ch_2',
    });
    const odd = { error: { type: 'card_error', code: 'Your card, Kim, is empty', decline_code: 7 } };
    expect(await (await chargeAt({ status: 402, body: odd })).outcome).toEqual({
      state: 'declined',
      reason: 'card_declined',
    });
  });

  it.each([
    ['a 500', { status: 500, body: error('api_error') }],
    ['a 503', { status: 503, body: 'try later' }],
    ['a 409', { status: 409, body: error('idempotency_error', 'idempotency_key_in_use') }],
    ['a 408', { status: 408 }],
    ['a redirect', { status: 303, headers: { location: '/v1/charges/ch_1' } }],
    ['a decline that cannot be read', { status: 402, body: '<html>' }],
    ['a 402 that is no decline', { status: 402, body: error('api_error') }],
    ['a refusal that cannot be read', { status: 400, body: '<html>' }],
    ['a success that cannot be read', { status: 200, body: '{"id":"ch_1"' }],
    ['a success of another amount', { status: 200, body: { ...MADE, amount: 1 } }],
    ['a success of another reference', { status: 200, body: { ...MADE, reference: 'c-2' } }],
    ['a charge that is not decided', { status: 200, body: { ...MADE, status: 'pending' } }],
    ['too long an answer', { status: 200, body: JSON.stringify(MADE).padEnd(70_000) }],
  ])('is uncertain after %s', async (_what, answer) => {
    const thrown = await (await chargeAt(answer)).outcome;
    expect(thrown).toBeInstanceOf(ChargeUncertain);
    expect((thrown as Error).message).not.toContain('nobody');
  });

  it.each([
    ['a charge that was made', [MADE], { state: 'succeeded', providerChargeId: 'ch_1' }],
    [
      'a charge that was declined',
      [{ ...MADE, status: 'failed', failure_code: 'expired_card' }],
      { state: 'declined', reason: 'expired_card', providerChargeId: 'ch_1' },
    ],
  ])('is settled after a 500 by a look that finds %s', async (_what, listed, outcome) => {
    expect(await (await chargeAt({ status: 500 }, listed)).outcome).toEqual(outcome);
  });

  it.each([
    [400, 'invalid_request_error', 'CHARGE_REFUSED'],
    [404, 'invalid_request_error', 'CHARGE_REFUSED'],
    [400, 'idempotency_error', 'IDEMPOTENCY_KEY_REUSED'],
  ])('is certainly not made after a %i with %s, and never will be', async (status, type, code) => {
    const thrown = await (await chargeAt({ status, body: error(type) })).outcome;
    expect(thrown).toBeInstanceOf(NotDone);
    expect((thrown as Error).cause).toBeInstanceOf(PermanentError);
    expect((thrown as Error).cause).toMatchObject({ code });
  });

  it.each([
    ['seconds', { 'retry-after': '7' }, 7],
    ['a date', { 'retry-after': new Date(Date.now() + 100_000).toUTCString() }, 100],
    ['nothing', {}, 60],
    ['nonsense', { 'retry-after': 'soon' }, 60],
    ['more than an hour', { 'retry-after': '999999' }, 3600],
  ])('waits after a 429 as long as %s says', async (_what, headers, seconds) => {
    const thrown = await (await chargeAt({ status: 429, headers })).outcome;
    expect(thrown).toBeInstanceOf(NotDone);
    const { cause } = thrown as Error;
    expect(cause).toBeInstanceOf(RetryAfter);
    expect(Math.abs((cause as RetryAfter).seconds - seconds)).toBeLessThan(3);
  });

  it.each([401, 403])('waits after a %i, and has the key read anew', async (status) => {
    const { client, outcome } = await chargeAt({ status, body: 'no' });
    const thrown = await outcome;
    expect(thrown).toBeInstanceOf(NotDone);
    expect((thrown as Error).cause).toMatchObject({ seconds: 900, message: 'The key is refused.' });
    expect(client.forgotten()).toBe(1);
  });

  it('is certainly not made where nobody listens', async () => {
    const url = await serve(() => {});
    for (const end of ends.splice(0)) await end();
    await expect(clientOf(url).charge(CHARGE, NEVER)).rejects.toBeInstanceOf(NotDone);
    await expect(clientOf('https://nowhere.invalid/').charge(CHARGE, NEVER)).rejects.toBeInstanceOf(NotDone);
  });

  it('is certainly not made where the other end speaks no TLS that we trust, and no request leaves', async () => {
    let requests = 0;
    const url = await serve(() => requests++);
    await expect(clientOf(url.replace('http:', 'https:')).charge(CHARGE, NEVER)).rejects.toThrow();
    expect(requests).toBe(0);
  });

  it('is given up on when no answer comes in time, and when its attempt ends', async () => {
    const url = await serve(() => {});
    const begun = Date.now();
    await expect(clientOf(url).charge(CHARGE, NEVER)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(Date.now() - begun).toBeLessThan(2000);
    const aborter = new AbortController();
    const reason = new Error('The attempt has ended.');
    const charge = clientOf(url, 60_000).charge(CHARGE, aborter.signal);
    aborter.abort(reason);
    await expect(charge).rejects.toBe(reason);
  });

  it('is uncertain when its answer begins and does not end in time', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 500 });
      response.write('{"id":');
    });
    await expect(clientOf(url).charge(CHARGE, NEVER)).rejects.toBeInstanceOf(ChargeUncertain);
  });
});

describe('a look at an uncertain charge', () => {
  const lookAt = async (listed: unknown, tryWasMs: number) => {
    const url = await serve((_request, response) => response.end(JSON.stringify({ data: listed })));
    return clientOf(url).verify(CHARGE, Date.now() - tryWasMs, NEVER);
  };

  it('finds it done', async () => {
    expect(await lookAt([MADE], 0)).toEqual({
      found: 'done',
      result: { state: 'succeeded', providerChargeId: 'ch_1' },
    });
  });

  it('takes the one that succeeded among several tries', async () => {
    const failed = { ...MADE, id: 'ch_0', status: 'failed' };
    expect(await lookAt([failed, MADE], 0)).toMatchObject({ result: { providerChargeId: 'ch_1' } });
  });

  it('does not tell while it is pending, or not there an hour after the last try', async () => {
    expect(await lookAt([{ ...MADE, status: 'pending' }], 30 * HOUR_MS)).toEqual({ found: 'unknown' });
    expect(await lookAt([], HOUR_MS - 5000)).toEqual({ found: 'unknown' });
    expect(await lookAt([], HOUR_MS + 1000)).toEqual({ found: 'notDone' });
    expect(await lookAt([{ ...MADE, reference: 'c-2' }], HOUR_MS + 1000)).toEqual({ found: 'notDone' });
  });

  it('refuses a charge of another amount under its reference', async () => {
    await expect(lookAt([{ ...MADE, amount: 1 }], 0)).rejects.toMatchObject({ code: 'REFERENCE_REUSED' });
  });

  it.each([
    ['waits when the provider asks for it', 429, '', RetryAfter],
    ['waits for a key that is taken', 401, '', RetryAfter],
    ['fails when the provider fails', 500, '', ChargeUncertain],
    ['fails when the list cannot be read', 200, '{"data":[{}]}', ChargeUncertain],
  ])('%s', async (_what, status, body, expected) => {
    const url = await serve((_request, response) => response.writeHead(status).end(body));
    await expect(clientOf(url).verify(CHARGE, 0, NEVER)).rejects.toBeInstanceOf(expected);
  });
});
