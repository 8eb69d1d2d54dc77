import { ListQueuesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../local/faults/index.ts';
import { AwsError } from '../../local/kernel/errors.ts';
import { type FunctionCloud, functionResource, startFunctions } from './lambda/function-cloud.ts';

let functions: FunctionCloud;

beforeEach(async () => {
  functions = await startFunctions({
    Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue' } },
    Probe: functionResource('probe'),
  });
});

afterEach(() => functions.stop());

function call(target: string, body: object) {
  const QueueUrl = functions.cloud.sqs.queueUrl('queue');
  return functions.invoke('probe', {
    do: 'call',
    service: 'sqs',
    target: `AmazonSQS.${target}`,
    body: { QueueUrl, ...body },
  });
}

const send = () => call('SendMessage', { MessageBody: 'x' });
const sent = () => functions.cloud.sqs.counts(functions.cloud.sqs.arnOf('queue')).visible;
const befall = (moment: 'before' | 'after', fault: Fault) =>
  functions.cloud.faults.add((one) => (one.moment === moment ? fault : undefined));

/** Until the function makes a call. */
function called(): Promise<void> {
  return new Promise((seen) =>
    functions.cloud.faults.add(() => {
      seen();
      return undefined;
    }),
  );
}

describe('the answer to a call', () => {
  it.each([
    ['before', 0],
    ['after', 1],
  ] as const)('is lost with its connection %s the effect', async (moment, messages) => {
    befall(moment, 'reset');
    expect(await send()).toMatchObject({ error: 'Unhandled', payload: { errorType: 'TypeError' } });
    expect(sent()).toBe(messages);
  });

  it.each([
    ['before', 0],
    ['after', 1],
  ] as const)('is a success with half a body %s the effect', async (moment, messages) => {
    befall(moment, 'half-answer');
    const { payload } = await send();
    expect(payload.status).toBe(200);
    expect(() => JSON.parse(payload.body)).toThrow(SyntaxError);
    expect(sent()).toBe(messages);
  });

  it('is slow by the seconds that are asked for, its effect with it', async () => {
    const reached = called();
    befall('before', { slowSeconds: 8 });
    const answered = send();
    await reached;
    expect(sent()).toBe(0);
    await functions.cloud.clock.advance(8_000);
    expect((await answered).payload.status).toBe(200);
    expect(sent()).toBe(1);
  });

  it('comes after the wait, when the caller has the patience', async () => {
    befall('after', { slowSeconds: 0.2 });
    const startedMs = functions.cloud.clock.now();
    expect((await send()).payload.status).toBe(200);
    expect(functions.cloud.clock.now() - startedMs).toBeGreaterThanOrEqual(200);
    expect(sent()).toBe(1);
  });

  it('is held until somebody lets it go', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const reached = called();
    befall('before', { heldUntil: promise });
    const answered = send();
    await reached;
    expect(sent()).toBe(0);
    resolve();
    expect((await answered).payload.status).toBe(200);
    expect(sent()).toBe(1);
  });

  it('never comes, until the caller is gone', async () => {
    const reached = called();
    befall('before', 'hang');
    const answered = send();
    await reached;
    await functions.cloud.clock.advance(10_000);
    expect((await answered).payload.errorType).toBe('Sandbox.Timedout');
    expect(sent()).toBe(0);
  });
});

describe('a batch', () => {
  const entries = ['a', 'b', 'c'].map((Id) => ({ Id, MessageBody: Id }));

  it('is refused in part: the rest is done, and the caller learns which', async () => {
    befall('before', { refuse: [1] });
    const { payload } = await call('SendMessageBatch', { Entries: entries });
    expect(JSON.parse(payload.body)).toMatchObject({
      Successful: [{ Id: 'a' }, { Id: 'c' }],
      Failed: [{ Id: 'b', SenderFault: false, Code: 'InternalError' }],
    });
    expect(sent()).toBe(2);
  });

  it('is refused in all of its parts, by an error of the caller’s own choice', async () => {
    befall('before', { refuse: 'all', error: new AwsError('InvalidMessageContents', 'no', 400) });
    const { payload } = await call('SendMessageBatch', { Entries: entries });
    expect(JSON.parse(payload.body).Failed).toMatchObject(
      entries.map(({ Id }) => ({ Id, SenderFault: true, Code: 'InvalidMessageContents' })),
    );
    expect(sent()).toBe(0);
  });

  it('is what is refused in part, and no other call', async () => {
    befall('before', { refuse: 'all' });
    expect((await send()).payload.body).toContain('has no Entries that could be refused');
  });
});

describe('a caller outside', () => {
  it('is under rules of its own', async () => {
    const sqs = new SQSClient({
      endpoint: functions.cloud.endpoint,
      region: functions.cloud.region,
      credentials: { accessKeyId: 'publisher', secretAccessKey: 'x' },
      maxAttempts: 1,
    });
    const seen: unknown[] = [];
    befall('before', 'reset');
    await expect(sqs.send(new ListQueuesCommand({}))).resolves.toBeDefined();
    functions.cloud.faults.addOutside(({ functionName, accessKeyId, operation, moment }) => {
      seen.push({ functionName, accessKeyId, operation });
      return moment === 'after' ? 'reset' : undefined;
    });
    const QueueUrl = functions.cloud.sqs.queueUrl('queue');
    await expect(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))).rejects.toThrow();
    expect(seen[0]).toEqual({ functionName: '', accessKeyId: 'publisher', operation: 'SendMessage' });
    expect(sent()).toBe(1);
    sqs.destroy();
  });
});
