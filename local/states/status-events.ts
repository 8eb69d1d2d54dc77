import type { Execution } from './executions.ts';

/** A longer input or output is left out of an event. https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html */
const EVENT_DATA_LIMIT_BYTES = 248 * 1024;

/** The detail of a `Step Functions Execution Status Change`. @param redrive of the execution, as DescribeExecution tells it */
export function statusChangeDetail(
  execution: Execution,
  redrive: { readonly redriveStatus: string; readonly redriveStatusReason?: string },
): Readonly<Record<string, unknown>> {
  const { input, output = null, redriveMs } = execution;
  const size = Buffer.byteLength(JSON.stringify([input, output]));
  const fits = size <= EVENT_DATA_LIMIT_BYTES;
  return {
    executionArn: execution.arn,
    stateMachineArn: execution.machineArn,
    name: execution.name,
    status: execution.status,
    startDate: execution.startMs,
    stopDate: execution.stopMs ?? null,
    input: fits ? input : null,
    output: fits ? output : null,
    inputDetails: { included: fits },
    outputDetails: output === null ? null : { included: fits },
    error: execution.error ?? null,
    cause: execution.cause ?? null,
    stateMachineVersionArn: null,
    stateMachineAliasArn: null,
    redriveCount: execution.redriveCount,
    redriveDate: redriveMs ?? null,
    redriveStatus: redrive.redriveStatus,
    redriveStatusReason: redrive.redriveStatusReason ?? null,
  };
}
