import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../shared/client/dead-letters.ts';
import { tableName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { DeployedStage } from './deployed-stage.ts';
import type { ACTS } from './probe/contract.ts';

const { processPayment, placeOrder } = JOBS;
const BURST = 50;
/** A crash is found when the shortened visibility is over: the function's timeout and a margin. */
const CRASH_FOUND_WITHIN_SECONDS = 60;

let stage: DeployedStage;
beforeAll(async () => {
  stage = await DeployedStage.open();
});
afterAll(() => stage?.close());

/** Of one test alone: the suite may run on a stage that others use, and more than once. */
const own = (): string => crypto.randomUUID();

const openAccount = async (accountId: string, balanceMinor: number): Promise<void> => {
  await stage.dynamo.send(
    new PutCommand({
      TableName: tableName(stage.stage, 'accounts'),
      Item: { accountId, balanceMinor, currency: 'EUR' },
    }),
  );
};
const balanceOf = async (accountId: string): Promise<unknown> => {
  const { Item } = await stage.dynamo.send(
    new GetCommand({
      TableName: tableName(stage.stage, 'accounts'),
      Key: { accountId },
      ConsistentRead: true,
    }),
  );
  return Item?.balanceMinor;
};

describe('a deployed stage', () => {
  it('completes a payment: its record says so, and the balance has changed', async () => {
    const [transactionId, accountId] = [own(), own()];
    await openAccount(accountId, 100);
    const { jobId } = await stage.publisher.publish(processPayment, {
      transactionId,
      accountId,
      amountMinor: 25,
      currency: 'EUR',
    });
    expect(await stage.becomes(processPayment, transactionId, 'completed')).toMatchObject({
      jobId,
      attempts: 1,
      life: 1,
    });
    expect(await balanceOf(accountId)).toBe(125);
  });

  it('books a payment once that was published three times', async () => {
    const [transactionId, accountId] = [own(), own()];
    await openAccount(accountId, 100);
    const payload = { transactionId, accountId, amountMinor: -30, currency: 'EUR' };
    await stage.publisher.publishMany(processPayment, [{ payload }, { payload }]);
    await stage.becomes(processPayment, transactionId, 'completed');
    await stage.publisher.publish(processPayment, payload);
    // It is behind the third in the queue; a standard queue keeps no order, but then the third is late and finds the same.
    const later = { ...payload, transactionId: own() };
    await stage.publisher.publish(processPayment, later);
    await stage.becomes(processPayment, later.transactionId, 'completed');
    expect(await stage.lookup.byKey(processPayment.type, transactionId)).toMatchObject({ attempts: 1 });
    expect(await balanceOf(accountId)).toBe(40);
  });

  it('places an order and its stock in one transaction', async () => {
    const [reference, sku] = [own(), own()];
    const stock = tableName(stage.stage, 'stock');
    await stage.dynamo.send(new PutCommand({ TableName: stock, Item: { sku, available: 5 } }));
    await stage.publisher.publish(placeOrder, {
      reference,
      customer: { name: 'Kim', email: 'kim@example.com' },
      lines: [{ sku, title: 'A lamp', quantity: 2, unitPriceMinor: 1999 }],
      currency: 'EUR',
    });
    await stage.becomes(placeOrder, reference, 'completed');
    const { Item } = await stage.dynamo.send(new GetCommand({ TableName: stock, Key: { sku } }));
    expect(Item).toMatchObject({ available: 3 });
  });

  it('gives a job up whose account is unknown, with the reason, and completes it after a redrive', async (test) => {
    const [transactionId, accountId] = [own(), own()];
    await stage.publisher.publish(processPayment, {
      transactionId,
      accountId,
      amountMinor: 10,
      currency: 'EUR',
    });
    const dead = await stage.becomes(processPayment, transactionId, 'dead');
    expect(dead.verdict?.code).toBe('UNKNOWN_ACCOUNT');
    const [letter] = await stage.deadLetters(processPayment, ({ job }) => job?.key === transactionId);
    expect(letter?.reason.code).toBe('UNKNOWN_ACCOUNT');

    await openAccount(accountId, 0);
    expect(await stage.completesAfterRedrive(processPayment, letter as DeadLetter, test)).toMatchObject({
      life: 2,
      attempts: 1,
      pastVerdicts: [expect.objectContaining({ code: 'UNKNOWN_ACCOUNT' })],
    });
    expect(await balanceOf(accountId)).toBe(10);
  });

  it('dead-letters what is no job, and says what is wrong with it', async () => {
    const body = `no JSON ${own()}`;
    await stage.send(processPayment, body);
    const [letter] = await stage.deadLetters(processPayment, (one) => one.body === body);
    expect(letter?.reason.code).toBe('NOT_JSON');
    expect(letter?.job).toBeUndefined();
  });
});

describe('the probe on a deployed stage', () => {
  const publish = async (
    test: Parameters<DeployedStage['probe']>[0],
    ...lives: (typeof ACTS)[number][][]
  ) => {
    const job = stage.probe(test);
    const key = own();
    const { jobId } = await stage.publisher.publish(job, { key, lives });
    return { job, key, jobId };
  };

  it('is tried again after a failure, and completes', async (test) => {
    const { job, key, jobId } = await publish(test, ['throw', 'return']);
    const record = await stage.becomes(job, key, 'completed');
    expect(record).toMatchObject({ jobId, attempts: 2, life: 1 });
    expect(JSON.parse(record.result ?? '')).toEqual({ revision: 'first' });
  });

  it('is dead-lettered when its attempts are spent, with all of them in its record, and completes after a redrive', async (test) => {
    const { job, key } = await publish(test, ['throw'], ['return']);
    const dead = await stage.becomes(job, key, 'dead');
    expect(dead).toMatchObject({ attempts: 3, verdict: { exhausted: true } });
    expect(dead.history).toHaveLength(3);
    const [letter] = await stage.deadLetters(job, (one) => one.job?.key === key);
    expect(await stage.completesAfterRedrive(job, letter as DeadLetter, test)).toMatchObject({
      attempts: 1,
      life: 2,
    });
  });

  it('is dead-lettered at once for good reason', async (test) => {
    const { job, key } = await publish(test, ['permanent']);
    expect(await stage.becomes(job, key, 'dead')).toMatchObject({
      attempts: 1,
      verdict: { code: 'HOPELESS', exhausted: false },
    });
  });

  it('is tried again when its process dies', async (test) => {
    const { job, key } = await publish(test, ['exit', 'return']);
    const record = await stage.becomes(job, key, 'completed', CRASH_FOUND_WITHIN_SECONDS);
    expect(record).toMatchObject({ attempts: 2, crashed: true });
  });

  it('runs later when it asks for it, and spends no attempt', async (test) => {
    const { job, key } = await publish(test, ['later']);
    expect(await stage.becomes(job, key, 'completed')).toMatchObject({ attempts: 1, hop: 1 });
  });

  it('never runs after it has expired', async (test) => {
    const job = stage.probe(test);
    const key = own();
    await stage.send(
      job,
      JSON.stringify({
        specversion: '1.0',
        id: key,
        source: '/integration',
        type: job.type,
        expirytime: new Date(Date.now() - 1000).toISOString(),
        data: { key, lives: [['return']] },
      }),
    );
    expect((await stage.becomes(job, key, 'expired')).attempts).toBe(0);
  });

  it(`completes ${BURST} jobs that come at once, each in one attempt`, async (test) => {
    const job = stage.probe(test);
    const keys = Array.from({ length: BURST }, own);
    const { accepted } = await stage.publisher.publishMany(
      job,
      keys.map((key) => ({ payload: { key, lives: [['return' as const]] } })),
    );
    expect(accepted).toHaveLength(BURST);
    for (const key of keys) expect(await stage.becomes(job, key, 'completed')).toMatchObject({ attempts: 1 });
  });
});
