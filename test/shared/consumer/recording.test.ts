import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { faults } from '../../../local/dynamodb/index.ts';
import { AwsError } from '../../../local/kernel/errors.ts';
import { deadLetter } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'recorded',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([30, 30]),
});

let lab: Lab;
/** Does not try again by itself, so that each failure is one that the consumer sees. */
let dynamo: DynamoDBDocumentClient;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
  dynamo = DynamoDBDocumentClient.from(
    new DynamoDBClient({
      endpoint: lab.cloud.endpoint,
      region: lab.cloud.region,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
      maxAttempts: 1,
    }),
    { marshallOptions: { removeUndefinedValues: true } },
  );
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
});
afterAll(async () => {
  dynamo.destroy();
  await lab.stop();
});

/** Fails the writes that say so, the first `times` of them. @returns how many were tried */
function failWritesOf(what: string, times: number, error: () => Error): () => number {
  let tries = 0;
  lab.cloud.dynamodb.intercept = (operation, input) => {
    if (operation === 'UpdateItem' && JSON.stringify(input).includes(what) && ++tries <= times) throw error();
    return undefined;
  };
  return () => tries;
}

describe.each([
  ['throttled', faults.throttled],
  ['refused for its throughput', faults.throughputExceeded],
  ['answered with a fault', faults.internalServerError],
])('an end whose record is %s several times', (what, error) => {
  it('is written all the same, and the work is not done again', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    const tries = failWritesOf('COMPLETED', 4, error);
    await consumer.publish({ key: `completed ${what}` });
    await consumer.drain({ runtime: { dynamo }, handler: async () => ++runs });
    expect(tries()).toBe(5);
    expect(runs).toBe(1);
    expect(await consumer.record(`completed ${what}`)).toMatchObject({
      state: 'completed',
      attempts: 1,
      result: '1',
    });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('of a failed attempt keeps its reason', async () => {
    const consumer = new InProcess(lab, job);
    const tries = failWritesOf('the reason', 4, error);
    await consumer.publish({ key: `failed ${what}` });
    await consumer.deliver({
      runtime: { dynamo },
      handler: async () => {
        throw new Error('the reason');
      },
    });
    expect(tries()).toBe(5);
    expect(await consumer.record(`failed ${what}`)).toMatchObject({
      state: 'retrying',
      attempts: 1,
      history: [{ code: 'Error', message: 'the reason' }],
    });
  });
});

describe('a step that is done and whose record is throttled several times', () => {
  it('is recorded as done all the same, and certain', async () => {
    const consumer = new InProcess(lab, job);
    let effects = 0;
    const tries = failWritesOf('":done"', 5, faults.throttled);
    await consumer.publish({ key: 'step throttled' });
    await consumer.drain({
      runtime: { dynamo },
      handler: async (_, { step }) => step('charge', async () => ++effects, { ifUncertain: deadLetter() }),
    });
    expect(tries()).toBe(6);
    expect(effects).toBe(1);
    expect(await consumer.step('step throttled', 'charge')).toMatchObject({ state: 'done', result: '1' });
    expect(await consumer.record('step throttled')).toMatchObject({ state: 'completed', attempts: 1 });
  });
});

describe('an end that was written and whose answer was lost', () => {
  it('is recognised as our own', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    let lost = 0;
    lab.cloud.dynamodb.intercept = (operation, input) =>
      operation === 'UpdateItem' && JSON.stringify(input).includes('COMPLETED') && lost++ === 0
        ? 'apply-then-fail'
        : undefined;
    await consumer.publish({ key: 'answer-lost' });
    await consumer.drain({ runtime: { dynamo }, handler: async () => ++runs });
    expect({ runs, lost }).toEqual({ runs: 1, lost: 2 });
    expect(consumer.count('Completed')).toBe(1);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});

describe('an end that cannot be written', () => {
  it('is not reported as one: the message stays, and the attempt is found as a crash when its lease is over', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    const handler = async () => ++runs;
    // An error that no further try mends.
    const tries = failWritesOf('COMPLETED', 1, () => new AwsError('ValidationException', 'No such write.'));
    await consumer.publish({ key: 'unwritable' });
    await consumer.deliver({ runtime: { dynamo }, handler });
    expect(tries()).toBe(1);
    expect(await consumer.record('unwritable')).toMatchObject({ state: 'running', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 1, dead: 0 });
    expect(consumer.count('Completed')).toBe(0);
    await consumer.drain({ runtime: { dynamo }, handler });
    const record = await consumer.record('unwritable');
    expect(record).toMatchObject({ state: 'completed', attempts: 2, history: [{ code: 'CRASHED' }] });
  });

  it('is given up before the invocation ends, so that its neighbours have theirs', async () => {
    const consumer = new InProcess(lab, job);
    failWritesOf('COMPLETED', Number.POSITIVE_INFINITY, faults.throttled);
    await consumer.publish({ key: 'throttled for ever' });
    const beganMs = lab.cloud.clock.now();
    const remainingSeconds = job.timeoutSeconds + 6;
    // The clock of the cloud jumps while the handler runs, so that little of the invocation is left.
    const response = await consumer.deliver({
      runtime: { dynamo },
      remainingSeconds,
      handler: async () => lab.advance(remainingSeconds - 4),
    });
    expect(lab.cloud.clock.now() - beganMs).toBeLessThan(remainingSeconds * 1000);
    expect(response?.batchItemFailures).toHaveLength(1);
  });
});

describe('a claim that was written and whose answer was lost', () => {
  it('is recognised as our own, and spends one attempt', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    let lost = 0;
    lab.cloud.dynamodb.intercept = (operation, input) =>
      operation === 'UpdateItem' && JSON.stringify(input).includes('INPROGRESS') && lost++ === 0
        ? 'apply-then-fail'
        : undefined;
    await consumer.publish({ key: 'claim-lost' });
    // The SDK's own second try meets the effect of its first.
    await consumer.drain({ handler: async () => ++runs });
    expect(runs).toBe(1);
    expect(await consumer.record('claim-lost')).toMatchObject({ state: 'completed', attempts: 1 });
  });
});

describe('a job whose own record DynamoDB refuses', () => {
  it('is renewed a few times, in case the fault is ours, and is a dead letter then', async () => {
    const consumer = new InProcess(lab, job);
    lab.cloud.dynamodb.intercept = (operation, input) => {
      if (operation === 'UpdateItem' && JSON.stringify(input).includes('refused'))
        throw new AwsError('ValidationException', 'Item size has exceeded the maximum allowed size');
      return undefined;
    };
    consumer.send(lab.message(job, { key: 'refused' }, { hop: 2 }));
    await consumer.drain({ runtime: { dynamo }, handler: () => Promise.reject(new Error('must not run')) });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
    expect(consumer.count('Renewed')).toBe(1);
    expect(consumer.count('DeadLettered')).toBe(1);
  });
});

describe('records that cannot be reached', () => {
  it('let nothing run and spend no attempt; the message comes back, later each time', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    const handler = async () => ++runs;
    lab.cloud.dynamodb.intercept = () => {
      throw faults.internalServerError();
    };
    await consumer.publish({ key: 'unreachable' });
    const waitsMs: number[] = [];
    for (let round = 0; round < 3; round++) {
      await consumer.deliver({ runtime: { dynamo }, handler });
      const beforeMs = lab.cloud.clock.now();
      await consumer.untilVisible();
      waitsMs.push(lab.cloud.clock.now() - beforeMs);
    }
    expect(runs).toBe(0);
    // Each nominal wait is double the one before, and taken from half to full.
    for (const [round, nominalSeconds] of [10, 20, 40].entries()) {
      expect(waitsMs[round]).toBeGreaterThan(nominalSeconds * 500 - 1000);
      expect(waitsMs[round]).toBeLessThan(nominalSeconds * 1000 + 1000);
    }
    lab.cloud.dynamodb.intercept = undefined;
    await consumer.drain({ runtime: { dynamo }, handler });
    expect(await consumer.record('unreachable')).toMatchObject({ state: 'completed', attempts: 1 });
  });
});
