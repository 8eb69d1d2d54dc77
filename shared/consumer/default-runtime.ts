import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { ENVIRONMENT, required } from '../jobs/environment.ts';
import type { Runtime } from './runtime.ts';
import { StepResults } from './step-results.ts';

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
    scheduler: new SchedulerClient(CLIENT_DEFAULTS),
    schedules: {
      groupName: required(ENVIRONMENT.scheduleGroup),
      roleArn: required(ENVIRONMENT.scheduleRoleArn),
    },
    results: new StepResults(required(ENVIRONMENT.bucket), s3Client),
    logger: new Logger(),
    metrics: new Metrics(),
    now: Date.now,
    random: Math.random,
  };
}

let s3: Promise<S3Client> | undefined;

/** Loaded when first needed: it is large, and most functions never keep a large result. */
export function s3Client(): Promise<S3Client> {
  s3 ??= import('@aws-sdk/client-s3').then(({ S3Client }) => new S3Client(CLIENT_DEFAULTS));
  return s3;
}

export function documentClient(): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient(CLIENT_DEFAULTS), {
    marshallOptions: { removeUndefinedValues: true },
  });
}
