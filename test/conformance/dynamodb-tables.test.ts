import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ListTablesCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, expect, test } from 'vitest';
import { dynamoDbTarget } from './dynamodb-target.ts';

const cloud = await dynamoDbTarget();
const { documents, dynamodb } = cloud;
afterAll(() => cloud.stop());

const setTimeToLive = (TableName: string, Enabled: boolean, AttributeName = 'expiration') =>
  dynamodb.send(
    new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName, Enabled } }),
  );

const timeToLive = async (TableName: string) =>
  (await dynamodb.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription;

test('a table describes itself, and is listed', async () => {
  const TableName = await cloud.table();

  const { Table: table } = await dynamodb.send(new DescribeTableCommand({ TableName }));

  expect(table).toMatchObject({
    TableName,
    TableStatus: 'ACTIVE',
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    DeletionProtectionEnabled: false,
  });
  expect(table?.TableArn).toMatch(
    new RegExp(`^arn:aws:dynamodb:${cloud.region}:\\d{12}:table/${TableName}$`),
  );
  expect(table?.CreationDateTime).toBeInstanceOf(Date);
  const { TableNames } = await dynamodb.send(
    new ListTablesCommand({ ExclusiveStartTableName: TableName.slice(0, -1) }),
  );
  expect(TableNames).toContain(TableName);
});

test('a second table of the same name is refused', async () => {
  const TableName = await cloud.table();

  await expect(
    dynamodb.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      }),
    ),
  ).rejects.toMatchObject({ name: 'ResourceInUseException' });
});

test('a protected table is not deleted until its protection is taken away', async () => {
  const TableName = await cloud.table({ DeletionProtectionEnabled: true });

  await expect(dynamodb.send(new DeleteTableCommand({ TableName }))).rejects.toMatchObject({
    name: 'ValidationException',
    message: expect.stringContaining('protected against deletion'),
  });

  await dynamodb.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
  const { Table: table } = await dynamodb.send(new DescribeTableCommand({ TableName }));
  expect(table?.DeletionProtectionEnabled).toBe(false);
});

test('a table that is not there is not described', async () => {
  await expect(dynamodb.send(new DescribeTableCommand({ TableName: 'not-there' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'Requested resource not found: Table: not-there not found',
  });
});

test('point-in-time recovery is a setting that is kept', async () => {
  const TableName = await cloud.table();
  const status = async () =>
    (await dynamodb.send(new DescribeContinuousBackupsCommand({ TableName }))).ContinuousBackupsDescription
      ?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
  expect(await status()).toBe('DISABLED');

  await dynamodb.send(
    new UpdateContinuousBackupsCommand({
      TableName,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    }),
  );

  expect(await status()).toBe('ENABLED');
});

test('the time to live is off until it is set, and setting it as it is is refused', async () => {
  const TableName = await cloud.table();
  expect(await timeToLive(TableName)).toEqual({ TimeToLiveStatus: 'DISABLED' });
  await expect(setTimeToLive(TableName, false)).rejects.toThrow('TimeToLive is already disabled');

  await setTimeToLive(TableName, true);

  expect(await timeToLive(TableName)).toMatchObject({
    TimeToLiveStatus: expect.stringMatching(/^ENABL(ED|ING)$/),
    AttributeName: 'expiration',
  });
  await expect(setTimeToLive(TableName, true)).rejects.toMatchObject({ name: 'ValidationException' });
});

// Deletion takes AWS up to days.
test('an item is deleted some time after its expiry, not at once', async ({ skip }) => {
  if (!cloud.clock) skip("only the embedded cloud's clock can be moved");
  const TableName = await cloud.table();
  await setTimeToLive(TableName, true);
  const nowSeconds = Math.floor((cloud.clock?.now() ?? 0) / 1000);
  const FIVE_YEARS_SECONDS = 5 * 365 * 86_400;
  const items = {
    soon: nowSeconds + 60,
    later: nowSeconds + 86_400,
    text: String(nowSeconds - 60),
    ancient: nowSeconds - FIVE_YEARS_SECONDS - 3600,
    forever: undefined,
  };
  for (const [id, expiration] of Object.entries(items))
    await documents.send(new PutCommand({ TableName, Item: { id, expiration } }));
  const left = async () =>
    (await documents.send(new ScanCommand({ TableName }))).Items?.map(({ id }) => String(id)).sort();

  await cloud.clock?.advance(61_000);
  expect(await left()).toEqual(['ancient', 'forever', 'later', 'soon', 'text']);

  await cloud.clock?.advance(600_000);
  expect(await left()).toEqual(['ancient', 'forever', 'later', 'text']);

  await cloud.clock?.advance(90_000_000);
  expect(await left()).toEqual(['ancient', 'forever', 'text']);
});

test('an expiry that is moved on keeps the item', async ({ skip }) => {
  if (!cloud.clock) skip("only the embedded cloud's clock can be moved");
  const TableName = await cloud.table();
  await setTimeToLive(TableName, true);
  const expireIn = (seconds: number) =>
    documents.send(
      new PutCommand({
        TableName,
        Item: { id: 'moved', expiration: Math.floor((cloud.clock?.now() ?? 0) / 1000) + seconds },
      }),
    );
  await expireIn(60);
  await expireIn(86_400);

  await cloud.clock?.advance(3_600_000);

  const { Item } = await documents.send(new GetCommand({ TableName, Key: { id: 'moved' } }));
  expect(Item).toBeDefined();
});
