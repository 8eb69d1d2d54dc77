import { Logger } from '@aws-lambda-powertools/logger';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { CLIENT_DEFAULTS, documentClient, s3Client } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required } from '../../shared/jobs/environment.ts';
import { StageData } from '../../shared/jobs/stage-data.ts';
import { type ExecutionStatusEvent, executionEnded } from '../../shared/stages/execution-ended.ts';
import { type SweepRequest, sweepEnds } from '../../shared/stages/sweep-ends.ts';

const runtime = {
  dynamo: documentClient(),
  sqs: new SQSClient(CLIENT_DEFAULTS),
  sfn: new SFNClient(CLIENT_DEFAULTS),
  jobsTable: required(ENVIRONMENT.jobsTable),
  data: new StageData(required(ENVIRONMENT.bucket), s3Client),
  logger: new Logger(),
  now: Date.now,
};

/** Told of an end by an event, or asked by the clock to look for ends that no event told of. */
export const handler = (event: ExecutionStatusEvent | SweepRequest, context: Context): Promise<void> =>
  'sweep' in event
    ? sweepEnds(event, runtime, () => context.getRemainingTimeInMillis())
    : executionEnded(event, runtime);
