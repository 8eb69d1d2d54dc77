import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { DefinitionError } from '../../shared/jobs/honest-jobs-error.ts';
import { stageDataPrefix, stageFunctionName, stepResultsPrefix } from '../../shared/jobs/names.ts';
import { jobPartitionKey } from '../../shared/jobs/record.ts';
import type { StagedJobSettings, StageSettings } from '../../shared/jobs/staged-job.ts';
import { AppFunction } from './app-function.ts';
import type { JobPlatform } from './job-platform.ts';
import { stageFunctionTimeoutSeconds } from './stage-machine.ts';

export interface StageFunctionProps {
  readonly job: StagedJobSettings;
  readonly stage: StageSettings;
  readonly platform: JobPlatform;
  /** The file that exports `handler`. @default functions/<type>/<stage>.ts */
  readonly entry?: string;
}

/** The function of one stage, with a role that reaches its job's records and data and nothing else. */
export class StageFunction extends AppFunction {
  constructor(scope: Construct, id: string, { job, stage, platform, entry }: StageFunctionProps) {
    const { settings, jobsTable, bucket } = platform;
    super(new Construct(scope, `Stage-${id}`), 'Function', {
      settings,
      functionName: stageFunctionName(settings.stage, job.type, stage.name),
      description: `Stage ${stage.name} of ${job.type} jobs`,
      entry: entry ?? entryOf(job, stage),
      memoryMegabytes: stage.memoryMegabytes,
      timeoutSeconds: stageFunctionTimeoutSeconds(stage),
      service: job.type,
      environment: {
        [ENVIRONMENT.stage]: settings.stage,
        [ENVIRONMENT.jobsTable]: jobsTable.tableName,
        [ENVIRONMENT.bucket]: bucket.bucketName,
      },
    });
    this.addToRolePolicy(
      new PolicyStatement({
        actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:ConditionCheckItem'],
        resources: [jobsTable.tableArn],
        conditions: {
          'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [jobPartitionKey(job.type, '*')] },
        },
      }),
    );
    this.addToRolePolicy(
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:PutObject'],
        resources: [stageDataPrefix(job.type), stepResultsPrefix(job.type)].map((prefix) =>
          bucket.arnForObjects(`${prefix}*`),
        ),
      }),
    );
  }
}

/** By convention, as for jobs. */
function entryOf({ type }: StagedJobSettings, { name }: StageSettings): string {
  const entry = fileURLToPath(new URL(`../../functions/${type}/${name}.ts`, import.meta.url));
  if (!existsSync(entry))
    throw new DefinitionError(
      `Stage "${name}" of ${type} has no handler: write functions/${type}/${name}.ts, which exports \`handler\`.`,
    );
  return entry;
}
