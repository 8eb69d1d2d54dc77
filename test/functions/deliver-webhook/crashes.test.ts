import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { functionName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { answers, type Customer, type Delivery, DeliveryLab } from './delivery-lab.ts';

let deliveries: DeliveryLab;
beforeAll(async () => {
  deliveries = await DeliveryLab.start();
});
afterAll(() => deliveries.stop());

const FUNCTION = functionName(STAGE, JOBS.deliverWebhook.type);

/** What one attempt calls in the cloud, in order, with the post between the two of the middle; the last test holds that it is so. */
const CALLS = [
  'hide the batch',
  'claim',
  'begin the step',
  'find the endpoint',
  'keep what became of it',
  'finish the step',
  'complete',
] as const;

const FAULTS = [
  ['the process is killed before it can', 'before', 'kill'],
  ['the process is killed once it did', 'after', 'kill'],
  ['its answer is lost', 'after', new AwsError('InternalServerError', 'The answer was lost.', 500)],
] as const;

const POINTS = CALLS.flatMap((call, index) =>
  FAULTS.map(([what, moment, fault]) => ({ call, nth: index + 1, what, moment, fault })),
);

/** A receiver that drops what it knows has taken the event once, in two requests at most. */
async function holdsOneEvent(customer: Customer, delivery: Delivery): Promise<void> {
  const ids = customer.received.map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids)).toEqual(new Set([delivery.event.id]));
  expect(ids.length).toBeLessThanOrEqual(2);
  expect(new Set(customer.received.map(({ body }) => body)).size).toBe(1);
  expect(customer.received.every((request) => customer.verifies(request))).toBe(true);
  expect(await deliveries.record(delivery)).toMatchObject({ state: 'completed' });
  // A request whose process died says nothing of the endpoint.
  expect(await deliveries.endpoint(customer)).not.toHaveProperty('failures');
}

describe('an event is delivered, and known again where it comes twice,', () => {
  it.each(POINTS)('when at "$call" $what', async ({ nth, moment, fault }) => {
    const customer = await deliveries.customer();
    const delivery = deliveries.delivery(customer);
    let calls = 0;
    const lift = deliveries.lab.cloud.faults.add((call) => {
      if (call.functionName !== FUNCTION) return undefined;
      if (call.moment === 'before') calls++;
      return calls === nth && call.moment === moment ? fault : undefined;
    });
    await deliveries.run(delivery);
    lift();
    await holdsOneEvent(customer, delivery);
  });

  it('when the process is killed after the receiver took it, and before it answers', async () => {
    const customer = await deliveries.customer();
    const delivery = deliveries.delivery(customer);
    customer.answer = async (response, nth) => {
      if (nth === 1) await deliveries.lab.cloud.faults.kill(FUNCTION);
      return answers(204)(response, nth);
    };
    await deliveries.run(delivery);
    await holdsOneEvent(customer, delivery);
    expect((await deliveries.record(delivery)).history).toMatchObject([{ attempt: 1, code: 'CRASHED' }]);
  });

  it('when its process is killed with the one try that there is after a pause: the next one takes it over', async () => {
    const customer = await deliveries.customer();
    const delivery = deliveries.delivery(customer);
    const now = deliveries.lab.cloud.clock.now();
    await deliveries.change(customer, { failures: 3, failingSinceMs: now, pausedUntilMs: now });
    customer.answer = async (response, nth) => {
      if (nth === 1) await deliveries.lab.cloud.faults.kill(FUNCTION);
      return answers(204)(response, nth);
    };
    await deliveries.run(delivery, deliveries.delivery(customer));
    expect(await deliveries.record(delivery)).toMatchObject({ state: 'completed' });
    expect(await deliveries.endpoint(customer)).not.toHaveProperty('pausedUntilMs');
  });

  it('in so many calls', async () => {
    const seen: string[] = [];
    const lift = deliveries.lab.cloud.faults.add((call) => {
      if (call.functionName === FUNCTION && call.moment === 'before') seen.push(call.operation);
      return undefined;
    });
    const customer = await deliveries.customer();
    const delivery = deliveries.delivery(customer);
    await deliveries.run(delivery);
    lift();
    await holdsOneEvent(customer, delivery);
    expect(seen).toHaveLength(CALLS.length);
    expect(seen.indexOf('GetItem')).toBe(CALLS.indexOf('find the endpoint'));
  });
});
