import { GetCommand, PutCommand, type TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { faults } from '../../../local/dynamodb/index.ts';
import { transact } from '../../../shared/consumer/index.ts';
import { type TableSubject, tableName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
});
afterAll(() => lab.stop());

async function get(subject: TableSubject, Key: Record<string, string>) {
  const { Item } = await lab.dynamo.send(
    new GetCommand({ TableName: tableName(STAGE, subject), Key, ConsistentRead: true }),
  );
  return Item;
}

/** The first transactions meet another one on their items. @returns how many were tried */
function conflict(times: number): () => number {
  let tries = 0;
  lab.cloud.dynamodb.intercept = (operation) => {
    if (operation === 'TransactWriteItems' && ++tries <= times) throw faults.transactionConflicted(2);
    return undefined;
  };
  return () => tries;
}

/** Takes one piece of each. */
function take(...skus: readonly string[]): TransactWriteCommandInput {
  return {
    TransactItems: skus.map((sku) => ({
      Update: {
        TableName: tableName(STAGE, 'stock'),
        Key: { sku },
        UpdateExpression: 'SET available = available - :one',
        ConditionExpression: 'available >= :one',
        ExpressionAttributeValues: { ':one': 1 },
      },
    })),
  };
}

const stock = async (sku: string) => (await get('stock', { sku }))?.available;
const putStock = (sku: string, available: number) =>
  lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, 'stock'), Item: { sku, available } }));
const signal = new AbortController().signal;

describe('a transaction that meets another one', () => {
  it('is tried again until it goes through, and is done once', async () => {
    await Promise.all([putStock('a', 5), putStock('b', 5)]);
    const tries = conflict(3);
    await transact(lab.dynamo, take('a', 'b'), { signal });
    expect(tries()).toBe(4);
    expect([await stock('a'), await stock('b')]).toEqual([4, 4]);
  });

  it('is given up after six tries, with its reasons', async () => {
    await putStock('c', 5);
    const tries = conflict(Number.POSITIVE_INFINITY);
    await expect(transact(lab.dynamo, take('c'), { signal, random: () => 0 })).rejects.toMatchObject({
      name: 'TransactionCanceledException',
      CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
    });
    expect(tries()).toBe(6);
    expect(await stock('c')).toBe(5);
  });

  it('is tried no more once the attempt has been aborted', async () => {
    const aborter = new AbortController();
    let tries = 0;
    lab.cloud.dynamodb.intercept = (operation) => {
      if (operation !== 'TransactWriteItems') return undefined;
      tries++;
      aborter.abort();
      throw faults.transactionConflicted(1);
    };
    await expect(transact(lab.dynamo, take('c'), { signal: aborter.signal })).rejects.toThrow();
    await new Promise((turn) => setTimeout(turn, 200));
    expect(tries).toBe(1);
  });
});

describe('a transaction whose condition fails', () => {
  it('is not tried again, and changes nothing', async () => {
    await Promise.all([putStock('d', 5), putStock('e', 0)]);
    const tries = conflict(0);
    await expect(transact(lab.dynamo, take('d', 'e'), { signal })).rejects.toMatchObject({
      CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }],
    });
    expect(tries()).toBe(1);
    expect(await stock('d')).toBe(5);
  });

  it('is not tried again when it met another one as well: the condition is an answer', async () => {
    let tries = 0;
    lab.cloud.dynamodb.intercept = (operation) => {
      if (operation !== 'TransactWriteItems') return undefined;
      tries++;
      const error = faults.transactionConflicted(1);
      Object.assign(error.details ?? {}, {
        CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'ConditionalCheckFailed' }],
      });
      throw error;
    };
    await expect(transact(lab.dynamo, take('d', 'e'), { signal })).rejects.toThrow();
    expect(tries).toBe(1);
  });
});

describe('a job whose transaction meets another one', () => {
  it('books its payment once, in its first attempt', async () => {
    await lab.dynamo.send(
      new PutCommand({
        TableName: tableName(STAGE, 'accounts'),
        Item: { accountId: 'acc-conflict', balanceMinor: 1000, currency: 'EUR' },
      }),
    );
    const tries = conflict(3);
    await lab.publish(JOBS.processPayment, {
      transactionId: 'tx-conflict',
      accountId: 'acc-conflict',
      amountMinor: 7,
      currency: 'EUR',
    });
    await lab.drain();
    expect(tries()).toBe(4);
    expect(await lab.record(JOBS.processPayment, 'tx-conflict')).toMatchObject({
      state: 'completed',
      attempts: 1,
    });
    expect((await get('accounts', { accountId: 'acc-conflict' }))?.balanceMinor).toBe(1007);
  });

  it('that goes on for long fails its attempt, and is booked once by a later one', async () => {
    await lab.dynamo.send(
      new PutCommand({
        TableName: tableName(STAGE, 'accounts'),
        Item: { accountId: 'acc-busy', balanceMinor: 1000, currency: 'EUR' },
      }),
    );
    conflict(8);
    await lab.publish(JOBS.processPayment, {
      transactionId: 'tx-busy',
      accountId: 'acc-busy',
      amountMinor: 7,
      currency: 'EUR',
    });
    await lab.drain();
    expect(await lab.record(JOBS.processPayment, 'tx-busy')).toMatchObject({
      state: 'completed',
      attempts: 2,
      history: [{ attempt: 1, code: 'TransactionCanceledException' }],
    });
    expect((await get('accounts', { accountId: 'acc-busy' }))?.balanceMinor).toBe(1007);
  });
});
