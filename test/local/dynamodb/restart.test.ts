import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Cloud, JOBS, startCloud } from './cloud.ts';

let directory = '';
let cloud: Cloud | undefined;

async function started(): Promise<Cloud['service']> {
  cloud = await startCloud(directory);
  return cloud.service;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dynamodb-'));
});
afterEach(async () => {
  await cloud?.stop();
  rmSync(directory, { recursive: true });
});

test('tables, indexes, settings, items and client tokens are there after a restart', async () => {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const item = (id: string, balance: number) => ({
    id: { S: id },
    owner: { S: 'x' },
    balance: { N: String(balance) },
    expiry: { N: String(nowSeconds + 3600) },
  });
  const withdraw = {
    ClientRequestToken: 'token',
    TransactItems: [
      {
        Update: {
          TableName: 'jobs',
          Key: { id: { S: 'a' } },
          UpdateExpression: 'SET balance = balance - :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
        },
      },
    ],
  };
  const before = await started();
  await before.execute('CreateTable', {
    ...JOBS,
    AttributeDefinitions: [...JOBS.AttributeDefinitions, { AttributeName: 'owner', AttributeType: 'S' }],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'byOwner',
        KeySchema: [{ AttributeName: 'owner', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  });
  await before.execute('UpdateTimeToLive', {
    TableName: 'jobs',
    TimeToLiveSpecification: { AttributeName: 'expiry', Enabled: true },
  });
  await before.execute('PutItem', { TableName: 'jobs', Item: item('a', 10) });
  await before.execute('TransactWriteItems', withdraw);
  const described = await before.execute('DescribeTable', { TableName: 'jobs' });
  await cloud?.stop();

  const after = await started();

  expect(await after.execute('DescribeTable', { TableName: 'jobs' })).toEqual(described);
  await after.execute('TransactWriteItems', withdraw);
  expect(await after.execute('GetItem', { TableName: 'jobs', Key: { id: { S: 'a' } } })).toEqual({
    Item: item('a', 9),
  });
  expect(
    await after.execute('Query', {
      TableName: 'jobs',
      IndexName: 'byOwner',
      KeyConditionExpression: '#o = :x',
      ExpressionAttributeNames: { '#o': 'owner' },
      ExpressionAttributeValues: { ':x': { S: 'x' } },
    }),
  ).toMatchObject({ Items: [{ id: { S: 'a' }, owner: { S: 'x' } }] });
  await cloud?.clock.advance(4_000_000);
  expect(await after.execute('Scan', { TableName: 'jobs' })).toMatchObject({ Count: 0 });
});

test('what was acknowledged before a SIGKILL is there, and no transaction is there by half', async () => {
  const writer = fileURLToPath(new URL('./endless-writer.ts', import.meta.url));
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === 300) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');

  const service = await started();

  const { Items: items } = (await service.execute('Scan', { TableName: 'jobs' })) as {
    Items: { id: { S: string } }[];
  };
  const ids = new Set(items.map(({ id }) => id.S));
  for (const number of acknowledged) expect(ids).toContain(`left-${number}`);
  for (const id of ids)
    expect(ids).toContain(id.startsWith('left') ? id.replace('left', 'right') : id.replace('right', 'left'));
});
