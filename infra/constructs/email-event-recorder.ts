import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { tableVariable } from '../../shared/jobs/environment.ts';
import { EMAIL_EVENTS, functionName } from '../../shared/jobs/names.ts';
import type { Settings } from '../config.ts';
import { bundledCode } from './bundled-code.ts';

export interface EmailEventRecorderProps {
  readonly settings: Settings;
  readonly table: TableV2;
  /** Gets the events that the function failed on three times. */
  readonly deadLetterQueue: IQueue;
}

const ENTRY = fileURLToPath(new URL('../../functions/email-events/handler.ts', import.meta.url));

/** The function that records SES's events: its bundle, log group, and a role that may put items and hand on what it failed on. */
export class EmailEventRecorder extends LambdaFunction {
  constructor(scope: Construct, id: string, { settings, table, deadLetterQueue }: EmailEventRecorderProps) {
    const name = functionName(settings.stage, EMAIL_EVENTS);
    const logGroup = new LogGroup(scope, 'Logs', {
      logGroupName: `/aws/lambda/${name}`,
      retention: settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    super(scope, id, {
      functionName: name,
      description: "Records SES's events of sent e-mails",
      code: bundledCode(scope, ENTRY),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.seconds(30),
      role,
      logGroup,
      // Lambda's own lines for each event would cost as much as the invocations.
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      applicationLogLevelV2: ApplicationLogLevel[settings.logLevel],
      environment: {
        [tableVariable(EMAIL_EVENTS)]: table.tableName,
        NODE_OPTIONS: '--enable-source-maps',
      },
      retryAttempts: 2,
      maxEventAge: Duration.hours(6),
      // Not SqsDestination, which grants more than sending.
      onFailure: { bind: () => ({ destination: deadLetterQueue.queueArn }) },
    });
    logGroup.grantWrite(role);
    this.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:PutItem'], resources: [table.tableArn] }));
    this.addToRolePolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetterQueue.queueArn] }),
    );
  }
}
