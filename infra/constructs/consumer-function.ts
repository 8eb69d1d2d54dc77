import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { functionTimeoutSeconds, type JobSettings } from '../../shared/jobs/define-job.ts';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { DefinitionError } from '../../shared/jobs/honest-jobs-error.ts';
import { metricNamespace } from '../../shared/jobs/metrics.ts';
import { functionName, scheduleNamePrefix, stepResultsPrefix } from '../../shared/jobs/names.ts';
import { jobPartitionKey } from '../../shared/jobs/record.ts';
import { bundledCode } from './bundled-code.ts';
import type { JobPlatform } from './job-platform.ts';

export interface ConsumerFunctionProps {
  readonly job: JobSettings;
  readonly platform: JobPlatform;
  readonly queue: IQueue;
  /** The file that exports `handler`. @default functions/<type>/handler.ts */
  readonly entry?: string;
}

/** The function that consumes a job type: its bundle, environment, log group, and a role that reaches nothing else. */
export class ConsumerFunction extends LambdaFunction {
  constructor(scope: Construct, id: string, props: ConsumerFunctionProps) {
    const { job, platform, queue } = props;
    const { settings, jobsTable, bucket, scheduleGroup, scheduleRole } = platform;
    const name = functionName(settings.stage, job.type);
    const logGroup = new LogGroup(scope, 'Logs', {
      // Where everybody looks for a function's logs.
      logGroupName: `/aws/lambda/${name}`,
      retention: settings.logRetentionDays,
      // Logs go with their function, whatever the stage keeps: what must outlive it is in the job's record.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // The role that the CDK makes by default may write to every log group of the account.
    const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    super(scope, id, {
      functionName: name,
      description: `Consumes ${job.type} jobs`,
      code: bundledCode(scope, props.entry ?? handlerOf(job)),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: settings.jobs[job.type]?.memoryMegabytes ?? job.memoryMegabytes,
      timeout: Duration.seconds(functionTimeoutSeconds(job)),
      role,
      logGroup,
      // Powertools writes JSON lines itself; Lambda's JSON format would filter them a second time, by a level of its own.
      loggingFormat: LoggingFormat.TEXT,
      environment: {
        [ENVIRONMENT.stage]: settings.stage,
        [ENVIRONMENT.jobsTable]: jobsTable.tableName,
        [ENVIRONMENT.queueUrl]: queue.queueUrl,
        [ENVIRONMENT.queueArn]: queue.queueArn,
        [ENVIRONMENT.scheduleGroup]: scheduleGroup.scheduleGroupName,
        [ENVIRONMENT.scheduleRoleArn]: scheduleRole.roleArn,
        [ENVIRONMENT.bucket]: bucket.bucketName,
        POWERTOOLS_SERVICE_NAME: job.type,
        POWERTOOLS_METRICS_NAMESPACE: metricNamespace(settings.stage),
        POWERTOOLS_LOG_LEVEL: settings.logLevel,
        NODE_OPTIONS: '--enable-source-maps',
      },
    });
    logGroup.grantWrite(role);
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
        actions: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
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
