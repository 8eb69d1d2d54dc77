import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AwsError } from '../../local/kernel/errors.ts';
import { type FunctionCloud, functionResource, startFunctions } from './lambda/function-cloud.ts';

let functions: FunctionCloud;
let queueArn: string;

beforeEach(async () => {
  functions = await startFunctions({
    Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue' } },
    Probe: functionResource('probe'),
    Other: functionResource('probe', { FunctionName: 'other' }),
  });
  queueArn = functions.cloud.sqs.arnOf('queue');
});

afterEach(() => functions.stop());

function send(name = 'probe') {
  const QueueUrl = functions.cloud.sqs.queueUrl('queue');
  const body = { QueueUrl, MessageBody: 'x' };
  return functions.invoke(name, { do: 'call', service: 'sqs', target: 'AmazonSQS.SendMessage', body });
}

const sent = () => functions.cloud.sqs.counts(queueArn).visible;
const point = { functionName: 'probe', service: 'sqs', operation: 'SendMessage' };

describe('a fault', () => {
  it('kills a function before its call has any effect', async () => {
    functions.cloud.faults.killAt(point);
    expect(await send()).toMatchObject({ error: 'Unhandled', payload: { errorType: 'Runtime.ExitError' } });
    expect(sent()).toBe(0);
  });

  it('kills a function after the effect of its call and before its answer', async () => {
    functions.cloud.faults.killAt({ ...point, moment: 'after' });
    expect(await send()).toMatchObject({ error: 'Unhandled', payload: { errorType: 'Runtime.ExitError' } });
    expect(sent()).toBe(1);
  });

  it('waits for the nth call, and happens once', async () => {
    functions.cloud.faults.killAt({ ...point, nth: 2 });
    expect((await send()).error).toBeUndefined();
    expect((await send()).error).toBe('Unhandled');
    expect((await send()).error).toBeUndefined();
    expect(sent()).toBe(2);
  });

  it('befalls the function that it names and no other caller', async () => {
    functions.cloud.faults.killAt(point);
    expect((await send('other')).error).toBeUndefined();
  });

  it('answers a call with an error, its effect undone or done', async () => {
    const error = new AwsError('ThrottlingException', 'slow down', 429);
    const take = functions.cloud.faults.add(({ moment }) => (moment === 'before' ? error : undefined));
    expect((await send()).payload).toMatchObject({
      status: 429,
      body: expect.stringContaining('ThrottlingException'),
    });
    expect(sent()).toBe(0);
    take();
    functions.cloud.faults.add(({ moment }) => (moment === 'after' ? error : undefined));
    expect((await send()).payload.status).toBe(429);
    expect(sent()).toBe(1);
  });

  it('can be chosen by what the call says', async () => {
    const seen: unknown[] = [];
    functions.cloud.faults.killWhen((call) => {
      seen.push(call.input());
      return false;
    });
    await send();
    expect(seen[0]).toMatchObject({ MessageBody: 'x' });
  });

  it('kills everything of a function at once', async () => {
    const sleeping = functions.invoke('probe', { do: 'sleep', ms: 60_000 });
    while (functions.cloud.lambda.running === 0) await new Promise((turn) => setImmediate(turn));
    await functions.cloud.faults.kill('probe');
    expect((await sleeping).payload.errorType).toBe('Runtime.ExitError');
  });
});
