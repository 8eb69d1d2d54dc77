import type { Logger } from '@aws-lambda-powertools/logger';
import type { Metrics } from '@aws-lambda-powertools/metrics';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** All that a consumer touches outside itself; passed in, so that tests and simulations need no mocks. */
export interface Runtime {
  readonly dynamo: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  readonly jobsTable: string;
  readonly queueUrl: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
}
