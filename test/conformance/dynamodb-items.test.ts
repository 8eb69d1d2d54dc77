import { GetItemCommand, PutItemCommand, ReturnValue, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, describe, expect, test } from 'vitest';
import { dynamoDbTarget } from './dynamodb-target.ts';

const cloud = await dynamoDbTarget();
const { documents, dynamodb } = cloud;
const TableName = await cloud.table();
afterAll(() => cloud.stop());

const stored = async (id: string) =>
  (await documents.send(new GetCommand({ TableName, Key: { id }, ConsistentRead: true }))).Item;

const update = (id: string, UpdateExpression: string, values?: Record<string, unknown>) =>
  documents.send(
    new UpdateCommand({ TableName, Key: { id }, UpdateExpression, ExpressionAttributeValues: values }),
  );

const put = (item: Record<string, unknown>) => documents.send(new PutCommand({ TableName, Item: item }));

test('an item comes back as it was put: every type, nested', async () => {
  const Item = {
    id: { S: 'types' },
    text: { S: 'héllo, 世界' },
    empty: { S: '' },
    number: { N: '12345678901234567890.123456789012345678' },
    binary: { B: Buffer.from([0, 1, 254, 255]) },
    yes: { BOOL: true },
    nothing: { NULL: true },
    texts: { SS: ['a', 'b'] },
    numbers: { NS: ['1', '2.5'] },
    binaries: { BS: [Buffer.from('x')] },
    list: { L: [{ N: '1' }, { M: { deep: { L: [{ S: 'end' }] } } }] },
    map: { M: { '': { S: 'an empty name' } } },
  };
  await dynamodb.send(new PutItemCommand({ TableName, Item }));

  const { Item: read } = await dynamodb.send(new GetItemCommand({ TableName, Key: { id: Item.id } }));

  expect({ ...read, binary: { B: Buffer.from(read?.binary?.B ?? []) }, binaries: undefined }).toEqual({
    ...Item,
    binaries: undefined,
  });
  expect(read?.binaries?.BS?.map((bytes) => Buffer.from(bytes).toString())).toEqual(['x']);
});

test('numbers keep 38 digits and lose their leading and trailing zeros', async () => {
  const Key = { id: { S: 'digits' } };
  const set = (n: string) =>
    dynamodb.send(
      new UpdateItemCommand({
        TableName,
        Key,
        UpdateExpression: 'SET n = :n',
        ExpressionAttributeValues: { ':n': { N: n } },
        ReturnValues: ReturnValue.UPDATED_NEW,
      }),
    );

  expect((await set('007.500')).Attributes?.n).toEqual({ N: '7.5' });
  expect((await set('99999999999999999999999999999999999999')).Attributes?.n?.N).toHaveLength(38);
  await expect(set('999999999999999999999999999999999999999')).rejects.toThrow(
    'more than 38 significant digits',
  );
  await expect(set('1e126')).rejects.toThrow('Number overflow');
});

describe('update expressions', () => {
  test('arithmetic, if_not_exists and ADD start from nothing and then count', async () => {
    for (let round = 0; round < 3; round++)
      await update('counter', 'SET a = if_not_exists(a, :zero) + :two ADD b :two, tags :tags', {
        ':zero': 0,
        ':two': 2,
        ':tags': new Set([`round ${round % 2}`]),
      });

    expect(await stored('counter')).toEqual({
      id: 'counter',
      a: 6,
      b: 6,
      tags: new Set(['round 0', 'round 1']),
    });
  });

  test('subtraction of decimals is exact', async () => {
    await put({ id: 'decimals', balance: 0.3 });

    await update('decimals', 'SET balance = balance - :amount', { ':amount': 0.1 });

    expect(await stored('decimals')).toMatchObject({ balance: 0.2 });
  });

  test('nested paths are set and removed without touching their neighbours', async () => {
    await put({ id: 'paths', m: { keep: 1, gone: 2, nested: { cells: ['a', 'b'] } } });

    await update('paths', 'SET m.nested.cells[1] = :c, m.fresh = :c REMOVE m.gone', { ':c': 'c' });

    expect(await stored('paths')).toEqual({
      id: 'paths',
      m: { keep: 1, nested: { cells: ['a', 'c'] }, fresh: 'c' },
    });
  });

  test('a path through a map that is not there is refused', async () => {
    await put({ id: 'no-path' });

    await expect(update('no-path', 'SET m.nested = :v', { ':v': 1 })).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'The document path provided in the update expression is invalid for update',
    });
  });

  test('list elements are removed by the positions that they had before the update', async () => {
    await put({ id: 'elements', cells: ['a', 'b', 'c', 'd'] });

    await update('elements', 'REMOVE cells[0], cells[2]');

    expect(await stored('elements')).toMatchObject({ cells: ['b', 'd'] });
  });

  test('an index beyond the end of a list appends', async () => {
    await put({ id: 'append', cells: ['a'] });

    await update('append', 'SET cells[9] = :v', { ':v': 'b' });

    expect(await stored('append')).toMatchObject({ cells: ['a', 'b'] });
  });

  test('DELETE takes elements from a set, and the set with its last one', async () => {
    await put({ id: 'sets', tags: new Set(['a', 'b']) });

    await update('sets', 'DELETE tags :gone', { ':gone': new Set(['a']) });
    expect(await stored('sets')).toMatchObject({ tags: new Set(['b']) });

    await update('sets', 'DELETE tags :gone', { ':gone': new Set(['b']) });
    expect(await stored('sets')).toEqual({ id: 'sets' });
  });

  test('operands are read as they were before the update', async () => {
    await put({ id: 'swap', a: 1, b: 2 });

    await update('swap', 'SET a = b, b = a');

    expect(await stored('swap')).toEqual({ id: 'swap', a: 2, b: 1 });
  });

  test('the same expression with other values and other types is judged anew', async () => {
    await update('again', 'SET v = :v', { ':v': 1 });
    await update('again', 'SET v = :v', { ':v': 'text' });
    await update('again', 'SET v = :v', { ':v': { a: [1] } });
    expect(await stored('again')).toEqual({ id: 'again', v: { a: [1] } });

    await update('again', 'ADD n :v', { ':v': 5 });
    await update('again', 'ADD n :v', { ':v': 6 });
    expect(await stored('again')).toMatchObject({ n: 11 });
    await expect(update('again', 'ADD n :v', { ':v': 'text' })).rejects.toThrow('Incorrect operand type');
  });

  test.each([
    ['SET status = :v', { ':v': 1 }, 'reserved keyword: status'],
    ['SET a = :missing', { ':v': 1 }, 'attribute value: :missing'],
    ['SET a = :v', { ':v': 1, ':unused': 2 }, 'unused in expressions: keys: {:unused}'],
    ['SET a = :v, a = :v', { ':v': 1 }, 'Two document paths overlap'],
    ['SET a =', { ':v': 1 }, 'Syntax error'],
    ['SET id = :v', { ':v': 'x' }, 'This attribute is part of the key'],
  ])('%s is refused, saying why', async (expression, values, reason) => {
    await expect(update('refused', expression, values)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining(reason),
    });
  });

  test.each([
    ['NONE', undefined],
    ['ALL_OLD', { id: 'returned', a: 1, b: 1 }],
    ['UPDATED_OLD', { a: 1 }],
    ['ALL_NEW', { id: 'returned', a: 2, b: 1 }],
    ['UPDATED_NEW', { a: 2 }],
  ] as const)('ReturnValues %s answers %j', async (returned, expected) => {
    await put({ id: 'returned', a: 1, b: 1 });

    const { Attributes } = await documents.send(
      new UpdateCommand({
        TableName,
        Key: { id: 'returned' },
        UpdateExpression: 'SET a = a + :one',
        ExpressionAttributeValues: { ':one': 1 },
        ReturnValues: returned,
      }),
    );

    expect(Attributes).toEqual(expected);
  });
});

describe('limits', () => {
  const LIMIT_BYTES = 400 * 1024;
  const overheadBytes = Buffer.byteLength('id' + 'limit' + 'text');

  test('an item of 400 KB is taken, one byte more is refused; names and text count in UTF-8', async () => {
    const two = 'é'.repeat((LIMIT_BYTES - overheadBytes - 1) / 2);
    await put({ id: 'limit', text: `${two}x` });

    await expect(put({ id: 'limit', text: `${two}xx` })).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'Item size has exceeded the maximum allowed size',
    });
  });

  test('an update that makes an item too large is refused and changes nothing', async () => {
    await put({ id: 'grown', text: 'x'.repeat(300_000) });

    await expect(update('grown', 'SET more = :more', { ':more': 'x'.repeat(200_000) })).rejects.toMatchObject(
      {
        name: 'ValidationException',
        message: 'Item size to update has exceeded the maximum allowed size',
      },
    );
    expect(Object.keys((await stored('grown')) ?? {})).toEqual(['id', 'text']);
  });

  test('documents nested more than 32 levels deep are refused', async () => {
    const nested = (levels: number): unknown => (levels === 0 ? 'leaf' : { next: nested(levels - 1) });
    await put({ id: 'deep', document: nested(31) });

    await expect(put({ id: 'deep', document: nested(32) })).rejects.toThrow('Nesting Levels have exceeded');
  });

  test('an empty key, a key of the wrong type and a missing key are refused', async () => {
    await expect(put({ id: '' })).rejects.toThrow('cannot contain an empty string value. Key: id');
    await expect(put({ id: 5 })).rejects.toThrow('Type mismatch for key id expected: S actual: N');
    await expect(put({ other: 'x' })).rejects.toThrow('Missing the key id in the item');
  });

  test('a key of 2,048 bytes is taken, one byte more is refused to read and to write; text counts in UTF-8', async () => {
    const id = 'é'.repeat(1024);
    await put({ id, text: 'longest' });
    expect(await stored(id)).toEqual({ id, text: 'longest' });

    const longer = { name: 'ValidationException', message: expect.stringContaining('Size of hashkey') };
    await expect(put({ id: `${id}x` })).rejects.toMatchObject(longer);
    await expect(update(`${id}x`, 'SET a = :a', { ':a': 1 })).rejects.toMatchObject(longer);
    await expect(stored(`${id}x`)).rejects.toMatchObject(longer);
  });

  test('a table that is not there answers ResourceNotFoundException', async () => {
    await expect(
      documents.send(new GetCommand({ TableName: 'not-there', Key: { id: 'x' } })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

describe('batches', () => {
  test('a batch writes, deletes and reads several items', async () => {
    await put({ id: 'batch-gone' });

    const { UnprocessedItems } = await documents.send(
      new BatchWriteCommand({
        RequestItems: {
          [TableName]: [
            { PutRequest: { Item: { id: 'batch-1', n: 1 } } },
            { PutRequest: { Item: { id: 'batch-2', n: 2 } } },
            { DeleteRequest: { Key: { id: 'batch-gone' } } },
          ],
        },
      }),
    );
    expect(UnprocessedItems).toEqual({});

    const ids = ['batch-1', 'batch-2', 'batch-gone'];
    const { Responses } = await documents.send(
      new BatchGetCommand({
        RequestItems: { [TableName]: { Keys: ids.map((id) => ({ id })), ProjectionExpression: 'n' } },
      }),
    );
    const numbers = Responses?.[TableName]?.map(({ n }) => n as number);
    expect(numbers?.sort()).toEqual([1, 2]);
  });

  test('the same item twice, or more than 25 writes, are refused', async () => {
    const write = (ids: readonly string[]) =>
      documents.send(
        new BatchWriteCommand({
          RequestItems: { [TableName]: ids.map((id) => ({ PutRequest: { Item: { id } } })) },
        }),
      );

    await expect(write(['same', 'same'])).rejects.toThrow('Provided list of item keys contains duplicates');
    await expect(write(Array.from({ length: 26 }, (_, index) => `many-${index}`))).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });
});

test('deleting answers the old item when asked, and deleting nothing is no error', async () => {
  await put({ id: 'deleted', a: 1 });
  const remove = () =>
    documents.send(new DeleteCommand({ TableName, Key: { id: 'deleted' }, ReturnValues: 'ALL_OLD' }));

  expect((await remove()).Attributes).toEqual({ id: 'deleted', a: 1 });
  expect((await remove()).Attributes).toBeUndefined();
});
