import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { functionTimeoutSeconds, type JobSettings } from '../../shared/jobs/define-job.ts';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { DefinitionError } from '../../shared/jobs/honest-jobs-error.ts';
import { functionName, scheduleNamePrefix, stepResultsPrefix } from '../../shared/jobs/names.ts';
import { jobPartitionKey } from '../../shared/jobs/record.ts';
import { AppFunction } from './app-function.ts';
import type { JobPlatform } from './job-platform.ts';

export interface ConsumerFunctionProps {
  readonly job: JobSettings;
  readonly platform: JobPlatform;
  readonly queue: IQueue;
  /** The file that exports `handler`. @default functions/<type>/handler.ts */
  readonly entry?: string;
}

/** The function that consumes a job type: its bundle, environment, log group, and a role that reaches nothing else. */
export class ConsumerFunction extends AppFunction {
  constructor(scope: Construct, id: string, props: ConsumerFunctionProps) {
    const { job, platform, queue } = props;
    const { settings, jobsTable, bucket, scheduleGroup, scheduleRole } = platform;
    super(scope, id, {
      settings,
      functionName: functionName(settings.stage, job.type),
      description: `Consumes ${job.type} jobs`,
      entry: props.entry ?? handlerOf(job),
      memoryMegabytes: settings.jobs[job.type]?.memoryMegabytes ?? job.memoryMegabytes,
      timeoutSeconds: functionTimeoutSeconds(job),
      service: job.type,
      environment: {
        [ENVIRONMENT.stage]: settings.stage,
        [ENVIRONMENT.jobsTable]: jobsTable.tableName,
        [ENVIRONMENT.queueUrl]: queue.queueUrl,
        [ENVIRONMENT.queueArn]: queue.queueArn,
        [ENVIRONMENT.scheduleGroup]: scheduleGroup.scheduleGroupName,
        [ENVIRONMENT.scheduleRoleArn]: scheduleRole.roleArn,
        [ENVIRONMENT.bucket]: bucket.bucketName,
      },
    });
    this.addToRolePolicy(
      new PolicyStatement({
        actions: [
          'sqs:ReceiveMessage',
          'sqs:DeleteMessage',
          // Both of ChangeMessageVisibility and its batch form.
          'sqs:ChangeMessageVisibility',
          'sqs:GetQueueAttributes',
          // A deferred or renewed job goes back to its own queue.
          'sqs:SendMessage',
        ],
        resources: [queue.queueArn],
      }),
    );
    this.addToRolePolicy(
      new PolicyStatement({
        actions: [
          // Only a run that can be cancelled looks at its record.
          ...(job.cancellable ? ['dynamodb:GetItem'] : []),
          'dynamodb:Query',
          'dynamodb:PutItem',
          'dynamodb:UpdateItem',
        ],
        resources: [jobsTable.tableArn],
        // A consumer sees its own jobs only. A transaction is checked as the puts and updates that it holds, each with its key.
        conditions: {
          'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [jobPartitionKey(job.type, '*')] },
        },
      }),
    );
    this.addToRolePolicy(
      new PolicyStatement({
        actions: ['scheduler:CreateSchedule'],
        resources: [
          Stack.of(this).formatArn({
            service: 'scheduler',
            resource: 'schedule',
            resourceName: `${scheduleGroup.scheduleGroupName}/${scheduleNamePrefix(job.type)}*`,
            arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
          }),
        ],
      }),
    );
    this.addToRolePolicy(
      new PolicyStatement({
        actions: ['iam:PassRole'],
        resources: [scheduleRole.roleArn],
        conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
      }),
    );
    this.addToRolePolicy(
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:PutObject'],
        resources: [bucket.arnForObjects(`${stepResultsPrefix(job.type)}*`)],
      }),
    );
  }
}

/** By convention, so that a new job names its type once. */
function handlerOf({ type }: JobSettings): string {
  const entry = fileURLToPath(new URL(`../../functions/${type}/handler.ts`, import.meta.url));
  if (!existsSync(entry))
    throw new DefinitionError(
      `The job type "${type}" has no handler: write functions/${type}/handler.ts, which exports \`handler\`.`,
    );
  return entry;
}
