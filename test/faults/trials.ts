import type { Fault, ObservedCall } from '../../local/faults/index.ts';
import { AwsError } from '../../local/kernel/errors.ts';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { functionName, tableName } from '../../shared/jobs/names.ts';
import { JOB_TYPES, JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { deliveryTrial, fanOutTrial } from './outbound-trials.ts';
import type { World } from './world.ts';

/** What may become of the one call by which a job has its effect. */
export type EffectFault =
  /** The process dies before it, or after. */
  | 'killed-before'
  | 'killed-after'
  /** The other side refuses for now, and does nothing. */
  | 'refused'
  /** The other side does it, and its answer is a 500 in place of the truth. */
  | 'answer-lost'
  /** It does it, and answers with half of the truth. */
  | 'half-answer'
  /** It does nothing, and never answers. */
  | 'hang'
  /** It takes a second for it. */
  | 'slow';

/** The calls to DynamoDB by which every job is claimed and completed, or all that name the job. */
export type RecordCall = 'claim' | 'complete' | 'any';

/** The first of them, the numbers of those, or each. @default first */
export type Which = 'first' | 'each' | readonly number[];

/** One job of a type, and all that it works on; no other trial has any of it. */
export interface Trial {
  readonly world: World;
  readonly job: AnyJob;
  readonly key: string;
  readonly payload: unknown;
  readonly functionName: string;
  readonly queueArn: string;
  /** Whether the effect is a transaction of DynamoDB's. */
  readonly transacts: boolean;
  /** Puts into the world what the job works on. */
  prepare(): Promise<void>;
  /** Effect → how often the world has seen it. */
  effects(): Promise<Readonly<Record<string, number>>>;
  /** Lets the effect's call fail, the first or each. @returns lifts it */
  befallEffect(fault: EffectFault, which?: Which): () => void;
  /** Holds the effect back from its first call on. @returns lets it go on */
  holdEffect(reached: () => void): () => void;
  /** Lets a fault befall calls of the job's records. @returns lifts it */
  befall(
    call: RecordCall,
    moment: ObservedCall['moment'],
    fault: Fault | (() => Fault),
    which?: Which,
  ): () => void;
  /** Tells of each such call before it has its effect, counted from 1. @returns ends it */
  watch(call: RecordCall, seen: (nth: number) => void): () => void;
}

interface Parts {
  readonly job: AnyJob;
  readonly key: string;
  readonly payload: unknown;
  readonly transacts?: boolean;
  prepare?(): Promise<void>;
  effects(): Promise<Readonly<Record<string, number>>>;
  /** Whether a call of the job's function is the effect's. */
  isEffect(call: ObservedCall): boolean;
}

let made = 0;

type TrialMaker = (world: World, key: string) => Trial;

/** The job types that have a column. A staged job's faults are others: its stages are run by an execution. */
const TRIALS: Readonly<Record<string, TrialMaker>> = {
  'send-email': (world, key) => trial(world, email(world, key)),
  'process-payment': (world, key) => trial(world, payment(world, key)),
  'place-order': (world, key) => trial(world, order(world, key)),
  'process-webhook': (world, key) => trial(world, webhook(world, key)),
  'charge-card': charge,
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

const LOST = new AwsError('InternalServerError', 'The answer was lost.', 500);
const REFUSED = new AwsError('ServiceUnavailable', 'The service is unavailable.', 503);

const CALL_FAULTS: Readonly<Record<EffectFault, readonly [ObservedCall['moment'], Fault]>> = {
  'killed-before': ['before', 'kill'],
  'killed-after': ['after', 'kill'],
  refused: ['before', REFUSED],
  'answer-lost': ['after', LOST],
  'half-answer': ['after', 'half-answer'],
  hang: ['before', 'hang'],
  slow: ['before', { slowSeconds: 1 }],
};

/** A trial by its parts, whose effect is a call to a service of the cloud. */
export function trial(world: World, { isEffect, prepare, transacts = false, ...parts }: Parts): Trial {
  const { job, key } = parts;
  const name = functionName(STAGE, job.type);
  const strike = (
    concerns: (call: ObservedCall) => boolean,
    moment: ObservedCall['moment'],
    fault: Fault | (() => Fault),
    which: Which = 'first',
  ) => {
    let nth = 0;
    return world.lab.cloud.faults.add((call) => {
      if (call.functionName !== name || call.moment !== moment || !concerns(call)) return undefined;
      if (!isMeant(++nth, which)) return undefined;
      return typeof fault === 'function' ? fault() : fault;
    });
  };
  const isEffectOf = (call: ObservedCall) => isEffect(call) && names(call, key);
  const isRecordCallOf = (which: RecordCall) => (call: ObservedCall) =>
    call.service === 'dynamodb' && isRecordCall(which, call) && names(call, key);
  return {
    ...parts,
    world,
    transacts,
    functionName: name,
    queueArn: world.lab.queueArn(job),
    prepare: prepare ?? (async () => {}),
    befallEffect: (fault, which) => strike(isEffectOf, ...CALL_FAULTS[fault], which),
    holdEffect: (reached) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let held = false;
      const lift = world.lab.cloud.faults.add((call) => {
        if (held || call.functionName !== name || !isEffectOf(call)) return undefined;
        held = true;
        reached();
        return { heldUntil: promise };
      });
      return () => {
        lift();
        resolve();
      };
    },
    befall: (call, moment, fault, which) => strike(isRecordCallOf(call), moment, fault, which),
    watch: (which, seen) => {
      let nth = 0;
      return world.lab.cloud.faults.add((call) => {
        if (call.functionName === name && call.moment === 'before' && isRecordCallOf(which)(call))
          seen(++nth);
        return undefined;
      });
    },
  };
}

export function isMeant(nth: number, which: Which): boolean {
  if (which === 'each') return true;
  return which === 'first' ? nth === 1 : which.includes(nth);
}

function names({ input }: ObservedCall, key: string): boolean {
  return JSON.stringify(input()).includes(key);
}

function isRecordCall(which: RecordCall, { operation, input }: ObservedCall): boolean {
  if (which === 'any') return true;
  const { ExpressionAttributeValues: values = {} } = input() as {
    ExpressionAttributeValues?: Record<string, { S?: string }>;
  };
  return operation === 'UpdateItem' && values[':status']?.S === STATUS[which];
}

/** As Powertools calls them. */
const STATUS = { claim: 'INPROGRESS', complete: 'COMPLETED' };

/** Its provider is outside the cloud, and is unwell by itself. */
function charge(world: World, key: string): Trial {
  const { provider } = world.charges;
  const { faults } = world.lab.cloud;
  const one = trial(world, {
    job: JOBS.chargeCard,
    key,
    payload: world.charges.charge({ chargeId: key }),
    effects: async () => ({ charge: provider.effects(key) }),
    isEffect: () => false,
  });
  return {
    ...one,
    befallEffect: (fault, which = 'first') => {
      if (fault === 'killed-before' || fault === 'killed-after') {
        let nth = 0;
        return provider.onCharge(async (moment, reference) => {
          if (reference === key && `killed-${moment}` === fault && isMeant(++nth, which))
            await faults.kill(one.functionName);
        });
      }
      provider.behave({ ...PROVIDER_FAULTS[fault], ...(which === 'first' ? { times: 1 } : {}) });
      return () => provider.behave();
    },
    holdEffect: (reached) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let held = false;
      const lift = provider.onCharge(async (moment, reference) => {
        if (held || moment !== 'before' || reference !== key) return;
        held = true;
        reached();
        await promise;
      });
      return () => {
        lift();
        resolve();
      };
    },
  };
}

const PROVIDER_FAULTS = {
  refused: { answer: 'failed', charges: false },
  'answer-lost': { answer: 'failed' },
  'half-answer': { answer: 'half' },
  hang: { answer: 'hanging', charges: false },
  slow: { latencySeconds: 1 },
} as const;
