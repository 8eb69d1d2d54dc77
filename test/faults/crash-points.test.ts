import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault, ObservedCall } from '../../local/faults/index.ts';
import { AwsError } from '../../local/kernel/errors.ts';
import { functionName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import type { Lab } from '../lab/lab.ts';
import { World } from './world.ts';

const ACCOUNT = 'acc-crash';
const SKU = 'SKU-CRASH';
const OPENING = 100_000;

let world: World;
let lab: Lab;
beforeAll(async () => {
  world = await World.start();
  lab = world.lab;
  await world.put('accounts', { accountId: ACCOUNT, balanceMinor: OPENING, currency: 'EUR' });
  await world.put('stock', { sku: SKU, available: OPENING });
});
afterAll(() => world.stop());

/** Lets a fault befall the nth call that a job type's function makes from now on, whatever the operation. */
function befall(type: string, nth: number, moment: ObservedCall['moment'], fault: Fault): () => void {
  let calls = 0;
  return lab.cloud.faults.add((call) => {
    if (call.functionName !== functionName(STAGE, type)) return undefined;
    if (call.moment === 'before') calls++;
    return calls === nth && call.moment === moment ? fault : undefined;
  });
}

/** What each job type calls in its one attempt; the tests below hold that it is so. */
const CALLS = {
  'process-payment': ['hide the batch', 'claim', 'book', 'complete'],
  'place-order': [
    'hide the batch',
    'claim',
    'reserve',
    'begin the step',
    'publish the e-mail',
    'finish the step',
    'complete',
  ],
  'process-webhook': ['hide the batch', 'claim', 'apply', 'complete'],
  'send-email': [
    'hide the batch',
    'claim',
    'begin the step',
    'look at the suppressions',
    'send',
    'finish the step',
    'complete',
  ],
} as const;

const FAULTS = [
  ['the process is killed before it can', 'before', 'kill'],
  ['the process is killed once it did', 'after', 'kill'],
  ['its answer is lost', 'after', new AwsError('InternalServerError', 'The answer was lost.', 500)],
] as const;

function rows(type: keyof typeof CALLS) {
  return CALLS[type].flatMap((call, index) =>
    FAULTS.map(([what, moment, fault]) => ({ call, nth: index + 1, what, moment, fault })),
  );
}

let made = 0;

describe('a payment', () => {
  it.each(rows('process-payment'))('is booked once when at "$call" $what', async ({ nth, moment, fault }) => {
    const transactionId = `tx-crash-${++made}`;
    const before = (await world.get('accounts', { accountId: ACCOUNT }))?.balanceMinor as number;
    const lift = befall(JOBS.processPayment.type, nth, moment, fault);
    await lab.publish(JOBS.processPayment, {
      transactionId,
      accountId: ACCOUNT,
      amountMinor: 7,
      currency: 'EUR',
    });
    await lab.drain();
    lift();
    expect(await lab.record(JOBS.processPayment, transactionId)).toMatchObject({ state: 'completed' });
    expect(await world.get('payments', { transactionId })).toMatchObject({ amountMinor: 7 });
    expect((await world.get('accounts', { accountId: ACCOUNT }))?.balanceMinor).toBe(before + 7);
  });
});

describe('an order', () => {
  it.each(rows('place-order'))(
    'takes its stock once and is confirmed once when at "$call" $what',
    async ({ nth, moment, fault }) => {
      const reference = `R-crash-${++made}`;
      const before = (await world.get('stock', { sku: SKU }))?.available as number;
      const lift = befall(JOBS.placeOrder.type, nth, moment, fault);
      await lab.publish(JOBS.placeOrder, {
        reference,
        customer: { name: 'Kim', email: 'kim@example.com' },
        lines: [{ sku: SKU, title: 'Mug', quantity: 2, unitPriceMinor: 990 }],
        currency: 'EUR',
      });
      await lab.drain();
      lift();
      expect(await lab.record(JOBS.placeOrder, reference)).toMatchObject({ state: 'completed' });
      expect((await world.get('stock', { sku: SKU }))?.available).toBe(before - 2);
      expect(world.mails(`order-confirmation:${reference}`)).toBe(1);
    },
  );
});

describe('an inbound webhook', () => {
  it.each(rows('process-webhook'))(
    'is applied once when at "$call" $what',
    async ({ nth, moment, fault }) => {
      const id = `crash-${++made}`;
      const lift = befall(JOBS.processWebhook.type, nth, moment, fault);
      await lab.publish(JOBS.processWebhook, webhookOf(id));
      await lab.drain();
      lift();
      const record = await lab.record(JOBS.processWebhook, `acme-shop/${id}`);
      expect(record).toMatchObject({ state: 'completed' });
      const row = await world.get('webhook-states', { subject: `order/${id}` });
      expect(row).toMatchObject({ state: 'packed', at: 2, eventId: id, changes: 1 });
    },
  );
});

function webhookOf(id: string) {
  const event = { type: 'order.packed', timestamp: '2026-11-25T10:00:00Z', data: { id, version: 2 } };
  return { provider: 'acme-shop', eventId: id, event };
}

describe('an e-mail', () => {
  it.each(rows('send-email'))(
    'is never sent twice, and never lost in silence, when at "$call" $what',
    async ({ call, nth, moment, fault }) => {
      const notificationId = `crash-${++made}`;
      const lift = befall(JOBS.sendEmail.type, nth, moment, fault);
      await lab.publish(JOBS.sendEmail, {
        notificationId,
        to: 'kim@example.com',
        message: { template: 'welcome', values: { name: 'Kim' } },
      });
      await lab.drain();
      lift();
      const record = await lab.record(JOBS.sendEmail, notificationId);
      if (beganInVain(call, moment, fault)) {
        expect(record).toMatchObject({ state: 'dead', verdict: { code: 'STEP_UNCERTAIN' } });
        expect(world.mails(notificationId)).toBe(0);
        expect((await lab.deadLetterOf(JOBS.sendEmail, notificationId))?.reason.code).toBe('STEP_UNCERTAIN');
      } else {
        expect(record).toMatchObject({ state: 'completed' });
        expect(world.mails(notificationId)).toBe(1);
      }
    },
  );
});

/** The step began and nothing was sent: SES tells nothing, which nobody can tell from events that are lost. */
function beganInVain(call: string, moment: ObservedCall['moment'], fault: Fault): boolean {
  if (fault !== 'kill') return false;
  return (
    (call === 'begin the step' && moment === 'after') ||
    call === 'look at the suppressions' ||
    (call === 'send' && moment === 'before')
  );
}

describe('the calls of one attempt', () => {
  it.each(Object.entries(CALLS))('of %s are %j', async (type, calls) => {
    const seen: string[] = [];
    const lift = lab.cloud.faults.add((call) => {
      if (call.functionName === functionName(STAGE, type) && call.moment === 'before')
        seen.push(call.operation);
      return undefined;
    });
    const id = `calls-${++made}`;
    const payloads: Record<string, unknown> = {
      'process-payment': { transactionId: id, accountId: ACCOUNT, amountMinor: 1, currency: 'EUR' },
      'place-order': {
        reference: id,
        customer: { name: 'Kim', email: 'kim@example.com' },
        lines: [{ sku: SKU, title: 'Mug', quantity: 1, unitPriceMinor: 1 }],
        currency: 'EUR',
      },
      'process-webhook': webhookOf(id),
      'send-email': {
        notificationId: id,
        to: 'kim@example.com',
        message: { template: 'welcome', values: { name: 'Kim' } },
      },
    };
    const job = Object.values(JOBS).find((one) => one.type === type) ?? JOBS.sendEmail;
    await lab.send(job, lab.message(job, payloads[type]));
    await lab.drain();
    lift();
    expect(seen).toHaveLength(calls.length);
  });
});
