import { Logger } from '@aws-lambda-powertools/logger';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { CLIENT_DEFAULTS, documentClient, s3Client } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required } from '../../shared/jobs/environment.ts';
import { StageData } from '../../shared/jobs/stage-data.ts';
import { type ExecutionStatusEvent, executionEnded } from '../../shared/stages/execution-ended.ts';

const runtime = {
  dynamo: documentClient(),
  sqs: new SQSClient(CLIENT_DEFAULTS),
  sfn: new SFNClient(CLIENT_DEFAULTS),
  jobsTable: required(ENVIRONMENT.jobsTable),
  data: new StageData(required(ENVIRONMENT.bucket), s3Client),
  logger: new Logger(),
  now: Date.now,
};

export const handler = (event: ExecutionStatusEvent): Promise<void> => executionEnded(event, runtime);
