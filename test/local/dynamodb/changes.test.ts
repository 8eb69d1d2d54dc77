import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import type { ItemChange } from '../../../local/dynamodb/index.ts';
import { JOBS, startCloud } from './cloud.ts';

const cloud = await startCloud();
await cloud.service.execute('CreateTable', JOBS);
await cloud.service.execute('UpdateTimeToLive', {
  TableName: 'jobs',
  TimeToLiveSpecification: { AttributeName: 'expiry', Enabled: true },
});
afterAll(() => cloud.stop());

let changes: ItemChange[] = [];
let stopObserving = () => {};
beforeEach(() => {
  changes = [];
  stopObserving = cloud.service.observe((change) => changes.push(change));
});
afterEach(() => stopObserving());

const nowSeconds = () => Math.floor(cloud.clock.now() / 1000);
const put = (id: string, attributes: object = {}) =>
  cloud.service.execute('PutItem', { TableName: 'jobs', Item: { id: { S: id }, ...attributes } });

test('each change of an item is told with its images before and after', async () => {
  const Key = { id: { S: 'a' } };
  await put('a', { n: { N: '1' } });
  await cloud.service.execute('UpdateItem', {
    TableName: 'jobs',
    Key,
    UpdateExpression: 'ADD n :one',
    ExpressionAttributeValues: { ':one': { N: '1' } },
  });
  await cloud.service.execute('DeleteItem', { TableName: 'jobs', Key });

  const told = { tableName: 'jobs', keys: Key, cause: 'request' };
  expect(changes).toEqual([
    { ...told, newImage: { ...Key, n: { N: '1' } } },
    { ...told, oldImage: { ...Key, n: { N: '1' } }, newImage: { ...Key, n: { N: '2' } } },
    { ...told, oldImage: { ...Key, n: { N: '2' } } },
  ]);
});

test('a write that leaves the item as it was is no change, whatever the order of its attributes', async () => {
  await put('same', { x: { N: '1' }, y: { SS: ['p', 'q'] } });
  changes = [];

  await put('same', { y: { SS: ['q', 'p'] }, x: { N: '1' } });
  await cloud.service.execute('DeleteItem', { TableName: 'jobs', Key: { id: { S: 'never-there' } } });

  expect(changes).toEqual([]);
});

test('a cancelled transaction tells nothing, and a later one only its own changes', async () => {
  const transact = (ids: readonly string[]) =>
    cloud.service.execute('TransactWriteItems', {
      TransactItems: ids.map((id) => ({
        Put: { TableName: 'jobs', Item: { id: { S: id } }, ConditionExpression: 'attribute_not_exists(id)' },
      })),
    });
  await put('taken');
  changes = [];

  await expect(transact(['first', 'taken'])).rejects.toMatchObject({ code: 'TransactionCanceledException' });
  expect(changes).toEqual([]);

  await transact(['second', 'third']);
  expect(changes.map(({ keys }) => keys.id?.S)).toEqual(['second', 'third']);
});

test('when a listener hears of a change, the change is there to be read', async () => {
  const reads: Promise<unknown>[] = [];
  const stop = cloud.service.observe(({ keys }) => {
    reads.push(cloud.service.execute('GetItem', { TableName: 'jobs', Key: keys }));
  });

  await put('readable');
  stop();

  expect(await Promise.all(reads)).toEqual([{ Item: { id: { S: 'readable' } } }]);
});

test('expired items are deleted early or late as a test wishes, and told as such', async () => {
  await put('early', { expiry: { N: String(nowSeconds() + 600) } });
  await put('late', { expiry: { N: String(nowSeconds() + 100_000) } });
  changes = [];

  expect(cloud.service.deleteExpired()).toBe(0);
  expect(cloud.service.deleteExpired(cloud.clock.now() + 700_000)).toBe(1);
  expect(changes).toMatchObject([{ keys: { id: { S: 'early' } }, cause: 'time-to-live' }]);

  const TWO_DAYS_SECONDS = 172_800;
  cloud.service.setTimeToLiveLag(TWO_DAYS_SECONDS);
  await cloud.clock.advance((100_000 + TWO_DAYS_SECONDS - 60) * 1000);
  expect(changes).toHaveLength(1);
  await cloud.clock.advance(120_000);
  expect(changes.at(-1)).toMatchObject({ keys: { id: { S: 'late' } }, cause: 'time-to-live' });
});
