import type { Difference } from '../differences.ts';

const CREATE = 'https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html';
const URL_PAYLOADS = 'https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html';
const URL_SETTINGS = 'https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html';

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
  {
    tests: 'format 2.0 with duplicate headers combined with commas',
    localStack: 'gives the last one alone',
    aws: {
      says: 'Duplicate headers are combined with commas and included in the headers field.',
      at: 'https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html',
    },
  },
  {
    tests: 'format 2.0 with the cookies in a list of their own',
    localStack: 'leaves them in the header',
    aws: { says: 'An array containing all cookies sent as part of the request.', at: URL_PAYLOADS },
  },
  {
    tests: 'format 2.0 with a text that is not of ASCII alone as text',
    localStack: 'gives it in base64',
    aws: {
      says: 'If the content type of the request is binary, the body is base64-encoded.',
      at: URL_PAYLOADS,
    },
  },
  {
    tests: 'what the function returns sends a string with its quotes',
    localStack: 'sends it without them',
    aws: { says: 'content-length: 15 "Hello, world!"', at: URL_PAYLOADS },
  },
  {
    tests: 'what the function returns sends each cookie in a set-cookie header of its own',
    localStack: 'sends none',
    aws: {
      says: 'Lambda automatically interprets this and adds them as set-cookie headers in your HTTP response',
      at: URL_PAYLOADS,
    },
  },
  {
    tests: 'what the function returns answers 502 for a response that is none',
    localStack: 'answers 500',
  },
  {
    tests: /function URL of AuthType NONE answers 403/,
    localStack: 'invokes the function whatever its policy says',
    aws: {
      says: 'your function’s resource-based policy is always in effect and must grant public access before your function URL can receive requests.',
      at: 'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html',
    },
  },
  {
    tests: /function URL of AuthType NONE answers 429/,
    localStack: 'answers 500',
    aws: {
      says: 'Whenever your function concurrency exceeds the reserved concurrency, your function URL returns an HTTP 429 status code.',
      at: URL_SETTINGS,
    },
  },
];
