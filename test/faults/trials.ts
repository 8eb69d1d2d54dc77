import { tableName } from '../../shared/jobs/names.ts';
import { JOB_TYPES, JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { chargeTrial } from './charge-trial.ts';
import { deliveryTrial, fanOutTrial } from './outbound-trials.ts';
import { type Parts, type Trial, trial } from './trial.ts';
import type { World } from './world.ts';

let made = 0;

type TrialMaker = (world: World, key: string) => Trial;

/** The job types that have a column. A staged job's faults are others: its stages are run by an execution. */
const TRIALS: Readonly<Record<string, TrialMaker>> = {
  'send-email': (world, key) => trial(world, email(world, key)),
  'process-payment': (world, key) => trial(world, payment(world, key)),
  'place-order': (world, key) => trial(world, order(world, key)),
  'process-webhook': (world, key) => trial(world, webhook(world, key)),
  'charge-card': chargeTrial,
  'fan-out-event': fanOutTrial,
  'deliver-webhook': deliveryTrial,
};

export const TRIED: readonly string[] = JOB_TYPES.filter((type) => Object.hasOwn(TRIALS, type));

/** A fresh trial of each of them. */
export function trialsOf(world: World): Trial[] {
  return TRIED.map((type) => (TRIALS[type] as TrialMaker)(world, `trial-${++made}`));
}

function email(world: World, key: string): Parts {
  return {
    job: JOBS.sendEmail,
    key,
    payload: {
      notificationId: key,
      to: 'kim@example.com',
      message: { template: 'welcome', values: { name: 'Kim' } },
    },
    // A send that may have been taken is not repeated by the SDK.
    tries: 1,
    effects: async () => ({ 'e-mail': world.mails(key) }),
    isEffect: ({ service, operation }) => service === 'ses' && operation.startsWith('POST'),
  };
}

function payment(world: World, key: string): Parts {
  const account = { accountId: `account-${key}` };
  return {
    job: JOBS.processPayment,
    key,
    payload: { transactionId: key, ...account, amountMinor: 7, currency: 'EUR' },
    transacts: true,
    prepare: () => world.put('accounts', { ...account, balanceMinor: 100, currency: 'EUR' }),
    effects: async () => ({
      booking: (Number((await world.get('accounts', account))?.balanceMinor) - 100) / 7,
    }),
    isEffect: ({ operation }) => operation === 'TransactWriteItems',
  };
}

function order(world: World, key: string): Parts {
  const stock = { sku: `SKU-${key}` };
  return {
    job: JOBS.placeOrder,
    key,
    payload: {
      reference: key,
      customer: { name: 'Kim', email: 'kim@example.com' },
      lines: [{ ...stock, title: 'Mug', quantity: 2, unitPriceMinor: 990 }],
      currency: 'EUR',
    },
    transacts: true,
    prepare: () => world.put('stock', { ...stock, available: 100 }),
    effects: async () => ({
      order: (100 - Number((await world.get('stock', stock))?.available)) / 2,
      'e-mail': world.mails(`order-confirmation:${key}`),
    }),
    isEffect: ({ operation }) => operation === 'TransactWriteItems',
  };
}

function webhook(world: World, eventId: string): Parts {
  // The order is called like the job, by which its calls are known.
  const key = `acme-shop/${eventId}`;
  const event = { type: 'order.placed', timestamp: '2026-11-25T10:00:00Z', data: { id: key, version: 1 } };
  return {
    job: JOBS.processWebhook,
    key,
    payload: { provider: 'acme-shop', eventId, event },
    effects: async () => ({
      change: Number((await world.get('webhook-states', { subject: `order/${key}` }))?.changes ?? 0),
    }),
    // Its records are in another table.
    isEffect: ({ operation, input }) =>
      operation === 'UpdateItem' &&
      (input() as { TableName?: string }).TableName === tableName(STAGE, 'webhook-states'),
  };
}
