import {
  IdempotentParameterMismatchException,
  type TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import {
  GetCommand,
  PutCommand,
  TransactGetCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, expect, test } from 'vitest';
import { dynamoDbTarget } from './dynamodb-target.ts';

const cloud = await dynamoDbTarget();
const { documents } = cloud;
const TableName = await cloud.table();
afterAll(() => cloud.stop());

type Items = NonNullable<TransactWriteCommandInput['TransactItems']>;

const transact = (TransactItems: Items, ClientRequestToken?: string) =>
  documents.send(new TransactWriteCommand({ TransactItems, ClientRequestToken }));

const put = (item: Record<string, unknown>) => documents.send(new PutCommand({ TableName, Item: item }));

const stored = async (id: string) =>
  (await documents.send(new GetCommand({ TableName, Key: { id }, ConsistentRead: true }))).Item;

const createOnce = (id: string, more: object = {}): Items[number] => ({
  Put: { TableName, Item: { id }, ConditionExpression: 'attribute_not_exists(id)', ...more },
});

const withdraw = (id: string, amount: number): Items[number] => ({
  Update: {
    TableName,
    Key: { id },
    UpdateExpression: 'SET balance = balance - :amount',
    ConditionExpression: 'balance >= :amount',
    ExpressionAttributeValues: { ':amount': amount },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  },
});

const cancelled = async (write: Promise<unknown>): Promise<TransactionCanceledException> =>
  write.then(
    () => {
      throw new Error('the transaction was not cancelled');
    },
    (error: TransactionCanceledException) => {
      if (error.name !== 'TransactionCanceledException') throw error;
      return error;
    },
  );

test('a transaction puts, updates, deletes and checks, all together', async () => {
  await put({ id: 'account', balance: 10 });
  await put({ id: 'gone' });
  await put({ id: 'open', isOpen: true });

  await transact([
    createOnce('event'),
    withdraw('account', 4),
    { Delete: { TableName, Key: { id: 'gone' } } },
    {
      ConditionCheck: {
        TableName,
        Key: { id: 'open' },
        ConditionExpression: 'isOpen = :yes',
        ExpressionAttributeValues: { ':yes': true },
      },
    },
  ]);

  expect(await stored('event')).toEqual({ id: 'event' });
  expect(await stored('account')).toEqual({ id: 'account', balance: 6 });
  expect(await stored('gone')).toBeUndefined();
});

test('one failing condition cancels all, and the reasons say which, in order, with the item asked for', async () => {
  await put({ id: 'poor', balance: 3 });

  const error = await cancelled(transact([createOnce('payment'), withdraw('poor', 4)]));

  expect(error.message).toBe(
    'Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]',
  );
  expect(error.CancellationReasons).toEqual([
    { Code: 'None' },
    {
      Code: 'ConditionalCheckFailed',
      Message: 'The conditional request failed',
      Item: { id: { S: 'poor' }, balance: { N: '3' } },
    },
  ]);
  expect(await stored('payment')).toBeUndefined();
  expect(await stored('poor')).toEqual({ id: 'poor', balance: 3 });
});

test('every failing condition has its reason', async () => {
  await put({ id: 'taken' });
  await put({ id: 'empty', balance: 0 });

  const error = await cancelled(transact([createOnce('taken'), withdraw('empty', 1), createOnce('third')]));

  expect(error.CancellationReasons?.map(({ Code }) => Code)).toEqual([
    'ConditionalCheckFailed',
    'ConditionalCheckFailed',
    'None',
  ]);
  expect(error.CancellationReasons?.[0]?.Item).toBeUndefined();
});

test('an update that cannot be applied to the item as it is cancels with a ValidationError', async () => {
  await put({ id: 'text', balance: 'none' });

  const error = await cancelled(
    transact([
      createOnce('beside'),
      {
        Update: {
          TableName,
          Key: { id: 'text' },
          UpdateExpression: 'SET balance = balance + :one',
          ExpressionAttributeValues: { ':one': 1 },
        },
      },
    ]),
  );

  expect(error.CancellationReasons).toEqual([
    { Code: 'None' },
    {
      Code: 'ValidationError',
      Message: 'An operand in the update expression has an incorrect data type',
    },
  ]);
  expect(await stored('beside')).toBeUndefined();
});

test('the same request under the same client token is done once', async () => {
  await put({ id: 'idempotent', balance: 10 });
  const token = crypto.randomUUID();

  await transact([withdraw('idempotent', 1)], token);
  await transact([withdraw('idempotent', 1)], token);

  expect(await stored('idempotent')).toMatchObject({ balance: 9 });
});

test('the order of members makes no other request', async () => {
  const token = crypto.randomUUID();
  await transact([{ Put: { TableName, Item: { id: 'order', a: 1, b: { c: 1, d: 2 } } } }], token);

  await transact([{ Put: { Item: { b: { d: 2, c: 1 }, a: 1, id: 'order' }, TableName } }], token);
});

test('another request under the same client token is refused', async () => {
  await put({ id: 'mismatch', balance: 10 });
  const token = crypto.randomUUID();
  await transact([withdraw('mismatch', 1)], token);

  await expect(transact([withdraw('mismatch', 2)], token)).rejects.toBeInstanceOf(
    IdempotentParameterMismatchException,
  );
  expect(await stored('mismatch')).toMatchObject({ balance: 9 });
});

test('a cancelled transaction leaves its token free', async () => {
  await put({ id: 'later', balance: 0 });
  const token = crypto.randomUUID();
  await cancelled(transact([withdraw('later', 1)], token));
  await put({ id: 'later', balance: 5 });

  await transact([withdraw('later', 1)], token);

  expect(await stored('later')).toMatchObject({ balance: 4 });
});

test('a client token is known for ten minutes', async ({ skip }) => {
  if (!cloud.clock) skip("only the embedded cloud's clock can be moved");
  await put({ id: 'forgotten', balance: 10 });
  const token = crypto.randomUUID();
  await transact([withdraw('forgotten', 1)], token);

  await cloud.clock?.advance(595_000);
  await transact([withdraw('forgotten', 1)], token);
  expect(await stored('forgotten')).toMatchObject({ balance: 9 });

  await cloud.clock?.advance(10_000);
  await transact([withdraw('forgotten', 1)], token);
  expect(await stored('forgotten')).toMatchObject({ balance: 8 });
});

test('two operations on one item are refused', async () => {
  await expect(
    transact([createOnce('twice'), { Delete: { TableName, Key: { id: 'twice' } } }]),
  ).rejects.toMatchObject({
    name: 'ValidationException',
    message: 'Transaction request cannot include multiple operations on one item',
  });
});

test('a hundred items are taken, none and a hundred and one are refused', async () => {
  const items = (count: number) =>
    Array.from({ length: count }, (_, index) => createOnce(`of-${count}-${index}`));

  await transact(items(100));

  await expect(transact(items(101))).rejects.toMatchObject({
    name: 'ValidationException',
    message: expect.stringContaining('Member must have length less than or equal to 100'),
  });
  await expect(transact([])).rejects.toMatchObject({ name: 'ValidationException' });
});

test('items of more than 4 MB together are refused', async () => {
  const large = (count: number): Items =>
    Array.from({ length: count }, (_, index) => ({
      Put: { TableName, Item: { id: `large-${index}`, text: 'x'.repeat(400_000) } },
    }));

  await transact(large(10));

  await expect(transact(large(11))).rejects.toMatchObject({ name: 'ValidationException' });
});

test('what is wrong with the request itself is no cancellation', async () => {
  await expect(
    transact([createOnce('syntax', { ConditionExpression: 'attribute_not_exists(' })]),
  ).rejects.toMatchObject({
    name: 'ValidationException',
  });
  await expect(
    transact([{ Put: { TableName, Item: { id: 'huge', text: 'x'.repeat(410_000) } } }]),
  ).rejects.toMatchObject({ name: 'ValidationException' });
  await expect(transact([{ Put: { TableName: 'not-there', Item: { id: 'x' } } }])).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('of fifty contended transactions exactly as many commit as the balance allows', async () => {
  await put({ id: 'contended', balance: 500 });

  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, async (_, index) => {
      for (;;) {
        try {
          return await transact([createOnce(`withdrawal-${index}`), withdraw('contended', 100)]);
        } catch (error) {
          const reasons = (error as TransactionCanceledException).CancellationReasons ?? [];
          // AWS cancels transactions that meet; those are to be tried again.
          if (!reasons.some(({ Code }) => Code === 'TransactionConflict')) throw error;
        }
      }
    }),
  );

  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  expect(await stored('contended')).toMatchObject({ balance: 0 });
  const events = await Promise.all(outcomes.map((_, index) => stored(`withdrawal-${index}`)));
  expect(events.filter(Boolean)).toHaveLength(5);
});

test('a transaction reads several items at one moment, with an empty answer for one that is not there', async () => {
  await put({ id: 'read', a: 1, b: 2 });

  const { Responses } = await documents.send(
    new TransactGetCommand({
      TransactItems: [
        { Get: { TableName, Key: { id: 'read' }, ProjectionExpression: 'b' } },
        { Get: { TableName, Key: { id: 'not-there' } } },
      ],
    }),
  );

  expect(Responses).toEqual([{ Item: { b: 2 } }, {}]);
});
