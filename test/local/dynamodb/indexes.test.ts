import { afterAll, expect, test } from 'vitest';
import { JOBS, startCloud } from './cloud.ts';

const cloud = await startCloud();
afterAll(() => cloud.stop());

const byState = (projection: string) => ({
  ...JOBS,
  AttributeDefinitions: [...JOBS.AttributeDefinitions, { AttributeName: 'state', AttributeType: 'S' }],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'byState',
      KeySchema: [{ AttributeName: 'state', KeyType: 'HASH' }],
      Projection: { ProjectionType: projection },
    },
  ],
});

interface Page {
  readonly Items: readonly { readonly id: { readonly S: string } }[];
  readonly LastEvaluatedKey?: object;
}

async function idsUnder(state: string, more: object): Promise<string[]> {
  const ids: string[] = [];
  let start: object | undefined;
  do {
    const page = (await cloud.service.execute('Query', {
      TableName: 'jobs',
      IndexName: 'byState',
      KeyConditionExpression: '#s = :s',
      ExpressionAttributeNames: { '#s': 'state' },
      ExpressionAttributeValues: { ':s': { S: state } },
      ...more,
      ...(start && { ExclusiveStartKey: start }),
    })) as Page;
    ids.push(...page.Items.map(({ id }) => id.S));
    start = page.LastEvaluatedKey;
  } while (start);
  return ids;
}

test.each([
  ['forward', true],
  ['in reverse', false],
])('thousands of items under one index key are all found, page by page, %s', async (_title, forward) => {
  await cloud.service.execute('CreateTable', byState('KEYS_ONLY'));
  // Among 12,000 keys, a hash of 24 bits would make about four pairs collide.
  const ids = Array.from({ length: 12_000 }, (_, index) => `job-${index}`);
  for (const id of ids)
    await cloud.service.execute('PutItem', {
      TableName: 'jobs',
      Item: { id: { S: id }, state: { S: 'dead' } },
    });

  const found = await idsUnder('dead', { Limit: 1000, ScanIndexForward: forward });

  expect(found).toHaveLength(ids.length);
  expect(new Set(found)).toEqual(new Set(ids));
  await cloud.service.execute('DeleteTable', { TableName: 'jobs' });
});

test('an index that projects all follows each change of an attribute', async () => {
  await cloud.service.execute('CreateTable', byState('ALL'));
  const put = (note: string) =>
    cloud.service.execute('PutItem', {
      TableName: 'jobs',
      Item: { id: { S: 'a' }, state: { S: 'new' }, note: { S: note } },
    });
  await put('first');
  await put('second');

  expect(await cloud.service.execute('Scan', { TableName: 'jobs', IndexName: 'byState' })).toMatchObject({
    Items: [{ note: { S: 'second' } }],
  });
  await cloud.service.execute('DeleteTable', { TableName: 'jobs' });
});

test('a table made again under its old name is empty, and so are its indexes', async () => {
  await cloud.service.execute('CreateTable', byState('ALL'));
  await cloud.service.execute('PutItem', {
    TableName: 'jobs',
    Item: { id: { S: 'a' }, state: { S: 'old' } },
  });
  await cloud.service.execute('DeleteTable', { TableName: 'jobs' });

  await cloud.service.execute('CreateTable', byState('ALL'));

  expect(await cloud.service.execute('Scan', { TableName: 'jobs' })).toMatchObject({ Count: 0 });
  expect(await idsUnder('old', {})).toEqual([]);
});
