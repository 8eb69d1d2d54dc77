import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCloud } from './cloud.ts';

const cloud = await startCloud();
afterAll(() => cloud.stop());

const TableName = 'letters';

beforeAll(() =>
  cloud.service.execute('CreateTable', {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [
      { AttributeName: 'box', KeyType: 'HASH' },
      { AttributeName: 'place', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'box', AttributeType: 'S' },
      { AttributeName: 'place', AttributeType: 'S' },
      { AttributeName: 'sender', AttributeType: 'B' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'bySender',
        KeySchema: [
          { AttributeName: 'sender', KeyType: 'HASH' },
          { AttributeName: 'box', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  }),
);

const put = (item: object) =>
  cloud.service.execute('PutItem', { TableName, Item: { box: { S: 'a' }, place: { S: 'b' }, ...item } });
const bytes = (count: number) => ({ B: Buffer.alloc(count).toString('base64') });

test.each([
  [
    'a hash key over 2,048 bytes',
    { box: { S: '€'.repeat(683) } },
    'One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes',
  ],
  [
    'a range key over 1,024 bytes',
    { place: { S: '€'.repeat(342) } },
    'One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes',
  ],
  [
    'a hash key of an index over 2,048 bytes',
    { sender: bytes(2049) },
    'One or more parameter values were invalid: Size limit exceeded for Index Key sender Actual Size: 2049 bytes Max Size: 2048 bytes IndexName: bySender',
  ],
  [
    'a range key of an index over 1,024 bytes',
    { box: { S: 'x'.repeat(1025) } },
    'One or more parameter values were invalid: Size limit exceeded for Index Key box Actual Size: 1025 bytes Max Size: 1024 bytes IndexName: bySender',
  ],
  [
    'an empty index key',
    { sender: { B: '' } },
    'One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty binary value. IndexName: bySender, IndexKey: sender',
  ],
])('%s is refused in the words of DynamoDB', async (_, item, message) => {
  await expect(put(item)).rejects.toMatchObject({ code: 'ValidationException', message });
});

test('keys at their limits are taken', async () => {
  await put({ box: { S: 'x'.repeat(1024) }, place: { S: 'é'.repeat(512) }, sender: bytes(2048) });
});

test('an update that empties an index key says that it was one', async () => {
  await put({ sender: bytes(3) });
  await expect(
    cloud.service.execute('UpdateItem', {
      TableName,
      Key: { box: { S: 'a' }, place: { S: 'b' } },
      UpdateExpression: 'SET sender = :none',
      ExpressionAttributeValues: { ':none': { B: '' } },
    }),
  ).rejects.toMatchObject({
    code: 'ValidationException',
    message: expect.stringContaining('The update expression attempted to update a secondary index key'),
  });
});
