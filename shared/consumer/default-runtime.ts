import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { ENVIRONMENT, required } from '../jobs/environment.ts';
import type { Runtime } from './runtime.ts';

/**
 * A call that hangs must end well within a job's timeout, so that the SDK's own second try still fits.
 * The SDK itself sets no request timeout.
 */
export const CLIENT_DEFAULTS = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 5000, throwOnRequestTimeout: true },
} as const;

/** The runtime of a deployed function: clients from the environment's credentials, the rest from what infra set. */
export function defaultRuntime(): Runtime {
  return {
    dynamo: documentClient(),
    sqs: new SQSClient(CLIENT_DEFAULTS),
    jobsTable: required(ENVIRONMENT.jobsTable),
    queueUrl: required(ENVIRONMENT.queueUrl),
    logger: new Logger(),
    metrics: new Metrics(),
    now: Date.now,
    random: Math.random,
  };
}

export function documentClient(): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient(CLIENT_DEFAULTS), {
    marshallOptions: { removeUndefinedValues: true },
  });
}
