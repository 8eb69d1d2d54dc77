import { PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { MappingCloud } from './lambda-mapping-cloud.ts';

/** For a cloud whose clock cannot be moved. */
const WITHIN_MS = 110_000;

let cloud: MappingCloud;

beforeAll(async () => {
  cloud = await MappingCloud.open();
});

afterEach(() => cloud.quiet());
afterAll(() => cloud.close());

describe('a mapping of a throttled function', () => {
  it(
    'spends the receive without running any code, and tries again when the messages are visible',
    async () => {
      const mapped = await cloud.mapped();
      const FunctionName = mapped.functionName;
      await cloud.client.send(
        new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }),
      );
      await cloud.send(mapped, [{ receives: 2 }]);
      await cloud.until(
        async () =>
          (await cloud.sqs.attributes(mapped.queueUrl)).ApproximateNumberOfMessagesNotVisible === '1',
      );
      await cloud.pass(35);
      await cloud.client.send(
        new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 10 }),
      );
      await cloud.passUpTo(65);
      await cloud.leaves(mapped, 0, 0);
    },
    WITHIN_MS,
  );

  it(
    'tries the same receive again while its visibility timeout lasts',
    async () => {
      const mapped = await cloud.mapped({ queue: { VisibilityTimeout: '600' } });
      const FunctionName = mapped.functionName;
      await cloud.client.send(
        new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }),
      );
      await cloud.send(mapped, [{ documented: true }]);
      await cloud.until(
        async () =>
          (await cloud.sqs.attributes(mapped.queueUrl)).ApproximateNumberOfMessagesNotVisible === '1',
      );
      await cloud.client.send(
        new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 10 }),
      );
      await cloud.passUpTo(60);
      await cloud.leaves(mapped, 0, 0);
    },
    WITHIN_MS,
  );
});
