import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DECLINED, flawIn, found, refusal } from './answers.ts';
import type { Behaviour } from './behaviour.ts';
import { Book, type Charge, type KeptAnswer } from './book.ts';

export interface CardProviderOptions {
  /** On 127.0.0.1. @default a free one */
  readonly port?: number;
  /** Where its memory is kept. @default nowhere: it ends with the process */
  readonly file?: string;
}

/**
 * Called with the reference before a card is charged, and after, while the caller still waits.
 *
 * @returns `'veto'` before: nothing is charged and nothing kept under the key, and the caller is answered 500
 */
export type ChargeListener = (moment: 'before' | 'after', reference: string) => unknown;

/**
 * A card provider on this machine, with Stripe's conventions (https://docs.stripe.com/api/idempotent_requests):
 *
 * - `POST /v1/charges`, a form of `amount`, `currency`, `customer`, `payment_method`, `reference`, with an `Idempotency-Key`: the same key and
 *   parameters again are answered as the first time, a 500 included; other parameters under it are refused by 400, a key in use by 409;
 * - `GET /v1/charges?reference=`, newest first;
 * - errors as `{ error: { type, code, message } }`, a decline as a 402.
 */
export class CardProvider {
  readonly apiKey = `sk_sample_${randomBytes(16).toString('hex')}`;
  readonly #book: Book;
  readonly #inProgress = new Set<string>();
  readonly #tries = new Map<string, number>();
  readonly #listeners = new Set<ChargeListener>();
  #server: Server | undefined;
  #port = 0;
  #behaviour: Behaviour | undefined;
  /** How many requests the behaviour has befallen. */
  #befallen = 0;

  private constructor(file?: string) {
    this.#book = new Book(file);
  }

  static async start({ port = 0, file }: CardProviderOptions = {}): Promise<CardProvider> {
    const provider = new CardProvider(file);
    provider.#port = port;
    await provider.accept();
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Every charge that was made, in order, with those that were declined. */
  charges(): readonly Charge[] {
    return this.#book.charges;
  }

  /** How often cards were charged for a reference: what must never be more than 1. */
  effects(reference: string): number {
    return this.#book.charges.filter(
      (charge) => charge.reference === reference && charge.status === 'succeeded',
    ).length;
  }

  /** How many requests to charge came with a key. */
  tries(key: string): number {
    return this.#tries.get(key) ?? 0;
  }

  /** Sets how it is from now on. @default well */
  behave(behaviour?: Behaviour): void {
    this.#behaviour = behaviour;
    this.#befallen = 0;
  }

  /** @returns takes the listener away */
  onCharge(listener: ChargeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As if a day had passed: the same key is a new request. */
  forgetKeys(): void {
    this.#book.forgetKeys();
  }

  /** Takes connections (again). */
  async accept(): Promise<void> {
    if (this.#server) return;
    const server = createServer((request, response) => {
      // Whoever breaks off gets no answer, and changes nothing here.
      this.#serve(request, response).catch(() => response.destroy());
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Refuses connections from now on, and breaks those that are there. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  stop(): Promise<void> {
    return this.refuse();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const method = request.method === 'POST' ? 'POST' : 'GET';
    if (method === 'POST') this.#tries.set(keyOf(request), this.tries(keyOf(request)) + 1);
    const unwell = this.#unwell(method);
    if (unwell?.latencySeconds) await sleep(unwell.latencySeconds * 1000);
    if (unwell?.rateLimited) {
      response.setHeader('retry-after', unwell.rateLimited.retryAfterSeconds);
      return send(response, refusal(429, 'rate_limit_error', 'rate_limit', 'Too many requests.'));
    }
    const answer =
      unwell?.answer && unwell.charges === false
        ? nothingDone()
        : await this.#answer(request, method, body, unwell?.answer === 'failed');
    await fail(response, answer, unwell?.answer);
  }

  /** What befalls this request: a look at charges is never in the way of a charge. */
  #unwell(method: string): Behaviour | undefined {
    const behaviour = this.#behaviour;
    if (!behaviour || method !== 'POST' || this.#befallen >= (behaviour.times ?? Number.POSITIVE_INFINITY))
      return undefined;
    this.#befallen++;
    return behaviour;
  }

  async #answer(
    request: IncomingMessage,
    method: string,
    body: string,
    answerFails: boolean,
  ): Promise<KeptAnswer> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    if (request.headers.authorization !== `Bearer ${this.apiKey}`)
      return refusal(401, 'invalid_request_error', 'api_key_invalid', 'Invalid API key.');
    if (pathname !== '/v1/charges')
      return refusal(404, 'invalid_request_error', 'unknown_url', 'There is nothing here.');
    if (method === 'GET')
      return found(
        this.#book.charges
          .filter(({ reference }) => reference === searchParams.get('reference'))
          .toReversed(),
      );
    return this.#chargeOnce(keyOf(request), body, answerFails);
  }

  async #chargeOnce(key: string, parameters: string, answerFails: boolean): Promise<KeptAnswer> {
    if (key === '' || key.length > 255)
      return refusal(
        400,
        'invalid_request_error',
        'idempotency_key_missing',
        'An Idempotency-Key is needed.',
      );
    const known = this.#book.answerTo(key);
    if (known && known.parameters !== parameters)
      return refusal(
        400,
        'idempotency_error',
        'idempotency_key_reused',
        'The key was used with other parameters.',
      );
    if (known) return known.answer;
    if (this.#inProgress.has(key))
      return refusal(
        409,
        'idempotency_error',
        'idempotency_key_in_use',
        'A request with this key is under way.',
      );
    const form = new URLSearchParams(parameters);
    const flaw = flawIn(form);
    // As with Stripe, only what was begun is kept under the key.
    if (flaw) return flaw;
    this.#inProgress.add(key);
    try {
      if (await this.#vetoed(form)) return nothingDone();
      const made = this.#charge(form);
      const answer = answerFails ? refusal(500, 'api_error', 'internal', 'Something went wrong.') : made;
      this.#book.keep(key, parameters, answer);
      await this.#tell('after', form);
      return answer;
    } finally {
      this.#inProgress.delete(key);
    }
  }

  #charge(form: URLSearchParams): KeptAnswer {
    const method = form.get('payment_method') ?? '';
    const declined = DECLINED[method];
    const charge: Charge = {
      id: `ch_${randomBytes(12).toString('hex')}`,
      object: 'charge',
      amount: Number(form.get('amount')),
      currency: form.get('currency') ?? '',
      customer: form.get('customer') ?? '',
      payment_method: method,
      reference: form.get('reference') ?? '',
      status: declined ? 'failed' : 'succeeded',
      failure_code: declined ?? null,
      created: Math.floor(Date.now() / 1000),
    };
    this.#book.addCharge(charge);
    return declined
      ? refusal(402, 'card_error', 'card_declined', 'The card was declined.', {
          decline_code: declined,
          charge: charge.id,
        })
      : { status: 200, body: JSON.stringify(charge) };
  }

  async #vetoed(form: URLSearchParams): Promise<boolean> {
    const said = await this.#tell('before', form);
    return said.includes('veto');
  }

  async #tell(moment: 'before' | 'after', form: URLSearchParams): Promise<readonly unknown[]> {
    const said: unknown[] = [];
    for (const listener of this.#listeners) said.push(await listener(moment, form.get('reference') ?? ''));
    return said;
  }
}

function nothingDone(): KeptAnswer {
  return refusal(500, 'api_error', 'unavailable', 'Nothing was done.');
}

function keyOf(request: IncomingMessage): string {
  return String(request.headers['idempotency-key'] ?? '');
}

function send(response: ServerResponse, { status, body }: KeptAnswer): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Gives the answer, or what the behaviour makes of it. */
async function fail(response: ServerResponse, answer: KeptAnswer, how: Behaviour['answer']): Promise<void> {
  const json = { 'content-type': 'application/json' };
  switch (how) {
    case undefined:
    case 'failed':
      return send(response, answer);
    case 'hanging':
      return;
    case 'dropped':
      response.destroy();
      return;
    case 'garbled':
      return send(response, { status: 200, body: '<html>One moment, please</html>' });
    case 'redirected':
      response.writeHead(307, { location: '/v1/elsewhere' });
      response.end();
      return;
    case 'half':
      response.writeHead(answer.status, { ...json, 'content-length': Buffer.byteLength(answer.body) });
      response.write(answer.body.slice(0, answer.body.length / 2), () => response.destroy());
      return;
    case 'endless':
      response.writeHead(200, json);
      while (!response.destroyed) {
        response.write(' '.repeat(65_536));
        await sleep(1);
      }
  }
}
