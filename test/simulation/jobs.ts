import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import {
  deadLetter,
  type IfUncertain,
  type JobContext,
  type JobHandler,
  NotDone,
  PermanentError,
  RetryAfter,
  RetryNoSooner,
  repeat,
  transact,
  verify,
} from '../../shared/consumer/index.ts';
import { LONGEST_RECORDED_RESULT_BYTES } from '../../shared/consumer/step-results.ts';
import { defineJob, type Job } from '../../shared/jobs/define-job.ts';
import { schedule } from '../../shared/jobs/schedule.ts';
import { TABLES } from './cloud.ts';
import { Refused } from './provider.ts';
import { isLarge, type SimulatedType, TYPES } from './scenario.ts';
import { REPEATABLE_STAGES, stagedContract, stagedSteps } from './staged-job.ts';
import type { World } from './world.ts';

export interface Payload {
  readonly job: string;
  /** Two payloads with the same key and another of these are a reused key. */
  readonly variant: number;
}

export const ACCOUNTS = 4;
export const OPENING_MINOR = 1_000_000;
export const TIMEOUT_SECONDS = 10;
const DELAYS_SECONDS = [4, 20, 90];
/** One that SQS hides, and one that may be longer than it hides. */
const LONG_DELAYS_SECONDS = [4, 20, 14 * 3600];
/** What the code of a deploy in the middle has: one attempt fewer. */
const LATER_DELAYS_SECONDS = DELAYS_SECONDS.slice(0, -1);

const LARGE = '.'.repeat(LONGEST_RECORDED_RESULT_BYTES);
export type Version = 'old' | 'new';

export function delaysOf(type: SimulatedType, version: Version): readonly number[] {
  if (type === 'later') return LONG_DELAYS_SECONDS;
  return version === 'old' ? DELAYS_SECONDS : LATER_DELAYS_SECONDS;
}

const contracts = new Map<string, Job<Payload, Payload>>();

export function contractOf(type: SimulatedType, version: Version): Job<Payload, Payload> {
  const name = `${type} ${version}`;
  const contract = contracts.get(name) ?? define(type, version);
  contracts.set(name, contract);
  return contract;
}

function define(type: SimulatedType, version: Version): Job<Payload, Payload> {
  if (type === 'staged') return stagedContract(type, delaysOf(type, version));
  return defineJob({
    type,
    payload: z.object({ job: z.string(), variant: z.int() }),
    key: ({ job }) => job,
    timeoutSeconds: TIMEOUT_SECONDS,
    schedule: schedule(delaysOf(type, version)),
    batchSize: 10,
    maxConcurrency: type === 'ledger' ? 4 : 3,
    cancellable: type === 'charge',
    ...(type === 'deliver' ? { mostDeferrals: 1000, timeoutSeconds: 20 } : {}),
  });
}

export function amountOf(job: string): number {
  return 1 + (Number(job.slice(-6)) % 97);
}

export function accountOf(job: string): string {
  return `account-${Number(job.slice(-6)) % ACCOUNTS}`;
}

const STEPS: Record<Exclude<SimulatedType, 'staged'>, readonly string[]> = {
  charge: ['charge'],
  print: ['print'],
  notify: ['first', 'second'],
  ledger: [],
  later: ['run'],
  webhook: [],
  deliver: [],
};

/** Steps whose effect a completed job must have left. */
export function stepsOf(job: string): readonly string[] {
  const type = typeOf(job);
  return type === 'staged' ? stagedSteps(job) : STEPS[type];
}

/** Steps that may happen again. */
export const REPEATABLE: ReadonlySet<string> = new Set(['first', 'second', 'run', ...REPEATABLE_STAGES]);

export function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

export function handlerOf(type: SimulatedType, world: World): JobHandler<Payload> {
  const work = type === 'staged' ? startOf(world) : WORK[type];
  return async (payload, context) => {
    const run = world.runs.begin(payload, context);
    const has = (kind: string) => run.faults.find((fault) => fault.kind === kind);
    try {
      const slow = has('handler-slow');
      if (slow) await sleep(slow.ms ?? 0);
      if (has('handler-hangs')) await hang(payload, context, world);
      const defers = has('handler-defers');
      if (defers) throw new RetryAfter((defers.ms ?? 0) / 1000, 'the simulation wants it so');
      const noSooner = has('handler-no-sooner');
      if (noSooner) throw new RetryNoSooner((noSooner.ms ?? 0) / 1000, 'The simulation wants it so.');
      if (has('handler-gives-up'))
        throw new PermanentError('The simulated handler gives up.', { code: 'SIM_PERMANENT' });
      const fails = has('handler-throws');
      if (fails && fails.moment !== 'after') throw failure();
      const result = await work(payload, context, world);
      if (fails) throw failure();
      run.returned();
      return result;
    } catch (error) {
      run.threw(error);
      throw error;
    }
  };
}

function failure(): Error {
  return Object.assign(new Error('The simulated handler failed.'), { code: 'SIM_FAILED' });
}

/** Ignores its signal, and when it is thawed much later begins a step: which must be refused. */
async function hang({ job }: Payload, { step }: JobContext, world: World): Promise<void> {
  await sleep(45_000);
  await step('after-the-end', async () => world.violate('an abandoned handler begins no step', job), {
    ifUncertain: repeat(),
  });
}

type Work = (payload: Payload, context: JobContext, world: World) => Promise<unknown>;

/** The real starter of staged jobs. */
function startOf(world: World): Work {
  const start = world.executions.starter();
  return (payload, context) => Promise.resolve(start(payload, context));
}

const WORK: Record<Exclude<SimulatedType, 'staged'>, Work> = {
  charge: ({ job }, context, world) =>
    inStep('charge', job, context, world, {
      ifUncertain: verify(({ begunAtMs }) => world.provider.look<string>(job, 'charge', begunAtMs)),
    }),
  print: ({ job }, context, world) => inStep('print', job, context, world, { ifUncertain: deadLetter() }),
  async notify({ job }, context, world) {
    await inStep('first', job, context, world, { ifUncertain: repeat() });
    await inStep('second', job, context, world, { ifUncertain: repeat() });
  },
  async later({ job }, context, world) {
    if (world.runs.count(job) === 1) throw new RetryAfter(30, 'each of these comes later');
    await inStep('run', job, context, world, { ifUncertain: repeat() });
  },
  ledger: ({ job }, { signal }, world) => book(job, signal, world),
  webhook: ({ job }, { signal }, world) => world.webhooks.process(job, signal),
  deliver: async ({ job }, context, world) => world.receivers.deliver(job, context),
};

async function inStep(
  name: string,
  job: string,
  { step, signal }: JobContext,
  world: World,
  options: { readonly ifUncertain: IfUncertain<string> },
): Promise<string> {
  const work = async () => {
    try {
      return (await world.provider.call(job, name, { signal, once: REPEATABLE.has(name) })) + fillingOf(job);
    } catch (error) {
      throw error instanceof Refused ? new NotDone('The provider refused.', { cause: error }) : error;
    }
  };
  const receipt = await step(name, work, options);
  const known = world.provider.receipt(job, name);
  // A person who resolved the step had the receipt alone.
  if (receipt !== known && receipt !== known + fillingOf(job))
    world.violate(
      'a step returns the result of its effect',
      `${job} ${name} returned ${JSON.stringify(receipt).slice(0, 100)}`,
    );
  return receipt;
}

/** Some results are too large for a step's record, and lie in S3. */
function fillingOf(job: string): string {
  return isLarge(job) ? LARGE : '';
}

/** As functions/process-payment does it: the entry's own key is the marker. */
async function book(job: string, signal: AbortSignal, world: World): Promise<string> {
  try {
    await transact(
      world.cloud.clients.dynamo,
      {
        TransactItems: [
          {
            Put: {
              TableName: TABLES.entries,
              Item: { pk: `ledger#${job}`, account: accountOf(job), amountMinor: amountOf(job) },
              ConditionExpression: 'attribute_not_exists(pk)',
            },
          },
          {
            Update: {
              TableName: TABLES.accounts,
              Key: { accountId: accountOf(job) },
              UpdateExpression: 'SET balanceMinor = balanceMinor + :amount',
              ExpressionAttributeValues: { ':amount': amountOf(job) },
            },
          },
        ],
      },
      { signal },
    );
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    if (error.CancellationReasons?.[0]?.Code !== 'ConditionalCheckFailed') throw error;
  }
  return job;
}

export function typeOf(job: string): SimulatedType {
  return TYPES.find((type) => job.startsWith(type)) as SimulatedType;
}
