import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { disableEndpoint } from '../../../shared/client/endpoint-changes.ts';
import { functionName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { LARGEST_EVENT_BYTES } from '../../../shared/jobs/webhook-event.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { DeliveryLab } from '../deliver-webhook/delivery-lab.ts';

const { fanOutEvent } = JOBS;
let deliveries: DeliveryLab;
let tenants = 0;
beforeAll(async () => {
  deliveries = await DeliveryLab.start();
});
afterAll(() => deliveries.stop());

async function run(tenant: string, event = deliveries.event()) {
  await deliveries.lab.publish(fanOutEvent, { tenant, event });
  await deliveries.lab.drain();
  const record = await deliveries.lab.record(fanOutEvent, `${tenant}/${event.id}`);
  return { state: record?.state, result: record?.result && JSON.parse(record.result), record };
}

const newTenant = (): string => `fan-${++tenants}`;

describe('an event', () => {
  it('goes to each endpoint of its tenant that asks for its type, and to no other', async () => {
    const tenant = newTenant();
    const [exact, beginning, all, other, stranger] = await Promise.all([
      deliveries.customer({ tenant, eventTypes: ['order.placed'] }),
      deliveries.customer({ tenant, eventTypes: ['order.*'] }),
      deliveries.customer({ tenant, eventTypes: ['invoice.paid', '*'] }),
      deliveries.customer({ tenant, eventTypes: ['invoice.*', 'order'] }),
      deliveries.customer({ tenant: newTenant(), eventTypes: ['*'] }),
    ]);
    const event = deliveries.event();
    expect(await run(tenant, event)).toMatchObject({ state: 'completed', result: { deliveries: 3 } });
    for (const customer of [exact, beginning, all]) {
      expect(customer.received.map(({ headers }) => headers['webhook-id'])).toEqual([event.id]);
      const { endpointId } = customer.endpoint;
      const record = await deliveries.record({ tenant, endpointId, event });
      expect(record).toMatchObject({ state: 'completed', jobId: `${tenant}/${endpointId}/${event.id}` });
    }
    for (const customer of [other, stranger]) expect(customer.received).toEqual([]);
  });

  it('that nobody wants is done with', async () => {
    const tenant = newTenant();
    const customer = await deliveries.customer({ tenant, eventTypes: ['invoice.*'] });
    expect(await run(tenant)).toMatchObject({ state: 'completed', result: { deliveries: 0 } });
    expect(await run(newTenant())).toMatchObject({ state: 'completed', result: { deliveries: 0 } });
    expect(customer.received).toEqual([]);
  });

  it('does not go to an endpoint that is disabled', async () => {
    const tenant = newTenant();
    const customer = await deliveries.customer({ tenant });
    const { lab } = deliveries;
    await disableEndpoint(customer.endpoint, 'for now', {
      dynamo: lab.dynamo,
      stage: STAGE,
      now: () => lab.cloud.clock.now(),
    });
    expect(await run(tenant)).toMatchObject({ state: 'completed', result: { deliveries: 0 } });
  });

  it.each([
    ['asks for what is no type', { eventTypes: 'order.*' }],
    ['asks for nothing that can be read', { eventTypes: [null] }],
    ['is in a state that there is not', { state: 'resting' }],
    ['has no address', { url: 7 }],
  ])('goes on to its neighbours where an endpoint %s, whose delivery says so', async (_what, malformed) => {
    const tenant = newTenant();
    const [broken, neighbour] = [
      await deliveries.customer({ tenant }),
      await deliveries.customer({ tenant }),
    ];
    await deliveries.change(broken, malformed as object);
    const event = deliveries.event();
    expect(await run(tenant, event)).toMatchObject({ state: 'completed', result: { deliveries: 2 } });
    expect(neighbour.received).toHaveLength(1);
    const { endpointId } = broken.endpoint;
    expect(await deliveries.record({ tenant, endpointId, event })).toMatchObject({
      state: 'dead',
      attempts: 1,
      verdict: { code: 'ENDPOINT_UNREADABLE' },
    });
  });

  it('that is published twice at once is delivered once each', async () => {
    const tenant = newTenant();
    const customers = await Promise.all([1, 2, 3].map(() => deliveries.customer({ tenant })));
    await deliveries.lab.publishTwice(fanOutEvent, { tenant, event: deliveries.event() });
    await deliveries.lab.drain();
    expect(customers.map(({ received }) => received.length)).toEqual([1, 1, 1]);
  });

  it.each([
    ['is killed once its deliveries are published', 'after', 'kill'],
    ['is killed before its deliveries are published', 'before', 'kill'],
    ['loses the answer to its publication', 'after', new AwsError('InternalServerError', 'Lost.', 500)],
  ] as const)('whose fan-out %s is delivered once each', async (_what, moment, fault) => {
    const tenant = newTenant();
    const customers = await Promise.all(Array.from({ length: 12 }, () => deliveries.customer({ tenant })));
    let left = fault === 'kill' ? 1 : 3;
    const lift = deliveries.lab.cloud.faults.add((call) =>
      call.functionName === functionName(STAGE, fanOutEvent.type) &&
      call.operation === 'SendMessageBatch' &&
      call.moment === moment &&
      left-- > 0
        ? fault
        : undefined,
    );
    const { state, record, result } = await run(tenant);
    lift();
    expect({ state, result, attempts: record?.attempts }).toEqual({
      state: 'completed',
      result: { deliveries: 12 },
      attempts: 2,
    });
    expect(customers.map(({ received }) => received.length)).toEqual(customers.map(() => 1));
  });

  it('that SQS takes for some endpoints only is published again for all, and delivered once each', async () => {
    const tenant = newTenant();
    const customers = await Promise.all(Array.from({ length: 12 }, () => deliveries.customer({ tenant })));
    let calls = 0;
    const lift = deliveries.lab.cloud.faults.add((call) =>
      call.functionName === functionName(STAGE, fanOutEvent.type) &&
      call.operation === 'SendMessageBatch' &&
      call.moment === 'before' &&
      ++calls > 1 &&
      calls <= 4
        ? { refuse: 'all' }
        : undefined,
    );
    const { state, record } = await run(tenant);
    lift();
    expect({ state, attempts: record?.attempts }).toEqual({ state: 'completed', attempts: 2 });
    expect(record?.history?.[0]).toMatchObject({
      code: 'FAN_OUT_INCOMPLETE',
      message: expect.stringContaining('2 of 12'),
    });
    expect(customers.map(({ received }) => received.length)).toEqual(customers.map(() => 1));
  });
});

describe('a publisher is told at once', () => {
  const refused = async (changes: object) => {
    const payload = { tenant: newTenant(), event: { ...deliveries.event(), ...changes } };
    const { notAccepted } = await deliveries.lab.publisher.publishMany(fanOutEvent, [{ payload }]);
    return notAccepted[0]?.message;
  };

  it.each([
    ['an id that divides what is signed', { id: 'evt.1' }, 'event.id'],
    ['an id that divides keys', { id: 'a/b' }, 'event.id'],
    ['a type that is none', { type: 'order placed' }, 'event.type'],
    ['no time', { occurredAt: 'yesterday' }, 'event.occurredAt'],
    ['data that are no object', { data: 'x' }, 'event.data'],
    [
      'more than a request may hold',
      { data: { text: 'x'.repeat(LARGEST_EVENT_BYTES) } },
      'at most 200000 bytes',
    ],
  ])('of %s', async (_what, changes, words) => {
    expect(await refused(changes)).toContain(words);
  });

  it('of nothing that is right', async () => {
    const text = 'x'.repeat(LARGEST_EVENT_BYTES - 100);
    expect(await refused({ data: { text } })).toBeUndefined();
    await deliveries.lab.drain();
  });
});
