import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { storyOf } from '../../../cli/story.ts';
import { registerEndpoint, rotateEndpointSecret } from '../../../shared/client/endpoints.ts';
import { status } from '../../../shared/client/status.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import { JOB_TYPES, JOBS, jobByType } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { answers, DeliveryLab, keyOf } from './delivery-lab.ts';

let deliveries: DeliveryLab;
beforeAll(async () => {
  deliveries = await DeliveryLab.start();
});
afterAll(() => deliveries.stop());

describe('a delivery', () => {
  it('brings the event as Standard Webhooks has it, under the event’s own id', async () => {
    const customer = await deliveries.customer();
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    const [request] = customer.received;
    expect(customer.received).toHaveLength(1);
    expect(JSON.parse(request?.body ?? '')).toEqual({
      type: 'order.placed',
      timestamp: '2026-11-25T10:00:00Z',
      data: { orderId: `order-${delivery.event.id}` },
    });
    expect(request?.headers).toMatchObject({
      'webhook-id': delivery.event.id,
      'content-type': 'application/json',
      'user-agent': 'honest-jobs-webhooks/1',
    });
    expect(request && customer.verifies(request)).toBe(true);
    expect(await deliveries.record(delivery)).toMatchObject({ state: 'completed', attempts: 1 });
    expect(await deliveries.attempts(delivery)).toMatchObject([
      { outcome: 'delivered', status: 204, attempt: 1, eventType: 'order.placed', answer: '' },
    ]);
    // A success of an endpoint that is well writes nothing of it.
    expect(await deliveries.endpoint(customer)).not.toHaveProperty('failures');
  });

  it('that is published twice at once is made once', async () => {
    const customer = await deliveries.customer();
    const delivery = deliveries.delivery(customer);
    await deliveries.lab.publishTwice(JOBS.deliverWebhook, delivery);
    await deliveries.lab.drain();
    expect(customer.received).toHaveLength(1);
  });

  it('is signed with both secrets while one replaces the other, and with the new one alone after that', async () => {
    const customer = await deliveries.customer();
    const { lab } = deliveries;
    const options = { dynamo: lab.dynamo, stage: STAGE, now: () => lab.cloud.clock.now() };
    const { secret } = await rotateEndpointSecret(customer.endpoint, { ...options, overlapSeconds: 3600 });
    await deliveries.run(deliveries.delivery(customer));
    await lab.advance(3601);
    await deliveries.run(deliveries.delivery(customer));
    const [both, one] = customer.received;
    expect(String(both?.headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect(both && [customer.verifies(both), customer.verifies(both, secret)]).toEqual([true, true]);
    expect(one && [customer.verifies(one), customer.verifies(one, secret)]).toEqual([false, true]);
  });

  it('says nothing of the address but its host, and its tenant’s answer is in one place alone', async () => {
    const customer = await deliveries.customer();
    const marker = 'marker-of-a-tenant';
    customer.answer = (response, nth) => response.writeHead([503, 400][nth - 1] ?? 204).end(marker);
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    const { lab } = deliveries;
    const record = await deliveries.record(delivery);
    expect(record).toMatchObject({ state: 'dead', attempts: 2, verdict: { code: 'HTTP_400' } });
    const steps = await lab.lookup.steps({ pk: record.pk });
    const now = (): number => lab.cloud.clock.now();
    const { reports } = await status(
      { type: JOBS.deliverWebhook.type, key: keyOf(delivery) },
      {
        lookup: lab.lookup,
        sqs: lab.sqs,
        stage: STAGE,
        types: JOB_TYPES,
        now,
        contractOf: jobByType,
      },
    );
    const told = reports.map((report) => storyOf(report, { stage: STAGE, nowMs: now(), all: true }));
    const letters = await lab.deadLetters(JOBS.deliverWebhook);
    const shown = JSON.stringify([lab.logs, record, steps, reports, told, letters]);
    expect(shown).toContain(keyOf(delivery));
    expect(shown).not.toContain(marker);
    expect(shown).not.toContain('address-secret');
    expect(shown).not.toContain(customer.endpoint.secret);
    expect((await deliveries.attempts(delivery)).map(({ answer }) => answer)).toEqual([marker, marker]);
  });
});

describe('an answer', () => {
  it.each([
    [200, 'completed', 1, []],
    [201, 'completed', 1, []],
    [204, 'completed', 1, []],
    [299, 'completed', 1, []],
    [301, 'completed', 2, ['HTTP_301']],
    [307, 'completed', 2, ['HTTP_307']],
    [408, 'completed', 2, ['HTTP_408']],
    [425, 'completed', 2, ['HTTP_425']],
    [429, 'completed', 2, ['HTTP_429']],
    [500, 'completed', 2, ['HTTP_500']],
    [503, 'completed', 2, ['HTTP_503']],
    [599, 'completed', 2, ['HTTP_599']],
    [400, 'dead', 1, ['HTTP_400']],
    [401, 'dead', 1, ['HTTP_401']],
    [404, 'dead', 1, ['HTTP_404']],
    [422, 'dead', 1, ['HTTP_422']],
    [410, 'dead', 1, ['HTTP_410']],
  ])('of %i: %s after %i', async (status, state, attempts, codes) => {
    const customer = await deliveries.customer();
    customer.answer = (response, nth) => answers(nth === 1 ? status : 204)(response, nth);
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    const record = await deliveries.record(delivery);
    expect(record).toMatchObject({ state, attempts });
    expect((record.history ?? []).map(({ code }) => code)).toEqual(codes);
    if (state === 'dead') expect(record.verdict?.code).toBe(codes[0]);
    expect(customer.received).toHaveLength(attempts);
    // Only what speaks of the endpoint made it rest, and its success ended that.
    const endpoint = await deliveries.endpoint(customer);
    expect(endpoint).not.toHaveProperty('failures');
    expect(endpoint).not.toHaveProperty('pausedUntilMs');
  });

  it('that redirects is not followed', async () => {
    const [customer, internal] = [await deliveries.customer(), await deliveries.customer()];
    customer.answer = (response, nth) =>
      nth === 1
        ? response.writeHead(307, { location: internal.endpoint.url }).end()
        : response.writeHead(204).end();
    await deliveries.run(deliveries.delivery(customer));
    expect(customer.received).toHaveLength(2);
    expect(internal.received).toEqual([]);
  });

  it.each([
    ['in seconds', () => '7200', 7200],
    ['as a date', (nowMs: number) => new Date(nowMs + 7_200_000).toUTCString(), 7190],
    ['for more than a day, and a day is what it gets', () => '9999999', 86_400],
  ])('that asks for later %s is not asked again sooner', async (_what, retryAfter, least) => {
    const customer = await deliveries.customer();
    customer.answer = (response, nth) =>
      answers(nth === 1 ? 429 : 204, nth === 1 ? retryAfter(deliveries.lab.cloud.clock.now()) : undefined)(
        response,
        nth,
      );
    const [delivery, other] = [deliveries.delivery(customer), deliveries.delivery(customer)];
    await deliveries.publish(delivery);
    await deliveries.lab.settle();
    const { pausedUntilMs = 0 } = await deliveries.endpoint(customer);
    await deliveries.run(other);
    const [first, second, third] = customer.received.map(({ atMs }) => atMs);
    for (const next of [second, third])
      expect(((next ?? 0) - (first ?? 0)) / 1000).toBeGreaterThanOrEqual(least);
    expect(((second ?? 0) - (first ?? 0)) / 1000).toBeLessThan(least + 200);
    expect(pausedUntilMs - (first ?? 0)).toBeGreaterThanOrEqual(least * 1000);
    expect(await deliveries.record(delivery)).toMatchObject({ state: 'completed', attempts: 2 });
    expect((await deliveries.record(delivery)).history?.[0]).toMatchObject({
      code: 'HTTP_429',
      delayWhy: expect.stringContaining('no sooner than'),
    });
    // The other one found the pause, which cost it no attempt.
    expect(await deliveries.record(other)).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it.each([
    ['nonsense', 'soon'],
    ['less than nothing', '-5'],
    ['a time that is past', 'Wed, 21 Oct 2015 07:28:00 GMT'],
  ])('that asks for %s is asked again on the schedule', async (_what, retryAfter) => {
    const customer = await deliveries.customer();
    customer.answer = (response, nth) => answers(nth === 1 ? 503 : 204, retryAfter)(response, nth);
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    expect((await deliveries.record(delivery)).history?.[0]?.delayWhy).toContain('delay 1 of 9');
  });

  it.each([
    ['is giant', { state: 'completed', attempts: 1 }, 1024],
    ['never ends', { state: 'completed', attempts: 1 }, 6],
    ['breaks off in its body', { state: 'completed', attempts: 1 }, 4],
  ])('that %s is cut, and its status stands', async (what, ended, bytes) => {
    const customer = await deliveries.customer();
    customer.answer = (response) => {
      response.writeHead(200, what === 'breaks off in its body' ? { 'content-length': '100' } : {});
      if (what === 'is giant') response.end('ž'.repeat(5_000_000));
      if (what === 'never ends') response.write('so far');
      if (what === 'breaks off in its body') {
        response.write('half');
        setTimeout(() => response.destroy(), 20);
      }
    };
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    expect(await deliveries.record(delivery)).toMatchObject(ended);
    const [attempt] = await deliveries.attempts(delivery);
    expect(Buffer.byteLength(attempt?.answer ?? '')).toBe(bytes);
  });

  it('that breaks off before its status leaves the delivery uncertain, and it is made again under its id', async () => {
    const customer = await deliveries.customer();
    customer.answer = (response, nth) => (nth === 1 ? response.destroy() : answers(204)(response, nth));
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    expect(await deliveries.record(delivery)).toMatchObject({
      state: 'completed',
      attempts: 2,
      history: [{ code: 'NO_ANSWER' }],
    });
    const ids = customer.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids)).toEqual(new Set([delivery.event.id]));
    const times = customer.received.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(times[1]).toBeGreaterThan(times[0] ?? 0);
    expect(customer.received.every((request) => customer.verifies(request))).toBe(true);
  });

  it('that does not come within 15 s is not waited for', async () => {
    const customer = await deliveries.customer();
    customer.answer = (response, nth) => nth > 1 && answers(204)(response, nth);
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    expect(await deliveries.record(delivery)).toMatchObject({
      state: 'completed',
      attempts: 2,
      history: [{ code: 'TIMEOUT' }],
    });
    const [attempt] = await deliveries.attempts(delivery);
    expect(attempt).toMatchObject({ outcome: 'failed', code: 'TIMEOUT' });
    expect(attempt?.durationMs).toBeGreaterThanOrEqual(14_900);
    expect(attempt?.durationMs).toBeLessThan(20_000);
  });
});

describe('a delivery that can reach nobody', () => {
  it.each([
    ['an address of a private network', 'https://10.0.0.1/hook', 'NOT_PUBLIC'],
    ['the cloud’s metadata, written as a number', 'https://2852039166/latest/', 'NOT_PUBLIC'],
    ['another protocol', 'http://receiver.example/', 'NOT_HTTPS'],
    ['a port of the system', 'https://receiver.example:22/', 'PORT'],
    ['somebody with a password', 'https://a:b@receiver.example/', 'USER_INFO'],
  ])('since it leads to %s is a dead letter at once', async (_what, url, code) => {
    const customer = await deliveries.customer();
    await deliveries.change(customer, { url });
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    expect(await deliveries.record(delivery)).toMatchObject({
      state: 'dead',
      attempts: 1,
      verdict: { code },
    });
    expect(await deliveries.attempts(delivery)).toMatchObject([{ outcome: 'refused', code }]);
  });

  it('since nobody listens is tried again', async () => {
    const customer = await deliveries.customer();
    await deliveries.change(customer, { url: 'http://127.0.0.1:1/' });
    const delivery = deliveries.delivery(customer);
    await deliveries.publish(delivery);
    await deliveries.lab.settle();
    await deliveries.change(customer, { url: customer.endpoint.url });
    await deliveries.lab.drain();
    const record = await deliveries.record(delivery);
    expect(record).toMatchObject({ state: 'completed', attempts: 2, history: [{ code: 'NO_ANSWER' }] });
    expect(customer.received).toHaveLength(1);
  });

  it('since its endpoint was removed is a dead letter, and brings nothing back', async () => {
    const customer = await deliveries.customer();
    const delivery = { ...deliveries.delivery(customer), endpointId: 'removed' };
    await deliveries.run(delivery);
    expect(await deliveries.record(delivery)).toMatchObject({
      state: 'dead',
      verdict: { code: 'ENDPOINT_UNKNOWN' },
    });
    expect(await deliveries.attempts(delivery)).toEqual([]);
  });

  it('since its endpoint has no secret that signs is a dead letter that says so, and not which', async () => {
    const customer = await deliveries.customer();
    await deliveries.change(customer, { secrets: [{ secret: 'whsec_not base64' }] });
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    const { verdict } = await deliveries.record(delivery);
    expect(verdict?.code).toBe('ENDPOINT_SECRET');
    expect(verdict?.message).not.toContain('not base64');
  });

  it('since its endpoint cannot be read by us is a dead letter until it is mended', async () => {
    const customer = await deliveries.customer();
    const { tenant, endpointId } = customer.endpoint;
    await deliveries.lab.dynamo.send(
      new UpdateCommand({
        TableName: tableName(STAGE, 'webhook-endpoints'),
        Key: { tenant, endpointId },
        UpdateExpression: 'SET eventTypes = :wrong',
        ExpressionAttributeValues: { ':wrong': 'order.*' },
      }),
    );
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    expect((await deliveries.record(delivery)).verdict?.code).toBe('ENDPOINT_UNREADABLE');
  });
});

it.each([
  ['http', 'NOT_HTTPS'],
  ['https', 'NOT_PUBLIC'],
])('as it is deployed, nothing on its own machine is reached by %s', async (scheme, code) => {
  const lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  try {
    const customer = await deliveries.customer();
    const { tenant, endpointId, url } = customer.endpoint;
    await registerEndpoint(
      { tenant, endpointId, url: url.replace(/^http/, scheme), eventTypes: ['*'] },
      { dynamo: lab.dynamo, stage: STAGE, now: () => lab.cloud.clock.now(), allowLoopback: true },
    );
    const delivery = deliveries.delivery(customer);
    await lab.publish(JOBS.deliverWebhook, delivery);
    await lab.drain();
    expect(await lab.record(JOBS.deliverWebhook, keyOf(delivery))).toMatchObject({
      state: 'dead',
      attempts: 1,
      verdict: { code },
    });
    expect(customer.received).toEqual([]);
  } finally {
    await lab.stop();
  }
});
