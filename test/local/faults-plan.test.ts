import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlannedFault } from '../../local/faults/index.ts';
import { AwsError } from '../../local/kernel/errors.ts';
import { type FunctionCloud, functionResource, startFunctions } from './lambda/function-cloud.ts';

let functions: FunctionCloud;
const RESOURCES = {
  Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue' } },
  Probe: functionResource('probe'),
};

beforeEach(async () => {
  functions = await startFunctions(RESOURCES);
});
afterEach(() => functions.stop());

async function send(cloud = functions): Promise<string> {
  const { error, payload } = await cloud.invoke('probe', {
    do: 'call',
    service: 'sqs',
    target: 'AmazonSQS.SendMessage',
    body: { QueueUrl: cloud.cloud.sqs.queueUrl('queue'), MessageBody: 'x' },
  });
  return error ? payload.errorType : String(payload.status);
}

const SEND = { functionName: 'probe', service: 'sqs', operation: 'SendMessage' };

describe('a plan', () => {
  it('lets each of its faults befall once, at its own count, and tells what has happened', async () => {
    await send();
    const planned: PlannedFault[] = [
      { kind: 'call', at: { ...SEND, nth: 2 }, fault: new AwsError('ServiceUnavailable', 'no', 503) },
      { kind: 'call', at: { ...SEND, nth: 3, moment: 'after' }, fault: 'kill' },
      { kind: 'call', at: { ...SEND, nth: 9 }, fault: 'kill' },
    ];
    const plan = functions.cloud.faults.plan(planned);
    expect([await send(), await send(), await send(), await send()]).toEqual([
      '200',
      '503',
      'Runtime.ExitError',
      '200',
    ]);
    expect(plan.happened).toEqual(planned.slice(0, 2));
  });

  it('begins and ends what lasts on the cloud’s clock', async () => {
    const error = new AwsError('ServiceUnavailable', 'no', 503);
    functions.cloud.faults.plan([
      { kind: 'outage', service: 'sqs', error, afterSeconds: 60, forSeconds: 600 },
    ]);
    expect(await send()).toBe('200');
    await functions.cloud.clock.advance(61_000);
    expect(await send()).toBe('503');
    await functions.cloud.clock.advance(600_000);
    expect(await send()).toBe('200');
  });

  it('is over when it is lifted', async () => {
    const error = new AwsError('ServiceUnavailable', 'no', 503);
    const plan = functions.cloud.faults.plan([
      { kind: 'outage', service: 'sqs', error },
      { kind: 'throttle', functionName: 'probe' },
      { kind: 'call', at: SEND, fault: 'kill' },
      { kind: 'outage', service: 'sqs', error, afterSeconds: 60 },
    ]);
    plan.lift();
    await functions.cloud.clock.advance(61_000);
    expect(await send()).toBe('200');
  });
});

describe('a storm', () => {
  async function weather(seed: number): Promise<string[]> {
    const cloud = await startFunctions(RESOURCES);
    const storm = cloud.cloud.faults.storm({
      seed,
      rates: { killedBefore: 0.1, killedAfter: 0.1, refused: 0.2, answerLost: 0.2 },
    });
    const seen: string[] = [];
    for (let nth = 0; nth < 20; nth++) seen.push(await send(cloud));
    const kinds = [...storm.happened.keys()];
    storm.lift();
    const after = await Promise.all([1, 2, 3].map(() => send(cloud)));
    await cloud.stop();
    expect(after).toEqual(['200', '200', '200']);
    expect(kinds.length).toBeGreaterThan(1);
    return seen;
  }

  it('draws the same faults from the same seed, and others from another', async () => {
    const [one, again, other] = await Promise.all([weather(1), weather(1), weather(2)]);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
    expect(new Set(one)).toEqual(new Set(['200', '500', '503', 'Runtime.ExitError']));
  });

  it('strikes about as often as its rates say', async () => {
    const storm = functions.cloud.faults.storm({ seed: 3, rates: { refused: 0.25 } });
    for (let nth = 0; nth < 200; nth++) await send();
    const refused = storm.happened.get('refused') ?? 0;
    expect(refused).toBeGreaterThan(30);
    expect(refused).toBeLessThan(75);
    expect(storm.happened.size).toBe(1);
  });
});
