import { GetCommand, PutCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, expect, test } from 'vitest';
import { faults } from '../../../local/dynamodb/index.ts';
import { JOBS, startCloud } from './cloud.ts';

const cloud = await startCloud();
await cloud.service.execute('CreateTable', JOBS);
afterEach(() => {
  cloud.service.intercept = undefined;
});
afterAll(() => cloud.stop());

const create = (id: string) =>
  cloud.documents.send(
    new PutCommand({ TableName: 'jobs', Item: { id }, ConditionExpression: 'attribute_not_exists(id)' }),
  );

const stored = async (id: string) =>
  (await cloud.documents.send(new GetCommand({ TableName: 'jobs', Key: { id } }))).Item;

const failing = (error: () => Error) => (operation: string) => {
  if (operation.startsWith('Put') || operation.startsWith('Transact')) throw error();
  return undefined;
};

test.each([
  ['ThrottlingException', 400, faults.throttled],
  ['ProvisionedThroughputExceededException', 400, faults.throughputExceeded],
  ['InternalServerError', 500, faults.internalServerError],
  ['TransactionConflictException', 400, faults.transactionConflict],
] as const)(
  'a write can be made to fail with %s, and then has not been done',
  async (name, status, fault) => {
    cloud.service.intercept = failing(fault);

    await expect(create(name)).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });

    expect(await stored(name)).toBeUndefined();
  },
);

test('a write can be done and its answer lost', async () => {
  cloud.service.intercept = (operation) => (operation === 'PutItem' ? 'apply-then-fail' : undefined);

  await expect(create('lost')).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });

  expect(await stored('lost')).toEqual({ id: 'lost' });
  cloud.service.intercept = undefined;
  await expect(create('lost')).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
});

test('a transaction can be cancelled by a conflict', async () => {
  cloud.service.intercept = failing(() => faults.transactionConflicted(2));

  const write = cloud.documents.send(
    new TransactWriteCommand({
      TransactItems: ['a', 'b'].map((id) => ({ Put: { TableName: 'jobs', Item: { id } } })),
    }),
  );

  await expect(write).rejects.toMatchObject({
    name: 'TransactionCanceledException',
    CancellationReasons: [
      { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' },
      { Code: 'None' },
    ],
  });
});

test('an intercepted operation may take its time, and sees its input', async () => {
  const seen: unknown[] = [];
  cloud.service.intercept = async (operation, input) => {
    await new Promise((turn) => setImmediate(turn));
    seen.push([operation, input]);
    return undefined;
  };

  await create('slow');

  expect(seen).toMatchObject([['PutItem', { TableName: 'jobs', Item: { id: { S: 'slow' } } }]]);
});
