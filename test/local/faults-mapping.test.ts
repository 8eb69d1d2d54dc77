import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FunctionCloud, functionResource, startFunctions } from './lambda/function-cloud.ts';

let functions: FunctionCloud;
let queueArn: string;

beforeEach(async () => {
  functions = await startFunctions({
    Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue', VisibilityTimeout: 60 } },
    Probe: functionResource('probe'),
    Mapping: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
        FunctionName: { Ref: 'Probe' },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        BatchSize: 10,
      },
    },
  });
  queueArn = functions.cloud.sqs.arnOf('queue');
});

afterEach(() => functions.stop());

interface Seen {
  readonly receives: string[];
  readonly deletes: string[];
}

function watch(): Seen {
  const seen: Seen = { receives: [], deletes: [] };
  functions.cloud.sqs.observe(({ type, messageId }) => {
    if (type === 'received') seen.receives.push(messageId);
    if (type === 'deleted') seen.deletes.push(messageId);
  });
  return seen;
}

const send = (body: object = { do: 'echo' }) =>
  functions.cloud.sqs.send(queueArn, { MessageBody: JSON.stringify(body) });

/** Runs all that there is, skipping the time between. */
async function drain(): Promise<void> {
  const { cloud } = functions;
  for (;;) {
    while (!cloud.idle()) await new Promise((turn) => setTimeout(turn, 2));
    const nextMs = cloud.nextEventMs();
    if (nextMs === undefined) return;
    await cloud.clock.pass(Math.max(1, nextMs - cloud.clock.now()));
  }
}

/** The rule holds for the first occasion alone. */
function first<Fault>(fault: Fault): () => Fault | undefined {
  let told = false;
  return () => {
    if (told) return undefined;
    told = true;
    return fault;
  };
}

describe('a delivery', () => {
  it.each(['twice', 'twice-at-once', 'visible-early'] as const)('can come again: %s', async (fault) => {
    const seen = watch();
    functions.cloud.faults.deliver(first(fault));
    const id = send();
    await drain();
    expect(seen.receives).toEqual([id, id]);
    expect(functions.cloud.sqs.counts(queueArn)).toMatchObject({ visible: 0, notVisible: 0 });
  });

  it('can be late', async () => {
    const seen = watch();
    functions.cloud.faults.delay(first(120));
    const [late, prompt] = [send(), send()];
    const startedMs = functions.cloud.clock.now();
    await drain();
    expect(seen.receives).toEqual([prompt, late]);
    expect(functions.cloud.clock.now() - startedMs).toBeGreaterThanOrEqual(119_000);
  });

  it('can come in another order than it was sent in', async () => {
    const resume = functions.cloud.faults.pause(queueArn);
    await functions.cloud.clock.advance(6000);
    const sent = Array.from({ length: 10 }, () => send());
    functions.cloud.faults.shuffle(() => 0);
    const orders: string[][] = [];
    functions.cloud.faults.deliver(({ message, nth }) => {
      if (nth === 1) orders.push([]);
      orders[0]?.push(message.messageId);
      return undefined;
    });
    resume();
    await functions.cloud.clock.advance(6000);
    await drain();
    expect(orders[0]).not.toEqual(sent);
    expect([...(orders[0] ?? [])].sort()).toEqual([...sent].sort());
  });
});

describe('an acknowledgement', () => {
  it('can be refused: what was done comes again', async () => {
    const seen = watch();
    functions.cloud.faults.acknowledge(first('refused' as const));
    const id = send();
    await drain();
    expect(seen).toEqual({ receives: [id, id], deletes: [id] });
  });

  it('can be lost: what was done is deleted, and the mapping goes on', async () => {
    const seen = watch();
    functions.cloud.faults.acknowledge(first('lost' as const));
    const [one, two] = [send(), send()];
    await drain();
    expect([...seen.receives].sort()).toEqual([one, two].sort());
    expect([...seen.deletes].sort()).toEqual([one, two].sort());
  });
});

describe('the answer of a function', () => {
  it.each([
    ['malformed', 2],
    ['unknown-id', 2],
    ['empty-id', 2],
    ['all-failed', 2],
    ['null', 1],
  ] as const)('that is spoilt (%s) makes for %i receives', async (fault, receives) => {
    const seen = watch();
    functions.cloud.faults.answer(first(fault));
    send();
    await drain();
    expect(seen.receives).toHaveLength(receives);
    expect(seen.deletes).toHaveLength(1);
  });
});

describe('a mapping', () => {
  it('can be throttled: receives are spent and nothing runs', async () => {
    const seen = watch();
    const end = functions.cloud.faults.throttle('probe');
    send();
    await functions.cloud.clock.advance(150_000);
    expect(seen.receives.length).toBeGreaterThanOrEqual(2);
    expect(functions.lines).toEqual([]);
    end();
    await drain();
    expect(seen.deletes).toHaveLength(1);
  });

  it('can be disabled in the middle, and goes on', async () => {
    const seen = watch();
    const resume = functions.cloud.faults.pause(queueArn);
    await functions.cloud.clock.advance(6000);
    send();
    await functions.cloud.clock.advance(600_000);
    expect(seen.receives).toEqual([]);
    resume();
    await functions.cloud.clock.advance(6000);
    await drain();
    expect(seen.deletes).toHaveLength(1);
  });

  it('can be enabled again before it was disabled at all', async () => {
    const seen = watch();
    functions.cloud.faults.pause(queueArn)();
    await functions.cloud.clock.advance(15_000);
    send();
    await drain();
    expect(seen.deletes).toHaveLength(1);
  });

  it('is named when it is not there', () => {
    expect(() => functions.cloud.faults.pause('arn:aws:sqs:us-east-1:0:other')).toThrow(
      'No function is mapped to arn:aws:sqs:us-east-1:0:other.',
    );
  });
});

describe('an environment', () => {
  const dateOf = async () => (await functions.invoke('probe', { do: 'dates' })).payload.now as number;
  const skewOf = async () => Math.round(((await dateOf()) - functions.cloud.clock.now()) / 1000) + 0;

  it('can live in a time of its own, and turn it back', async () => {
    const { faults } = functions.cloud;
    expect(await skewOf()).toBe(0);
    faults.skew('probe', 60);
    const ahead = await dateOf();
    expect(await skewOf()).toBe(60);
    const end = faults.skew('probe', -60);
    expect(await skewOf()).toBe(-60);
    expect(await dateOf()).toBeLessThan(ahead);
    await faults.kill('probe');
    expect(await skewOf()).not.toBe(0);
    end();
    expect(await skewOf()).toBe(0);
  });

  it('keeps the time that is left to it, whatever its clock says', async () => {
    functions.cloud.faults.skew('probe', -60);
    const { payload } = await functions.invoke('probe', { do: 'context' });
    expect(payload.remainingMs).toBeLessThanOrEqual(10_000);
    expect(payload.remainingMs).toBeGreaterThan(5000);
  });

  it('can fail to start', async () => {
    functions.cloud.faults.start(first('fails-to-start' as const));
    expect(await functions.invoke('probe', {})).toMatchObject({
      error: 'Unhandled',
      payload: { errorMessage: 'The environment failed to start.' },
    });
    expect((await functions.invoke('probe', {})).error).toBeUndefined();
  });
});

describe('a deploy', () => {
  it('runs new invocations by the new code, while old ones end by the old, and is rolled back', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-bundle-'));
    writeFileSync(join(directory, 'index.js'), `exports.handler = async () => 'new';`);
    const running = functions.invoke('probe', { do: 'sleep', ms: 200 });
    while (functions.cloud.lambda.running === 0) await new Promise((turn) => setImmediate(turn));
    const rollBack = functions.cloud.faults.deploy('probe', directory);
    expect((await functions.invoke('probe', { a: 1 })).payload).toBe('new');
    expect((await running).error).toBeUndefined();
    rollBack();
    expect((await functions.invoke('probe', { a: 1 })).payload).toEqual({ a: 1 });
  });
});
