import { DescribeTableCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand,
  DeleteCommand,
  PutCommand,
  paginateQuery,
  paginateScan,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { dynamoDbTarget } from './dynamodb-target.ts';

const cloud = await dynamoDbTarget();
const { documents, dynamodb } = cloud;
const TableName = await cloud.table({
  KeySchema: [
    { AttributeName: 'tenant', KeyType: 'HASH' },
    { AttributeName: 'moment', KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [
    { AttributeName: 'tenant', AttributeType: 'S' },
    { AttributeName: 'moment', AttributeType: 'N' },
    { AttributeName: 'state', AttributeType: 'S' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'byState',
      KeySchema: [
        { AttributeName: 'state', KeyType: 'HASH' },
        { AttributeName: 'moment', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
});
afterAll(() => cloud.stop());

const TIMES = [-100, -9.5, -1, 0, 0.25, 1, 2, 10, 99, 100, 1000];

beforeAll(async () => {
  await documents.send(
    new BatchWriteCommand({
      RequestItems: {
        [TableName]: TIMES.map((at) => ({
          PutRequest: {
            Item: { tenant: 'a', moment: at, state: at < 0 ? 'dead' : 'done', note: `at ${at}` },
          },
        })),
      },
    }),
  );
});

const query = (input: Omit<QueryCommandInput, 'TableName'>) =>
  documents.send(new QueryCommand({ TableName, ...input }));

const times = (items: readonly Record<string, unknown>[] | undefined) => items?.map(({ moment }) => moment);

const OF_A = { KeyConditionExpression: 'tenant = :a', ExpressionAttributeValues: { ':a': 'a' } };
const DONE = {
  IndexName: 'byState',
  KeyConditionExpression: '#s = :s',
  ExpressionAttributeNames: { '#s': 'state' },
  ExpressionAttributeValues: { ':s': 'done' },
};

/** Indexes are eventually consistent: what another store shows late is asked again. */
const eventually = (assertion: () => Promise<void>) => vi.waitFor(assertion, { timeout: 10_000 });

test('numeric sort keys sort as numbers, forward and in reverse', async () => {
  expect(times((await query(OF_A)).Items)).toEqual(TIMES);
  expect(times((await query({ ...OF_A, ScanIndexForward: false })).Items)).toEqual(TIMES.toReversed());
});

test.each([
  ['moment = :x', [1]],
  ['moment < :x', [-100, -9.5, -1, 0, 0.25]],
  ['moment <= :x', [-100, -9.5, -1, 0, 0.25, 1]],
  ['moment > :x', [2, 10, 99, 100, 1000]],
  ['moment >= :x', [1, 2, 10, 99, 100, 1000]],
  ['moment BETWEEN :x AND :y', [1, 2, 10, 99]],
])('a key condition %s selects by number', async (condition, expected) => {
  const values = { ':a': 'a', ':x': 1, ...(condition.includes(':y') && { ':y': 99 }) };

  const { Items } = await query({
    KeyConditionExpression: `tenant = :a AND ${condition}`,
    ExpressionAttributeValues: values,
  });

  expect(times(Items)).toEqual(expected);
});

test.each([true, false])('pages of three cover everything once (forward: %s)', async (ScanIndexForward) => {
  const pages: unknown[][] = [];
  for await (const page of paginateQuery(
    { client: documents, pageSize: 3 },
    { TableName, ...OF_A, ScanIndexForward },
  ))
    pages.push(times(page.Items) ?? []);

  expect(pages.flat()).toEqual(ScanIndexForward ? TIMES : TIMES.toReversed());
  expect(pages[0]).toHaveLength(3);
});

test('a filter is applied after the limit, so a page may be empty and still have a next one', async () => {
  const page = await query({
    ...OF_A,
    Limit: 3,
    FilterExpression: 'note = :note',
    ExpressionAttributeValues: { ':a': 'a', ':note': 'at 1000' },
  });

  expect(page).toMatchObject({ Count: 0, ScannedCount: 3, LastEvaluatedKey: { tenant: 'a', moment: -1 } });
});

test('a filter compares documents by their content', async () => {
  const other = await cloud.table();
  await documents.send(new PutCommand({ TableName: other, Item: { id: '1', m: { a: [1] }, x: 1 } }));
  await documents.send(new PutCommand({ TableName: other, Item: { id: '2', m: { a: [2] }, x: 2 } }));

  const { Items, Count, ScannedCount } = await documents.send(
    new ScanCommand({
      TableName: other,
      FilterExpression: 'm = :m',
      ProjectionExpression: 'x',
      ExpressionAttributeValues: { ':m': { a: [2] } },
    }),
  );

  expect({ Items, Count, ScannedCount }).toEqual({ Items: [{ x: 2 }], Count: 1, ScannedCount: 2 });
});

test('a keys-only index answers the keys of index and table, and nothing else', async () => {
  await eventually(async () => {
    const { Items } = await query({ ...DONE, Limit: 1 });
    expect(Items).toEqual([{ state: 'done', moment: 0, tenant: 'a' }]);
  });
});

test('a global index refuses consistent reads, and attributes that it does not project', async () => {
  await expect(query({ ...DONE, ConsistentRead: true })).rejects.toThrow(
    'Consistent reads are not supported on global secondary indexes',
  );
  await expect(query({ ...DONE, Select: 'ALL_ATTRIBUTES' })).rejects.toMatchObject({
    name: 'ValidationException',
  });
  await expect(query({ ...DONE, IndexName: 'byNothing' })).rejects.toThrow(
    'The table does not have the specified index: byNothing',
  );
});

test('an index follows its items: entries move, appear, and go', async () => {
  const Key = { tenant: 'moving', moment: 5 };
  const update = (expression: string, values?: Record<string, unknown>) =>
    documents.send(
      new UpdateCommand({
        TableName,
        Key,
        UpdateExpression: expression,
        ExpressionAttributeNames: { '#s': 'state' },
        ExpressionAttributeValues: values,
      }),
    );
  const inState = async (state: string) =>
    (await query({ ...DONE, ExpressionAttributeValues: { ':s': state } })).Count;

  await update('SET #s = :s', { ':s': 'fresh' });
  await eventually(async () => expect(await inState('fresh')).toBe(1));

  await update('SET #s = :s', { ':s': 'stale' });
  await eventually(async () => expect([await inState('fresh'), await inState('stale')]).toEqual([0, 1]));

  await update('REMOVE #s');
  await eventually(async () => expect(await inState('stale')).toBe(0));

  await update('SET #s = :s', { ':s': 'last' });
  await documents.send(new DeleteCommand({ TableName, Key }));
  await eventually(async () => expect(await inState('last')).toBe(0));
});

test('an index key of the wrong type is refused', async () => {
  await expect(
    documents.send(new PutCommand({ TableName, Item: { tenant: 'b', moment: 1, state: 5 } })),
  ).rejects.toThrow('Type mismatch for Index Key state Expected: S Actual: N IndexName: byState');
});

test.each([
  ['an empty hash key', { state: '' }],
  ['a hash key of 2,049 bytes', { state: 'x'.repeat(2049) }],
  ['a hash key of 2,049 bytes in fewer characters', { state: `${'é'.repeat(1024)}x` }],
])('an item with %s of an index is refused, put or updated, and changes nothing', async (_, attributes) => {
  const Key = { tenant: 'limits', moment: 1 };
  await documents.send(new PutCommand({ TableName, Item: { ...Key, state: 'before' } }));

  await expect(
    documents.send(new PutCommand({ TableName, Item: { ...Key, ...attributes } })),
  ).rejects.toMatchObject({ name: 'ValidationException' });
  await expect(
    documents.send(
      new UpdateCommand({
        TableName,
        Key,
        UpdateExpression: 'SET #s = :s',
        ExpressionAttributeNames: { '#s': 'state' },
        ExpressionAttributeValues: { ':s': attributes.state },
      }),
    ),
  ).rejects.toMatchObject({ name: 'ValidationException' });

  const { Items } = await query({ ...OF_A, ExpressionAttributeValues: { ':a': 'limits' } });
  expect(Items).toEqual([{ ...Key, state: 'before' }]);
});

test('an index key of 2,048 bytes is taken', async () => {
  const state = 'é'.repeat(1024);
  await documents.send(new PutCommand({ TableName, Item: { tenant: 'longest', moment: 1, state } }));
  await eventually(async () =>
    expect((await query({ ...DONE, ExpressionAttributeValues: { ':s': state } })).Count).toBe(1),
  );
});

test('a scan reads everything once, in segments and in pages, of a table and of an index', async () => {
  const tenants = Array.from({ length: 60 }, (_, index) => `scan-${index}`);
  const scanned = await cloud.table({
    AttributeDefinitions: [
      { AttributeName: 'id', AttributeType: 'S' },
      { AttributeName: 'group', AttributeType: 'S' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'byGroup',
        KeySchema: [{ AttributeName: 'group', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  });
  await Promise.all(
    tenants.map((id) =>
      documents.send(new PutCommand({ TableName: scanned, Item: { id, group: `g${id.length}` } })),
    ),
  );
  const collect = async (input: { IndexName?: string; Segment?: number; TotalSegments?: number }) => {
    const ids: unknown[] = [];
    for await (const page of paginateScan(
      { client: documents, pageSize: 7 },
      { TableName: scanned, ...input },
    ))
      ids.push(...(page.Items ?? []).map(({ id }) => id));
    return ids;
  };

  expect((await collect({})).sort()).toEqual(tenants.toSorted());
  const segments = await Promise.all([0, 1, 2].map((Segment) => collect({ Segment, TotalSegments: 3 })));
  expect(segments.flat().sort()).toEqual(tenants.toSorted());
  await eventually(async () =>
    expect((await collect({ IndexName: 'byGroup' })).sort()).toEqual(tenants.toSorted()),
  );
});

test('an index added to a table holds the items that were there, and can be removed again', async () => {
  const other = await cloud.table();
  await documents.send(new PutCommand({ TableName: other, Item: { id: 'old', color: 'red' } }));

  await dynamodb.send(
    new UpdateTableCommand({
      TableName: other,
      AttributeDefinitions: [{ AttributeName: 'color', AttributeType: 'S' }],
      GlobalSecondaryIndexUpdates: [
        {
          Create: {
            IndexName: 'byColor',
            KeySchema: [{ AttributeName: 'color', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'ALL' },
          },
        },
      ],
    }),
  );
  const status = async () =>
    (await dynamodb.send(new DescribeTableCommand({ TableName: other }))).Table?.GlobalSecondaryIndexes?.[0]
      ?.IndexStatus;
  await expect.poll(status, { timeout: 300_000, interval: 1000 }).toBe('ACTIVE');

  const { Items } = await documents.send(
    new QueryCommand({
      TableName: other,
      IndexName: 'byColor',
      KeyConditionExpression: 'color = :c',
      ExpressionAttributeValues: { ':c': 'red' },
    }),
  );
  expect(Items).toEqual([{ id: 'old', color: 'red' }]);

  await dynamodb.send(
    new UpdateTableCommand({
      TableName: other,
      GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'byColor' } }],
    }),
  );
  await expect.poll(status, { timeout: 300_000, interval: 1000 }).toBeUndefined();
}, 600_000);
