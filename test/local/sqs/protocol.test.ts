import { describe, expect, it } from 'vitest';
import { openSqs, serveSqs } from './sqs-lab.ts';

const SIGNED = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0',
};

async function call(
  endpoint: string,
  operation: string,
  input: object,
  headers: Record<string, string> = {},
) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      ...SIGNED,
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `AmazonSQS.${operation}`,
      ...headers,
    },
    body: JSON.stringify(input),
  });
  return {
    status: response.status,
    queryError: response.headers.get('x-amzn-query-error'),
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe('SQS on the wire', () => {
  it('names an error by its shape, and by its older code in a header', async () => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    expect(await call(served.endpoint, 'GetQueueUrl', { QueueName: 'absent' })).toEqual({
      status: 400,
      queryError: 'AWS.SimpleQueueService.NonExistentQueue;Sender',
      body: { __type: 'QueueDoesNotExist', message: 'The specified queue does not exist.' },
    });
  });

  it('finds a queue by the end of its URL, so that a URL outlives a change of port', async () => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    lab.sqs.createQueue('jobs');
    const QueueUrl = 'http://localhost:1/000000000000/jobs';
    expect(await call(served.endpoint, 'SendMessage', { QueueUrl, MessageBody: 'x' })).toMatchObject({
      status: 200,
    });
  });

  it('gives a message the trace header of its request, unless it names one itself', async () => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    const QueueUrl = lab.sqs.createQueue('jobs');
    const traced = { 'x-amzn-trace-id': 'Root=1-2-3;Lineage=a87bd80c:1' };
    const own = { AWSTraceHeader: { DataType: 'String', StringValue: 'Root=4-5-6' } };
    const { body } = await call(served.endpoint, 'SendMessage', { QueueUrl, MessageBody: 'one' }, traced);
    expect(body).not.toHaveProperty('MD5OfMessageSystemAttributes');
    const Entries = [
      { Id: 'of-the-request', MessageBody: 'two' },
      { Id: 'its-own', MessageBody: 'three', MessageSystemAttributes: own },
    ];
    await call(served.endpoint, 'SendMessageBatch', { QueueUrl, Entries }, traced);
    await call(served.endpoint, 'SendMessage', { QueueUrl, MessageBody: 'four' });
    const received = await lab.sqs.receive(lab.sqs.arnOf('jobs'));
    expect(
      Object.fromEntries(received.map(({ body: of, attributes }) => [of, attributes.AWSTraceHeader])),
    ).toEqual({
      one: traced['x-amzn-trace-id'],
      two: traced['x-amzn-trace-id'],
      three: 'Root=4-5-6',
      four: undefined,
    });
  });

  it.each([
    ['an operation that it does not know', 'AddPermission', {}, /AddPermission/],
    ['a parameter that it does not know', 'CreateQueue', { QueueName: 'a', Colour: 'blue' }, /"Colour"/],
    ['a FIFO queue', 'CreateQueue', { QueueName: 'a.fifo' }, /standard queues only/],
    ['FIFO attributes', 'CreateQueue', { QueueName: 'a', Attributes: { FifoQueue: 'true' } }, /standard/],
    ['a KMS key', 'CreateQueue', { QueueName: 'a', Attributes: { KmsMasterKeyId: 'k' } }, /no KMS/],
    ['a parameter of another type', 'CreateQueue', { QueueName: 7 }, /QueueName must be a string/],
  ])('refuses %s, and says what is wrong', async (_, operation, input, message) => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    const { status, body } = await call(served.endpoint, operation, input);
    expect(status).toBe(400);
    expect(body.message).toMatch(message);
  });

  it('tells a client of the older query protocol what to do', async () => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    const response = await fetch(served.endpoint, {
      method: 'POST',
      headers: { ...SIGNED, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Action=ListQueues&Version=2012-11-05',
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/<Message>[^<]*use a version of 2024 or later/);
  });
});
