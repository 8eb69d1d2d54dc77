import { crc32 } from 'node:zlib';
import { ExecuteStatementCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, expect, test } from 'vitest';
import { JOBS, startCloud } from './cloud.ts';

const cloud = await startCloud();
await cloud.service.execute('CreateTable', JOBS);
afterAll(() => cloud.stop());

const call = (operation: string, body: string) =>
  fetch(cloud.endpoint, {
    method: 'POST',
    headers: {
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, Signature=none',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      'content-type': 'application/x-amz-json-1.0',
    },
    body,
  });

test.each([
  ['an answer', 'PutItem', { TableName: 'jobs', Item: { id: { S: 'é' } }, ReturnValues: 'ALL_OLD' }, 200],
  ['an error', 'PutItem', { TableName: 'jobs', Item: {} }, 400],
])('%s carries the checksum of its bytes', async (_title, operation, input, status) => {
  const response = await call(operation, JSON.stringify(input));

  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.0');
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.headers.get('x-amz-crc32')).toBe(String(crc32(bytes)));
});

test.each([
  ['PutItem', 'no json', 'SerializationException'],
  ['PutItem', '[]', 'SerializationException'],
  ['PutItem', '{"TableName":"jobs","Item":{"id":{"S":5}}}', 'SerializationException'],
  ['PutItem', '{"TableName":"jobs","Item":{"id":{}}}', 'ValidationException'],
  ['PutItem', '{"TableName":"jobs","Item":{"id":{"S":"x"}},"Frobnicate":true}', 'ValidationException'],
  ['MakeCoffee', '{}', 'UnknownOperationException'],
])('%s with %s is refused with %s', async (operation, body, code) => {
  const response = await call(operation, body);

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ __type: code });
});

test('PartiQL is refused clearly', async () => {
  await expect(
    cloud.client.send(new ExecuteStatementCommand({ Statement: 'SELECT * FROM "jobs"' })),
  ).rejects.toThrow('The local cloud does not serve PartiQL');
});
