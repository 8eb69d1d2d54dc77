import { Logger } from '@aws-lambda-powertools/logger';
import { documentClient, type Runtime, s3Client } from '../consumer/index.ts';
import { StepResults } from '../consumer/step-results.ts';
import { ENVIRONMENT, required } from '../jobs/environment.ts';
import { StageData } from '../jobs/stage-data.ts';

/** All that a stage touches outside itself. */
export interface StageRuntime extends Pick<Runtime, 'dynamo' | 'jobsTable' | 'results' | 'logger' | 'now'> {
  readonly data: StageData;
}

/** The runtime of a deployed stage. */
export function defaultStageRuntime(): StageRuntime {
  const bucket = required(ENVIRONMENT.bucket);
  return {
    dynamo: documentClient(),
    jobsTable: required(ENVIRONMENT.jobsTable),
    results: new StepResults(bucket, s3Client),
    data: new StageData(bucket, s3Client),
    logger: new Logger(),
    now: Date.now,
  };
}
