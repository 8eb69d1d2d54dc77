import { GetEventSourceMappingCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MappingCloud } from './lambda-mapping-cloud.ts';

let cloud: MappingCloud;

beforeAll(async () => {
  cloud = await MappingCloud.open();
});

afterEach(() => cloud.quiet());
afterAll(() => cloud.close());

const reporting = { FunctionResponseTypes: ['ReportBatchItemFailures' as const] };

describe("Lambda's event source mapping of an SQS queue", () => {
  it('invokes the function with the documented event', async () => {
    const mapped = await cloud.mapped();
    await cloud.send(mapped, [{ documented: true }]);
    await cloud.leaves(mapped, 0, 0);
  });

  it('deletes the messages of a batch when the function returns', async () => {
    const mapped = await cloud.mapped();
    await cloud.send(mapped, [{}, {}, {}]);
    await cloud.leaves(mapped, 0, 0);
  });

  it('hands over no more than BatchSize messages at a time', async () => {
    const mapped = await cloud.mapped({ mapping: { BatchSize: 2 } });
    await cloud.send(mapped, Array(7).fill({ batchUpTo: 2 }));
    await cloud.leaves(mapped, 0, 0);
  });

  it('leaves all messages of a batch hidden when the function fails, until their visibility timeout ends', async () => {
    const mapped = await cloud.mapped();
    await cloud.send(mapped, [{ receives: 2 }, { receives: 2 }]);
    await cloud.leaves(mapped, 0, 2);
    await cloud.pass(31);
    await cloud.leaves(mapped, 0, 0);
  });

  it('leaves all messages hidden when the function times out', async () => {
    const mapped = await cloud.mapped({ timeoutSeconds: 1 });
    await cloud.send(mapped, [{ sleepMs: 5_000 }]);
    await cloud.until(
      async () => (await cloud.sqs.attributes(mapped.queueUrl)).ApproximateNumberOfMessagesNotVisible === '1',
    );
    await cloud.leaves(mapped, 0, 1);
  });

  it('takes no notice of the response without ReportBatchItemFailures', async () => {
    const mapped = await cloud.mapped();
    await cloud.send(mapped, [{ answer: { batchItemFailures: [{ itemIdentifier: '$first' }] } }]);
    await cloud.leaves(mapped, 0, 0);
  });

  it('refuses a batch of more than ten without a batch window', async () => {
    await expect(cloud.mapped({ mapping: { BatchSize: 11 } })).rejects.toMatchObject({
      code: 'InvalidParameterValueException',
    });
  });

  it('refuses a queue whose visibility timeout is shorter than the timeout of the function', async () => {
    await expect(cloud.mapped({ queue: { VisibilityTimeout: '4' } })).rejects.toThrow(
      /Queue visibility timeout: 4 seconds is less than Function timeout: 5 seconds/,
    );
  });

  it.each([1, 1001])('refuses a MaximumConcurrency of %d', async (MaximumConcurrency) => {
    await expect(cloud.mapped({ mapping: { ScalingConfig: { MaximumConcurrency } } })).rejects.toThrow();
  });

  it('keeps a batch within 6 MB, whatever its size in messages', async () => {
    const mapped = await cloud.mapped({ timeoutSeconds: 30, queue: { VisibilityTimeout: '180' } });
    const large = { payloadUpToBytes: 6 * 1024 * 1024, filling: 'x'.repeat(1_000_000) };
    for (let sent = 0; sent < 8; sent++) await cloud.sqs.send(mapped.queueUrl, JSON.stringify(large));
    await cloud.leaves(mapped, 0, 0);
    // Where a batch is larger it fails and is hidden for minutes: no need to wait for them.
  }, 30_000);
});

describe('with ReportBatchItemFailures, a mapping', () => {
  it('deletes what is not named and leaves what is named hidden', async () => {
    const mapped = await cloud.mapped({ mapping: reporting });
    await cloud.send(mapped, [{ answer: { batchItemFailures: [{ itemIdentifier: '$first' }] } }, {}, {}]);
    await cloud.leaves(mapped, 0, 1);
  });

  it('leaves all messages hidden when the function throws', async () => {
    const mapped = await cloud.mapped({ mapping: reporting });
    await cloud.send(mapped, [{ receives: 9 }, {}]);
    await cloud.leaves(mapped, 0, 2);
  });

  it.each([
    ['an empty list', { batchItemFailures: [] }],
    ['a null list', { batchItemFailures: null }],
    ['an empty response', {}],
    ['a null response', null],
  ])('takes %s for the success of all', async (_, answer) => {
    const mapped = await cloud.mapped({ mapping: reporting });
    await cloud.send(mapped, [{ answer }, {}]);
    await cloud.leaves(mapped, 0, 0);
  });

  it.each([
    ['an id that is not in the batch', { batchItemFailures: [{ itemIdentifier: 'nobody' }] }],
    ['an empty id', { batchItemFailures: [{ itemIdentifier: '' }] }],
    ['a null id', { batchItemFailures: [{ itemIdentifier: null }] }],
    ['a key that is not itemIdentifier', { batchItemFailures: [{ messageId: '$first' }] }],
    [
      'an unknown id beside a known one',
      { batchItemFailures: [{ itemIdentifier: '$first' }, { itemIdentifier: 'x' }] },
    ],
  ])('takes %s for the failure of all', async (_, answer) => {
    const mapped = await cloud.mapped({ mapping: reporting });
    await cloud.send(mapped, [{ answer }, {}]);
    await cloud.leaves(mapped, 0, 2);
  });
});

describe('with a batch window, a mapping', () => {
  it('gathers more than ten messages until the window has passed', async (test) => {
    cloud.inside(test);
    const mapped = await cloud.mapped({ mapping: { BatchSize: 100, MaximumBatchingWindowInSeconds: 20 } });
    await cloud.send(mapped, Array(10).fill({ batchOf: 14 }));
    await cloud.send(mapped, Array(4).fill({ batchOf: 14 }));
    await cloud.until(
      async () =>
        (await cloud.sqs.attributes(mapped.queueUrl)).ApproximateNumberOfMessagesNotVisible === '14',
    );
    await cloud.pass(20);
    await cloud.leaves(mapped, 0, 0);
  });

  it('does not wait for its end once the batch is full', async (test) => {
    cloud.inside(test);
    const mapped = await cloud.mapped({ mapping: { BatchSize: 12, MaximumBatchingWindowInSeconds: 300 } });
    await cloud.send(mapped, Array(10).fill({ batchOf: 12 }));
    await cloud.send(mapped, Array(2).fill({ batchOf: 12 }));
    await cloud.leaves(mapped, 0, 0);
  });
});

describe('the concurrency of a mapping', () => {
  it('begins with five batches at a time', async (test) => {
    const lambda = cloud.inside(test);
    const mapped = await cloud.mapped({ mapping: { BatchSize: 1 } });
    await cloud.send(mapped, Array(8).fill({ sleepMs: 50 }));
    await cloud.until(() => lambda.running > 0);
    expect(lambda.running).toBe(5);
    await cloud.leaves(mapped, 0, 0);
  });

  it('stays within MaximumConcurrency', async (test) => {
    const lambda = cloud.inside(test);
    const mapped = await cloud.mapped({
      mapping: { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } },
    });
    let most = 0;
    await cloud.send(mapped, Array(6).fill({ sleepMs: 50 }));
    await cloud.until(async () => {
      most = Math.max(most, lambda.running);
      return (await cloud.sqs.attributes(mapped.queueUrl)).ApproximateNumberOfMessages === '0';
    });
    await cloud.leaves(mapped, 0, 0);
    expect(most).toBe(2);
  });
});

describe('disabling a mapping', () => {
  const stateOf = async (UUID: string) =>
    (await cloud.client.send(new GetEventSourceMappingCommand({ UUID }))).State;
  const enable = (UUID: string, Enabled: boolean) =>
    cloud.client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));

  it('takes effect late, and then leaves messages in the queue until it is enabled', async () => {
    const mapped = await cloud.mapped();
    const changed = await enable(mapped.uuid, false);
    expect(changed.State).toBe('Disabling');
    await cloud.pass(5);
    await cloud.until(async () => (await stateOf(mapped.uuid)) === 'Disabled');
    await cloud.send(mapped, [{}]);
    await cloud.pass(10);
    await cloud.leaves(mapped, 1, 0);
    await enable(mapped.uuid, true);
    await cloud.pass(5);
    await cloud.leaves(mapped, 0, 0);
    expect(await stateOf(mapped.uuid)).toBe('Enabled');
  });

  it('lets messages through that arrive before it takes effect', async (test) => {
    cloud.inside(test);
    const mapped = await cloud.mapped();
    await enable(mapped.uuid, false);
    await cloud.send(mapped, [{}]);
    await cloud.leaves(mapped, 0, 0);
  });

  it('lets the batch that runs come to its end', async (test) => {
    const lambda = cloud.inside(test);
    const mapped = await cloud.mapped();
    await cloud.send(mapped, [{ sleepMs: 100 }]);
    await cloud.until(() => lambda.running === 1);
    await enable(mapped.uuid, false);
    await cloud.leaves(mapped, 0, 0);
  });
});
