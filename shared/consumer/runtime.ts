import type { Logger } from '@aws-lambda-powertools/logger';
import type { Metrics } from '@aws-lambda-powertools/metrics';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { StepResults } from './step-results.ts';

/** All that a consumer touches outside itself; passed in, so that tests and simulations need no mocks. */
export interface Runtime {
  readonly dynamo: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  readonly jobsTable: string;
  readonly queueUrl: string;
  readonly scheduler: SchedulerClient;
  /** Where deferrals beyond 15 minutes wait, and the role that they are sent by. */
  readonly schedules: { readonly groupName: string; readonly roleArn: string };
  readonly results: StepResults;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
}
