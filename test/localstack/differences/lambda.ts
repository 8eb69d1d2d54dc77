import type { Difference } from '../differences.ts';

const CREATE = 'https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html';

export const LAMBDA_DIFFERENCES: readonly Difference[] = [
  {
    tests: 'an SQS queue refuses a batch of more than ten without a batch window',
    localStack: 'refuses it with another code',
    aws: {
      says: 'when you set BatchSize to a value greater than 10, you must set MaximumBatchingWindowInSeconds to at least 1.',
      at: CREATE,
    },
  },
  {
    tests:
      'an SQS queue refuses a queue whose visibility timeout is shorter than the timeout of the function',
    localStack: 'maps it',
  },
  {
    tests: /an SQS queue refuses a MaximumConcurrency of/,
    localStack: 'maps it',
    aws: {
      says: 'Valid Range: Minimum value of 2.',
      at: 'https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html',
    },
  },
  {
    tests: 'an SQS queue keeps a batch within 6 MB, whatever its size in messages',
    localStack: 'hands over 8 MB',
    aws: {
      says: 'The maximum payload size is 6 MB for synchronous invocations',
      at: 'https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html',
    },
  },
  {
    tests:
      'a mapping of a throttled function tries the same receive again while its visibility timeout lasts',
    localStack: 'leaves the messages hidden until their visibility timeout ends',
  },
];
