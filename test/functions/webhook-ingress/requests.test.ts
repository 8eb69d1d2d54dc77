import {
  DeleteFunctionConcurrencyCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LARGEST_BODY_BYTES } from '../../../functions/webhook-ingress/receive.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { WebhookLab } from './webhook-lab.ts';

let webhooks: WebhookLab;
beforeAll(async () => {
  webhooks = await WebhookLab.start();
});
afterAll(() => webhooks?.stop());

const placed = () => {
  const id = webhooks.id();
  return { id, body: JSON.stringify(webhooks.event(id, 1, 'order.placed')) };
};
/** A body of so many bytes, which is an event. */
function bodyOf(bytes: number): string {
  const event = webhooks.event(webhooks.id(), 1, 'order.placed');
  const empty = JSON.stringify({ ...event, note: '' });
  return JSON.stringify({ ...event, note: 'x'.repeat(bytes - empty.length) });
}

describe('a request', () => {
  it.each(['', 'acme', 'acme-shop/', 'acme-shop/x', '__proto__', 'Acme-Shop', '%61cme-shop'])(
    'to the path /%s, where nobody receives, is answered 404',
    async (path) => {
      expect(await webhooks.deliver({ ...placed(), path })).toMatchObject({
        status: 404,
        body: { error: 'Nobody receives webhooks at this path.' },
      });
    },
  );

  it.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])(
    'by %s is answered 405, with what is allowed',
    async (method) => {
      const reply = await webhooks.send(new Request(`${webhooks.url}acme-shop`, { method }));
      expect(reply.status).toBe(405);
      expect(reply.headers.get('allow')).toBe('POST');
    },
  );

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'without %s is answered 400, with the name of it',
    async (name) => {
      const request = webhooks.request(placed());
      request.headers.delete(name);
      const reply = await webhooks.send(request);
      expect(reply.status).toBe(400);
      expect(reply.body.error).toContain(`${name}:`);
    },
  );

  it.each([
    ['webhook-timestamp', 'yesterday'],
    ['webhook-timestamp', '1e9'],
    ['webhook-id', 'x'.repeat(201)],
    ['webhook-id', 'two words'],
  ])('whose %s is %j is answered 400', async (name, value) => {
    const request = webhooks.request(placed());
    request.headers.set(name, value);
    expect(await webhooks.send(request)).toMatchObject({ status: 400 });
  });

  it('hears what is wrong with its body only when its signature is right', async () => {
    const delivery = { id: webhooks.id('evt'), body: '{"type": "order.placed", "data": {}}' };
    const honest = await webhooks.deliver(delivery);
    expect(honest.status).toBe(400);
    expect(honest.body.error).toContain('timestamp');
    const forged = await webhooks.send(new Request(webhooks.request(delivery), { body: 'no JSON' }));
    expect(forged.status).toBe(401);
  });

  it.each([
    ['no JSON', 'a=b'],
    ['nothing', ''],
    ['an array', '[]'],
    [
      'nested beyond reason',
      `{"type":"order.placed","timestamp":"2026-11-25T10:00:00Z","data":{"x":${'['.repeat(200)}${']'.repeat(200)}}}`,
    ],
  ])('that is signed well and whose body is %s is answered 400, and never queued', async (_, body) => {
    const id = webhooks.id('evt');
    expect(await webhooks.deliver({ id, body })).toMatchObject({ status: 400 });
    await webhooks.lab.drain();
    expect(await webhooks.record(id)).toBeUndefined();
    expect(await webhooks.lab.deadLetters(JOBS.processWebhook)).toEqual([]);
  });

  it('of the largest size is taken, and one byte more is answered 413', async () => {
    const [fits, tooLong] = [bodyOf(LARGEST_BODY_BYTES), bodyOf(LARGEST_BODY_BYTES + 1)];
    expect(await webhooks.deliver({ id: webhooks.id('evt'), body: fits })).toMatchObject({ status: 202 });
    const reply = await webhooks.deliver({ id: webhooks.id('evt'), body: tooLong });
    expect(reply).toMatchObject({ status: 413 });
    expect(reply.body.error).toContain(String(LARGEST_BODY_BYTES));
  });

  it('is taken with whatever content type it names, and with none', async () => {
    for (const type of [
      'text/plain',
      'application/octet-stream',
      'application/json; charset=utf-8',
      undefined,
    ]) {
      const request = webhooks.request(placed());
      request.headers.delete('content-type');
      if (type) request.headers.set('content-type', type);
      expect(await webhooks.send(request)).toMatchObject({ status: 202 });
    }
  });

  it('whose event holds characters that SQS refuses is taken, and done', async () => {
    const id = webhooks.id();
    const event = {
      ...webhooks.event(id, 1, 'order.placed'),
      data: { id, version: 1, note: '\uffff\ufffe\u0000' },
    };
    expect(await webhooks.deliverEvent(id, event)).toMatchObject({ status: 202 });
    await webhooks.lab.drain();
    expect(await webhooks.record(id)).toMatchObject({ state: 'completed' });
  });
});

it('requests beyond ten times the reserved concurrency in a second are answered 429, and come again later', async () => {
  const { endpoint, region } = webhooks.lab.cloud;
  const credentials = { accessKeyId: 'operator', secretAccessKey: 'operator' };
  const lambda = new LambdaClient({ endpoint, region, credentials });
  const FunctionName = webhooks.ingress;
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 1 }));
  const delivery = placed();
  const replies = await Promise.all(Array.from({ length: 25 }, () => webhooks.deliver(delivery)));
  const statuses = new Set(replies.map(({ status }) => status));
  expect(statuses).toContain(429);
  expect([...statuses].filter((status) => status !== 429 && status !== 202)).toEqual([]);
  await webhooks.lab.advance(2);
  expect(await webhooks.deliver(delivery)).toMatchObject({ status: 202 });
  await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
  lambda.destroy();
  await webhooks.lab.drain();
  expect(await webhooks.row(`order/${delivery.id}`)).toMatchObject({ changes: 1 });
});
