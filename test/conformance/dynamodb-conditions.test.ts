import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, expect, test } from 'vitest';
import { dynamoDbTarget } from './dynamodb-target.ts';

const cloud = await dynamoDbTarget();
const { documents } = cloud;
const TableName = await cloud.table();
afterAll(() => cloud.stop());

const stored = async (id: string) =>
  (await documents.send(new GetCommand({ TableName, Key: { id }, ConsistentRead: true }))).Item;

/** The protocol by which one owner at a time holds a key. */
const claim = (id: string, owner: string, nowSeconds: number) =>
  documents.send(
    new UpdateCommand({
      TableName,
      Key: { id },
      UpdateExpression:
        'SET #status = :running, #owner = :owner, expiresAt = :now + :lease, attempts = if_not_exists(attempts, :none) + :one, history = list_append(if_not_exists(history, :empty), :entry) REMOVE verdict',
      ConditionExpression:
        'attribute_not_exists(id) OR #status = :waiting OR (#status = :running AND expiresAt < :now)',
      ExpressionAttributeNames: { '#status': 'status', '#owner': 'owner' },
      ExpressionAttributeValues: {
        ':running': 'running',
        ':waiting': 'waiting',
        ':owner': owner,
        ':now': nowSeconds,
        ':lease': 30,
        ':none': 0,
        ':one': 1,
        ':empty': [],
        ':entry': [{ by: owner, at: nowSeconds }],
      },
      ReturnValues: 'ALL_OLD',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
  );

const finish = (id: string, owner: string, expression: string) =>
  documents.send(
    new UpdateCommand({
      TableName,
      Key: { id },
      UpdateExpression: expression,
      ConditionExpression: '#owner = :owner',
      ExpressionAttributeNames: { '#status': 'status', '#owner': 'owner' },
      ExpressionAttributeValues: { ':owner': owner, ':status': 'completed' },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
  );

const refused = async (write: Promise<unknown>): Promise<ConditionalCheckFailedException> => {
  const error = await write.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConditionalCheckFailedException)) throw new Error(`not refused: ${error}`);
  return error;
};

test('a put whose condition fails changes nothing and answers ConditionalCheckFailedException', async () => {
  await documents.send(new PutCommand({ TableName, Item: { id: 'once', value: 'first' } }));

  const error = await refused(
    documents.send(
      new PutCommand({
        TableName,
        Item: { id: 'once', value: 'second' },
        ConditionExpression: 'attribute_not_exists(id)',
      }),
    ),
  );

  expect(error.message).toBe('The conditional request failed');
  expect(error.Item).toBeUndefined();
  expect(await stored('once')).toEqual({ id: 'once', value: 'first' });
});

test.each(['put', 'update', 'delete'] as const)(
  'a failed condition of a %s shows the item when it asks for ALL_OLD',
  async (kind) => {
    const id = `shown-by-${kind}`;
    await documents.send(new PutCommand({ TableName, Item: { id, owner: 'somebody', count: 7 } }));
    const condition = {
      TableName,
      ConditionExpression: '#owner = :me',
      ExpressionAttributeNames: { '#owner': 'owner' },
      ExpressionAttributeValues: { ':me': 'me' },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } as const;
    const writes = {
      put: () => documents.send(new PutCommand({ ...condition, Item: { id } })),
      update: () =>
        documents.send(new UpdateCommand({ ...condition, Key: { id }, UpdateExpression: 'REMOVE #owner' })),
      delete: () => documents.send(new DeleteCommand({ ...condition, Key: { id } })),
    };

    const error = await refused(writes[kind]());

    expect(error.Item).toEqual({ id: { S: id }, owner: { S: 'somebody' }, count: { N: '7' } });
  },
);

test('a failed condition on an item that is not there shows no item', async () => {
  const error = await refused(
    documents.send(
      new DeleteCommand({
        TableName,
        Key: { id: 'nowhere' },
        ConditionExpression: 'attribute_exists(id)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    ),
  );

  expect(error.Item).toBeUndefined();
});

test('a claim takes a free key, counts the attempt, and answers the item as it was before', async () => {
  expect((await claim('free', 'a', 100)).Attributes).toBeUndefined();

  expect(await stored('free')).toEqual({
    id: 'free',
    status: 'running',
    owner: 'a',
    expiresAt: 130,
    attempts: 1,
    history: [{ by: 'a', at: 100 }],
  });
});

test('a claim is refused while another owner holds the key, and shows who', async () => {
  await claim('held', 'a', 100);

  const error = await refused(claim('held', 'b', 129));

  expect(error.Item?.owner).toEqual({ S: 'a' });
  expect(await stored('held')).toMatchObject({ owner: 'a', attempts: 1 });
});

test('an expired claim is taken over, and its first owner can no longer complete or release', async () => {
  await claim('expired', 'a', 100);

  const takeover = await claim('expired', 'b', 131);

  expect(takeover.Attributes).toMatchObject({ owner: 'a', attempts: 1 });
  expect(await stored('expired')).toMatchObject({ owner: 'b', attempts: 2 });
  const lost = await refused(finish('expired', 'a', 'SET #status = :status REMOVE #owner'));
  expect(lost.Item?.owner).toEqual({ S: 'b' });
  await finish('expired', 'b', 'SET #status = :status REMOVE #owner, expiresAt');
  expect(await stored('expired')).toEqual({
    id: 'expired',
    status: 'completed',
    attempts: 2,
    history: [
      { by: 'a', at: 100 },
      { by: 'b', at: 131 },
    ],
  });
});

test('of fifty simultaneous claims of one key exactly one is granted', async () => {
  const claims = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => claim('contended', `owner-${index}`, 100)),
  );

  expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await stored('contended')).toMatchObject({ attempts: 1 });
});

test.each([
  ['equal maps', '#a = :map', true],
  ['maps with another value', '#a = :other', false],
  ['maps that differ', '#a <> :other', true],
  ['a map that does not differ', '#a <> :map', false],
  ['a list that contains a map', 'contains(#l, :map)', true],
  ['a map among given ones', '#a IN (:other, :map)', true],
])('a condition compares documents by their content: %s', async (title, condition, holds) => {
  const id = `documents: ${title}`;
  await documents.send(
    new PutCommand({ TableName, Item: { id, a: { x: 1, y: [true] }, l: [{ y: [true], x: 1 }] } }),
  );
  const values = { ':map': { y: [true], x: 1 }, ':other': { x: 2 } };
  const names = { '#a': 'a', '#l': 'l' };

  const write = documents.send(
    new UpdateCommand({
      TableName,
      Key: { id },
      UpdateExpression: 'SET done = :done',
      ConditionExpression: condition,
      ExpressionAttributeNames: Object.fromEntries(
        Object.entries(names).filter(([name]) => condition.includes(name)),
      ),
      ExpressionAttributeValues: {
        ...Object.fromEntries(Object.entries(values).filter(([name]) => condition.includes(name))),
        ':done': true,
      },
    }),
  );

  if (holds) await write;
  else await refused(write);
});

test.each([
  ['attribute_type(n, :t)', { ':t': 'N' }, true],
  ['n BETWEEN :low AND :high', { ':low': 9, ':high': 11 }, true],
  ['n BETWEEN :low AND :high', { ':low': 11, ':high': 12 }, false],
  ['begins_with(s, :prefix) AND size(s) = :length', { ':prefix': 'he', ':length': 5 }, true],
  ['contains(tags, :tag)', { ':tag': 'red' }, true],
  ['NOT contains(tags, :tag)', { ':tag': 'red' }, false],
  ['n IN (:a, :b)', { ':a': 1, ':b': 10 }, true],
  ['absent <> :value', { ':value': 1 }, true],
  ['m.parts[0].deep = :value', { ':value': 'found' }, true],
])('the condition %s with %j is %s', async (condition, values, holds) => {
  const id = `condition: ${condition} ${JSON.stringify(values)}`;
  const Item = { id, n: 10, s: 'hello', tags: new Set(['red', 'blue']), m: { parts: [{ deep: 'found' }] } };
  await documents.send(new PutCommand({ TableName, Item }));

  const write = documents.send(
    new DeleteCommand({
      TableName,
      Key: { id },
      ConditionExpression: condition,
      ExpressionAttributeValues: values,
    }),
  );

  if (holds) await write;
  else await refused(write);
});
