import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { Behaviour } from '../../samples/webhook-receiver/behaviour.ts';
import type { Receiver } from '../../samples/webhook-receiver/receiver.ts';
import {
  WebhookReceivers,
  type WebhookReceiversOptions,
} from '../../samples/webhook-receiver/webhook-receivers.ts';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;

const started: WebhookReceivers[] = [];
afterEach(async () => {
  for (const receivers of started.splice(0)) await receivers.stop();
});

async function open(
  options?: WebhookReceiversOptions,
): Promise<{ receivers: WebhookReceivers; receiver: Receiver }> {
  const receivers = await WebhookReceivers.start(options);
  started.push(receivers);
  const receiver = receivers.open('well');
  receiver.trust(SECRET);
  return { receivers, receiver };
}

interface Posted {
  readonly id?: string;
  readonly secret?: string;
  readonly atMs?: number;
  readonly changed?: boolean;
}

async function post(url: string, { id = 'e-1', secret = SECRET, atMs = Date.now(), changed }: Posted = {}) {
  const body = JSON.stringify({ type: 'order.placed', timestamp: new Date().toISOString(), data: { id } });
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(atMs / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, new Date(atMs), body),
    },
    body: changed ? body.replace('placed', 'faked') : body,
    signal: AbortSignal.timeout(500),
  });
  return response;
}

describe('a sample receiver of webhooks', () => {
  it('takes an event once, however often it comes', async () => {
    const { receiver } = await open();
    for (let time = 0; time < 3; time++) expect((await post(receiver.url)).status).toBe(204);
    await post(receiver.url, { id: 'e-2' });
    expect(receiver.events).toMatchObject([
      { id: 'e-1', type: 'order.placed', data: { id: 'e-1' }, deliveries: 3 },
      { id: 'e-2', deliveries: 1 },
    ]);
    expect(receiver.requests).toBe(4);
    expect(receiver.refused).toEqual([]);
  });

  it.each<[string, Posted]>([
    ['was signed with another secret', { secret: OTHER }],
    ['was signed six minutes ago', { atMs: Date.now() - 360_000 }],
    ['is not what was signed', { changed: true }],
  ])('answers 401 to what %s, and takes nothing', async (_what, posted) => {
    const { receiver } = await open();
    expect((await post(receiver.url, posted)).status).toBe(401);
    expect(receiver.events).toEqual([]);
    expect(receiver.refused).toHaveLength(1);
  });

  it('trusts two secrets while one is rotated, and goes by the time that it is given', async () => {
    const ahead = Date.now() + 86_400_000;
    const { receiver } = await open({ now: () => ahead });
    receiver.trust(OTHER, SECRET);
    expect((await post(receiver.url, { atMs: ahead })).status).toBe(204);
    expect((await post(receiver.url)).status).toBe(401);
    expect(Math.abs(Date.now() - ahead)).toBeGreaterThan(80_000_000);
  });

  it.each<[string, Behaviour, Record<string, unknown>, number]>([
    ['is slow', { latencySeconds: 0.05 }, { status: 204 }, 1],
    ['is unavailable', { answer: 'unavailable', retryAfterSeconds: 7 }, { status: 503 }, 0],
    ['is busy', { answer: 'busy', retryAfterSeconds: 7 }, { status: 429 }, 0],
    ['is gone', { answer: 'gone' }, { status: 410 }, 0],
    ['knows nothing of the path', { answer: 'unknown' }, { status: 404 }, 0],
    ['redirects', { answer: 'redirected' }, { status: 307 }, 0],
  ])('%s as often as it is told to', async (_what, behaviour, told, taken) => {
    const { receivers, receiver } = await open();
    receiver.behave({ ...behaviour, times: 1 });
    const { status, headers } = await post(receiver.url);
    expect({ status }).toEqual(told);
    expect(headers.get('retry-after')).toBe(behaviour.retryAfterSeconds === undefined ? null : '7');
    expect(receiver.events).toHaveLength(taken);
    expect((await post(receiver.url, { id: 'e-2' })).status).toBe(204);
    expect(receivers.internalRequests).toBe(0);
  });

  it.each<[string, Behaviour, number]>([
    ['forgets to answer', { answer: 'forgotten' }, 1],
    ['breaks the connection', { answer: 'dropped' }, 0],
  ])('%s, and has its sender hear nothing', async (_what, behaviour, taken) => {
    const { receiver } = await open();
    receiver.behave(behaviour);
    await expect(post(receiver.url)).rejects.toThrow();
    expect(receiver.events).toHaveLength(taken);
    receiver.behave();
    expect((await post(receiver.url)).status).toBe(204);
  });

  it('has a body that does not end', async () => {
    const { receiver } = await open();
    receiver.behave({ answer: 'endless' });
    const { status, body } = await post(receiver.url);
    expect(status).toBe(200);
    let bytes = 0;
    for await (const chunk of body ?? []) {
      bytes += chunk.length;
      if (bytes > 1_000_000) break;
    }
    expect(bytes).toBeGreaterThan(1_000_000);
    expect(receiver.events).toHaveLength(1);
  });

  it('counts who follows its redirect to the internal address', async () => {
    const { receivers, receiver } = await open();
    receiver.behave({ answer: 'redirected' });
    const location = (await post(receiver.url)).headers.get('location') ?? '';
    expect(receivers.internalRequests).toBe(0);
    await fetch(location, { method: 'POST' });
    expect(receivers.internalRequests).toBe(1);
  });

  it('remembers over a restart what it has taken, where it has a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-receivers-'));
    try {
      const file = join(directory, 'taken.ndjson');
      const first = await open({ file });
      await post(first.receiver.url);
      const { receiver, receivers } = await open({ file });
      await post(receiver.url);
      expect(receiver.events).toMatchObject([{ id: 'e-1', type: 'order.placed', deliveries: 2 }]);
      expect(receivers.open('other').events).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('is one of several at one address, of which each has its own events', async () => {
    const { receivers, receiver } = await open();
    const second = receivers.open('second');
    second.trust(OTHER);
    expect((await post(second.url, { secret: OTHER })).status).toBe(204);
    expect((await post(second.url)).status).toBe(401);
    expect(receiver.events).toEqual([]);
    expect(receivers.open('second')).toBe(second);
    expect((await post(`${second.url}-not`)).status).toBe(404);
  });
});
