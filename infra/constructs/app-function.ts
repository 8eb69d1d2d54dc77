import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type FunctionOptions,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { metricNamespace } from '../../shared/jobs/metrics.ts';
import type { Settings } from '../config.ts';
import { bundledCode } from './bundled-code.ts';

export interface AppFunctionProps {
  readonly settings: Settings;
  readonly functionName: string;
  readonly description: string;
  /** The file that exports `handler`. */
  readonly entry: string;
  readonly memoryMegabytes: number;
  readonly timeoutSeconds: number;
  /** What its logs and metrics are told apart by. @default none: it writes no Powertools lines */
  readonly service?: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What is unlike the others. */
  readonly options?: Pick<
    FunctionOptions,
    | 'loggingFormat'
    | 'systemLogLevelV2'
    | 'applicationLogLevelV2'
    | 'retryAttempts'
    | 'maxEventAge'
    | 'onFailure'
    | 'reservedConcurrentExecutions'
  >;
}

/** A function of this app: its bundle, its log group, and a role that may write there and do nothing else yet. */
export class AppFunction extends LambdaFunction {
  constructor(scope: Construct, id: string, props: AppFunctionProps) {
    const { settings, functionName, service } = props;
    const logGroup = new LogGroup(scope, 'Logs', {
      // Where everybody looks for a function's logs.
      logGroupName: `/aws/lambda/${functionName}`,
      retention: settings.logRetentionDays,
      // Logs go with their function, whatever the stage keeps: what must outlive it is in the job's record.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // The role that the CDK makes by default may write to every log group of the account.
    const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    super(scope, id, {
      functionName,
      description: props.description,
      code: bundledCode(scope, props.entry),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMegabytes,
      timeout: Duration.seconds(props.timeoutSeconds),
      role,
      logGroup,
      // Powertools writes JSON lines itself; Lambda's JSON format would filter them a second time, by a level of its own.
      loggingFormat: LoggingFormat.TEXT,
      // Else Lambda drops what comes for the 17th time in one chain of requests, and a job's message is sent again as often as the job
      // waits. What ends our loops is our own (docs/decisions/0017-our-loops-end-themselves.md).
      recursiveLoop: RecursiveLoop.ALLOW,
      ...props.options,
      environment: {
        ...props.environment,
        ...(service === undefined
          ? {}
          : {
              POWERTOOLS_SERVICE_NAME: service,
              POWERTOOLS_METRICS_NAMESPACE: metricNamespace(settings.stage),
              POWERTOOLS_LOG_LEVEL: settings.logLevel,
            }),
        NODE_OPTIONS: '--enable-source-maps',
      },
    });
    logGroup.grantWrite(role);
  }
}
