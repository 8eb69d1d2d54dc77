import { fileURLToPath } from 'node:url';
import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { ApplicationLogLevel, LoggingFormat, SystemLogLevel } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { tableVariable } from '../../shared/jobs/environment.ts';
import { EMAIL_EVENTS, functionName } from '../../shared/jobs/names.ts';
import type { Settings } from '../config.ts';
import { AppFunction } from './app-function.ts';

export interface EmailEventRecorderProps {
  readonly settings: Settings;
  readonly table: TableV2;
  /** Gets the events that the function failed on three times. */
  readonly deadLetterQueue: IQueue;
}

const ENTRY = fileURLToPath(new URL('../../functions/email-events/handler.ts', import.meta.url));

/** The function that records SES's events: its bundle, log group, and a role that may put items and hand on what it failed on. */
export class EmailEventRecorder extends AppFunction {
  constructor(scope: Construct, id: string, { settings, table, deadLetterQueue }: EmailEventRecorderProps) {
    super(scope, id, {
      settings,
      functionName: functionName(settings.stage, EMAIL_EVENTS),
      description: "Records SES's events of sent e-mails",
      entry: ENTRY,
      memoryMegabytes: 256,
      timeoutSeconds: 30,
      environment: { [tableVariable(EMAIL_EVENTS)]: table.tableName },
      options: {
        // Lambda's own lines for each event would cost as much as the invocations.
        loggingFormat: LoggingFormat.JSON,
        systemLogLevelV2: SystemLogLevel.WARN,
        applicationLogLevelV2: ApplicationLogLevel[settings.logLevel],
        retryAttempts: 2,
        maxEventAge: Duration.hours(6),
        // Not SqsDestination, which grants more than sending.
        onFailure: { bind: () => ({ destination: deadLetterQueue.queueArn }) },
      },
    });
    this.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:PutItem'], resources: [table.tableArn] }));
    this.addToRolePolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetterQueue.queueArn] }),
    );
  }
}
