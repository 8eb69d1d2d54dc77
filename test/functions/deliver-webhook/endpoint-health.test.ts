import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { disableEndpoint, enableEndpoint } from '../../../shared/client/endpoint-changes.ts';
import { functionName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { answers, type Customer, type Delivery, DeliveryLab } from './delivery-lab.ts';

let deliveries: DeliveryLab;
beforeAll(async () => {
  deliveries = await DeliveryLab.start();
});
afterAll(() => deliveries.stop());

const DAY_MS = 86_400_000;
const now = (): number => deliveries.lab.cloud.clock.now();
const several = (customer: Customer, count: number): Delivery[] =>
  Array.from({ length: count }, () => deliveries.delivery(customer));
const states = (all: readonly Delivery[]) =>
  Promise.all(
    all.map(async (one) => {
      const { state, attempts, verdict } = await deliveries.record(one);
      return [state, attempts, verdict?.code];
    }),
  );
const options = () => ({ dynamo: deliveries.lab.dynamo, stage: STAGE, now });

describe('an endpoint that fails', () => {
  it('rests, and the deliveries that find it so spend no attempt; after the rest one goes alone', async () => {
    const customer = await deliveries.customer();
    customer.answer = answers(503, '600');
    const first = deliveries.delivery(customer);
    await deliveries.publish(first);
    await deliveries.lab.settle();
    const { pausedUntilMs = 0, failures, failingSinceMs } = await deliveries.endpoint(customer);
    expect({ failures, since: (failingSinceMs ?? 0) <= now() }).toEqual({ failures: 1, since: true });
    const others = several(customer, 8);
    await deliveries.publish(...others);
    await deliveries.lab.settle();
    expect(customer.received).toHaveLength(1);
    for (const other of others)
      expect(await deliveries.record(other)).toMatchObject({ state: 'deferred', attempts: 0 });
    // Whoever comes first after the rest has it for itself: the server holds it, and nobody else comes.
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    customer.answer = async (response, nth) => {
      reached.resolve();
      await held.promise;
      return answers(204)(response, nth);
    };
    void deliveries.lab.advance((pausedUntilMs - now()) / 1000 + 61);
    await reached.promise;
    const late = several(customer, 2);
    await deliveries.publish(...late);
    for (const one of late)
      await deliveries.lab.until(async () => (await deliveries.find(one))?.state === 'deferred');
    expect(customer.received).toHaveLength(2);
    held.resolve();
    await deliveries.lab.drain();
    expect(customer.received).toHaveLength(12);
    expect(await states([first, ...others, ...late])).toEqual([
      ['completed', 2, undefined],
      ...[...others, ...late].map(() => ['completed', 1, undefined]),
    ]);
    const endpoint = await deliveries.endpoint(customer);
    for (const mark of ['failures', 'failingSinceMs', 'pausedUntilMs', 'probe'])
      expect(endpoint).not.toHaveProperty(mark);
  });

  it('fails once for those that were under way together', async () => {
    const customer = await deliveries.customer();
    const held = Promise.withResolvers<void>();
    customer.answer = async (response, nth) => {
      await held.promise;
      return answers(nth <= 4 ? 503 : 204)(response, nth);
    };
    const all = several(customer, 4);
    await deliveries.publish(...all);
    await deliveries.lab.until(async () => customer.received.length === 4);
    held.resolve();
    await deliveries.lab.settle();
    expect((await deliveries.endpoint(customer)).failures).toBe(1);
    await deliveries.lab.drain();
    expect(await states(all)).toEqual(all.map(() => ['completed', 2, undefined]));
  });

  it('rests longer each time, up to an hour', async () => {
    const customer = await deliveries.customer();
    customer.answer = answers(503);
    await deliveries.publish(...several(customer, 3));
    await deliveries.lab.settle();
    const rests: number[] = [];
    for (let failures = 1; failures <= 10; failures++) {
      await deliveries.lab.until(async () => {
        const endpoint = await deliveries.endpoint(customer);
        if (endpoint.failures === failures) return true;
        await deliveries.lab.advance(10);
        return false;
      });
      const { pausedUntilMs = 0 } = await deliveries.endpoint(customer);
      rests.push((pausedUntilMs - (customer.received.at(-1)?.atMs ?? 0)) / 1000);
    }
    for (const [index, rest] of rests.entries()) {
      const nominal = Math.min(3600, 15 * 2 ** index);
      expect(rest).toBeGreaterThanOrEqual(nominal / 2 - 1);
      expect(rest).toBeLessThan(nominal + 12);
    }
    customer.answer = answers(204);
    await deliveries.lab.drain();
  });

  it('holds up no other one, of its tenant or of another', async () => {
    const unwell = await deliveries.customer();
    const neighbour = await deliveries.customer({ tenant: unwell.endpoint.tenant });
    const other = await deliveries.customer();
    unwell.answer = answers(500);
    const held = several(unwell, 3);
    await deliveries.publish(...held);
    await deliveries.lab.settle();
    const well = [...several(neighbour, 3), ...several(other, 3)];
    await deliveries.publish(...held, ...well);
    await deliveries.lab.settle();
    expect(await states(well)).toEqual(well.map(() => ['completed', 1, undefined]));
    for (const customer of [neighbour, other])
      expect(await deliveries.endpoint(customer)).not.toHaveProperty('failures');
    unwell.answer = answers(204);
    await deliveries.lab.drain();
  });

  it('does not fail by an event that it does not take', async () => {
    const customer = await deliveries.customer();
    customer.answer = answers(422);
    await deliveries.run(...several(customer, 2));
    expect(customer.received).toHaveLength(2);
    expect(await deliveries.endpoint(customer)).not.toHaveProperty('failingSinceMs');
  });

  it('and then refuses is well enough: what waits goes on at once, and is not held back for a success', {
    timeout: 180_000,
  }, async () => {
    const customer = await deliveries.customer();
    customer.answer = answers(503);
    const all = several(customer, 5);
    await deliveries.publish(...all);
    await deliveries.lab.settle();
    customer.answer = answers(404);
    const failedAtMs = now();
    await deliveries.lab.drain();
    expect(await states(all)).toEqual(all.map(() => ['dead', expect.any(Number), 'HTTP_404']));
    // Its rest of 15 s, the look of those that had found it taken, and the schedule's 5 s: one after the other they would take four minutes.
    const endedAtMs = Math.max(...customer.received.map(({ atMs }) => atMs));
    expect((endedAtMs - failedAtMs) / 1000).toBeLessThan(150);
    expect(await deliveries.endpoint(customer)).toMatchObject({ failures: 1 });
    expect(await deliveries.endpoint(customer)).not.toHaveProperty('pausedUntilMs');
    const later = several(customer, 4);
    await deliveries.run(...later);
    const [first = 0, ...others] = customer.received.slice(-4).map(({ atMs }) => atMs);
    for (const atMs of others) expect(atMs - first).toBeLessThan(15_000);
  });

  it('and whose secret cannot sign keeps nobody waiting', async () => {
    const customer = await deliveries.customer();
    await deliveries.change(customer, {
      failures: 1,
      failingSinceMs: now(),
      pausedUntilMs: now() - 1,
      secrets: [{ secret: 'whsec_' }],
    });
    const all = several(customer, 4);
    await deliveries.run(...all);
    expect(await states(all)).toEqual(all.map(() => ['dead', 1, 'ENDPOINT_SECRET']));
    expect(await deliveries.endpoint(customer)).not.toHaveProperty('probe');
  });

  it('stays as it is where our own records of it cannot be written, and the delivery goes its way', async () => {
    const customer = await deliveries.customer();
    customer.answer = (response, nth) => answers(nth === 1 ? 503 : 204)(response, nth);
    const delivery = deliveries.delivery(customer);
    const lift = deliveries.lab.cloud.faults.add((call) =>
      call.functionName === functionName(STAGE, JOBS.deliverWebhook.type) &&
      call.moment === 'before' &&
      ['UpdateItem', 'PutItem'].includes(call.operation) &&
      /webhook-(endpoints|deliveries)/.test(JSON.stringify(call.input()))
        ? new AwsError('ProvisionedThroughputExceededException', 'Too much.')
        : undefined,
    );
    await deliveries.run(delivery);
    lift();
    expect(await states([delivery])).toEqual([['completed', 2, undefined]]);
    expect(await deliveries.attempts(delivery)).toEqual([]);
    expect(deliveries.lab.logs.filter((line) => line.includes('was not kept for its tenant'))).toHaveLength(
      2,
    );
  });

  it('is tried by whoever’s answer was lost when it took the try', async () => {
    const customer = await deliveries.customer();
    await deliveries.change(customer, { failures: 1, failingSinceMs: now(), pausedUntilMs: now() - 1 });
    let left = 1;
    const lift = deliveries.lab.cloud.faults.add((call) =>
      call.functionName === functionName(STAGE, JOBS.deliverWebhook.type) &&
      call.moment === 'after' &&
      call.operation === 'UpdateItem' &&
      JSON.stringify(call.input()).includes('webhook-endpoints') &&
      left-- > 0
        ? new AwsError('InternalServerError', 'The answer was lost.', 500)
        : undefined,
    );
    const delivery = deliveries.delivery(customer);
    await deliveries.publish(delivery);
    await deliveries.lab.settle();
    lift();
    expect(await states([delivery])).toEqual([['completed', 1, undefined]]);
    expect((await deliveries.record(delivery)).deferrals ?? 0).toBe(0);
  });
});

describe('an endpoint is disabled', () => {
  it('at once when it answers 410, and its contact is written to; what waits for it is refused', async () => {
    const customer = await deliveries.customer({ contact: 'kim@customer.example' });
    customer.answer = answers(503);
    const waiting = several(customer, 3);
    await deliveries.publish(...waiting);
    await deliveries.lab.settle();
    customer.answer = answers(410);
    await deliveries.lab.drain();
    const endpoint = await deliveries.endpoint(customer);
    expect(endpoint).toMatchObject({ state: 'disabled', disabledBecause: expect.stringContaining('410') });
    expect(endpoint).not.toHaveProperty('noticeDue');
    const codes = (await states(waiting)).map(([, , code]) => code);
    expect(codes.toSorted()).toEqual(['ENDPOINT_DISABLED', 'ENDPOINT_DISABLED', 'HTTP_410']);
    const [notice, ...more] = deliveries.notices(customer);
    expect(more).toEqual([]);
    expect(notice).toMatchObject({
      to: ['kim@customer.example'],
      subject: expect.stringMatching(/^Webhook endpoint disabled: 127\.0\.0\.1/),
    });
    expect(deliveries.lab.logs.filter((line) => line.includes('"EndpointsDisabled":1'))).toHaveLength(1);
  });

  it('after five days without a success and ten failures, and its contact is written to once', {
    timeout: 180_000,
  }, async () => {
    const customer = await deliveries.customer({ contact: 'lee@customer.example' });
    customer.answer = answers(503);
    const began = now();
    const all = several(customer, 6);
    for (const one of all) {
      await deliveries.publish(one);
      await deliveries.lab.advance(DAY_MS / 1000);
    }
    await deliveries.lab.drain();
    const { state, disabledAtMs = 0, disabledBecause } = await deliveries.endpoint(customer);
    expect(state).toBe('disabled');
    expect(disabledBecause).toMatch(/^No delivery has succeeded since 20\d\d-.+, in \d+ tries\.$/);
    expect(disabledAtMs - began).toBeGreaterThanOrEqual(5 * DAY_MS);
    expect(disabledAtMs - began).toBeLessThan(6 * DAY_MS);
    expect(deliveries.notices(customer)).toHaveLength(1);
    expect((await states(all)).every(([end]) => end === 'dead')).toBe(true);
  });

  it('after five days of nothing but refusals, ten of them, and a success in between counts', async () => {
    const customer = await deliveries.customer({ contact: 'kim@customer.example' });
    const refuse = async (days: number): Promise<void> => {
      customer.answer = answers(404);
      for (let day = 0; day < days; day++) {
        for (const one of several(customer, 2)) await deliveries.run(one);
        await deliveries.lab.advance(DAY_MS / 1000);
      }
    };
    await refuse(4);
    customer.answer = answers(204);
    await deliveries.run(deliveries.delivery(customer));
    expect(await deliveries.endpoint(customer)).not.toHaveProperty('refusals');
    await refuse(5);
    expect(await deliveries.endpoint(customer)).toMatchObject({ state: 'enabled', refusals: 10 });
    await deliveries.run(deliveries.delivery(customer));
    expect(await deliveries.endpoint(customer)).toMatchObject({
      state: 'disabled',
      disabledBecause: expect.stringMatching(
        /^Nothing has been taken since 20\d\d-.+, in 11 tries that were refused, the last with HTTP_404\.$/,
      ),
    });
    expect(deliveries.notices(customer)).toHaveLength(1);
  });

  it('and what waits ends, though the notice can never be sent', async () => {
    const customer = await deliveries.customer({ contact: 'kim@customer.example' });
    await deliveries.change(customer, {
      state: 'disabled',
      disabledAtMs: now(),
      disabledBecause: 'x',
      noticeDue: true,
      contact: '',
    });
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    expect(await states([delivery])).toEqual([['dead', 1, 'ENDPOINT_DISABLED']]);
    expect(await deliveries.endpoint(customer)).not.toHaveProperty('noticeDue');
    expect(
      deliveries.lab.logs.filter(
        (line) => line.includes('"ERROR"') && line.includes('cannot be written to, and is not told'),
      ),
    ).toHaveLength(1);
  });

  it('not for one failure a week', async () => {
    const customer = await deliveries.customer({ contact: 'kim@customer.example' });
    for (let week = 0; week < 2; week++) {
      // The event that failed is not waited for: its second attempt is refused for good.
      customer.answer = (response, nth) => answers(nth % 2 === 1 ? 503 : 400)(response, nth);
      await deliveries.run(deliveries.delivery(customer));
      await deliveries.lab.advance(7 * 86_400);
    }
    expect(await deliveries.endpoint(customer)).toMatchObject({ state: 'enabled', failures: 2 });
    expect(deliveries.notices(customer)).toEqual([]);
  });

  it('not when it has succeeded meanwhile', async () => {
    const customer = await deliveries.customer();
    await deliveries.change(customer, { failures: 30, failingSinceMs: now() - 6 * DAY_MS });
    customer.answer = answers(204);
    await deliveries.run(deliveries.delivery(customer));
    customer.answer = answers(503);
    await deliveries.publish(deliveries.delivery(customer));
    await deliveries.lab.settle();
    expect(await deliveries.endpoint(customer)).toMatchObject({ state: 'enabled', failures: 1 });
    customer.answer = answers(204);
    await deliveries.lab.drain();
  });

  it('without a notice where nobody is to have one', async () => {
    const customer = await deliveries.customer();
    customer.answer = answers(410);
    await deliveries.run(deliveries.delivery(customer));
    expect(await deliveries.endpoint(customer)).toMatchObject({ state: 'disabled' });
    expect(deliveries.notices(customer)).toEqual([]);
  });

  it.each([
    ['is killed before it has written', 'kill'],
    ['cannot send it', new AwsError('InternalServerError', 'No.', 500)],
  ] as const)('and its contact is written to although the delivery that did it %s', async (_what, fault) => {
    const customer = await deliveries.customer({ contact: 'kim@customer.example' });
    customer.answer = answers(410);
    let left = fault === 'kill' ? 1 : 3;
    const lift = deliveries.lab.cloud.faults.add((call) =>
      call.functionName === functionName(STAGE, JOBS.deliverWebhook.type) &&
      call.moment === 'before' &&
      call.operation === 'SendMessageBatch' &&
      left-- > 0
        ? fault
        : undefined,
    );
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    lift();
    expect(deliveries.notices(customer)).toHaveLength(1);
    expect(await states([delivery])).toEqual([['dead', 2, 'ENDPOINT_DISABLED']]);
    expect(await deliveries.endpoint(customer)).not.toHaveProperty('noticeDue');
  });

  it('by its owner while deliveries wait: they are refused with the reason, and redriven once it is enabled', async () => {
    const customer = await deliveries.customer({ contact: 'kim@customer.example' });
    customer.answer = answers(503);
    const waiting = several(customer, 3);
    await deliveries.publish(...waiting);
    await deliveries.lab.settle();
    await disableEndpoint(customer.endpoint, 'The customer moves to another server.', options());
    await deliveries.lab.drain();
    expect((await states(waiting)).map(([, , code]) => code)).toEqual(waiting.map(() => 'ENDPOINT_DISABLED'));
    const [one] = waiting;
    expect((one && (await deliveries.record(one)))?.verdict?.message).toContain('moves to another server');
    // Whoever did it knows.
    expect(deliveries.notices(customer)).toEqual([]);
    customer.answer = answers(204);
    await enableEndpoint(customer.endpoint, options());
    await deliveries.lab.redrive(JOBS.deliverWebhook);
    await deliveries.lab.drain();
    expect((await states(waiting)).map(([state]) => state)).toEqual(waiting.map(() => 'completed'));
  });

  it('never under an address that it has been given meanwhile', async () => {
    const [customer, moved] = [await deliveries.customer(), await deliveries.customer()];
    customer.answer = async (response, nth) => {
      await deliveries.change(customer, { url: moved.endpoint.url });
      return answers(410)(response, nth);
    };
    await deliveries.run(deliveries.delivery(customer));
    expect(await deliveries.endpoint(customer)).toMatchObject({ state: 'enabled' });
    await deliveries.run(deliveries.delivery(customer));
    expect(moved.received).toHaveLength(1);
  });
});
