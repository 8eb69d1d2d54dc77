import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  ExecutionDoesNotExist,
  paginateListExecutions,
  type SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';

/** Stops the execution of a job that was cancelled; one that has ended stays as it is. */
export async function stopExecution(executionArn: string, sfn: SFNClient): Promise<void> {
  try {
    await sfn.send(
      new StopExecutionCommand({ executionArn, error: 'Cancelled', cause: 'The job was cancelled.' }),
    );
  } catch (error) {
    if (!(error instanceof ExecutionDoesNotExist)) throw error;
  }
}

/** @returns `undefined` when there is none: Step Functions forgets an execution 90 days after its end */
export async function describeExecution(
  executionArn: string,
  sfn: SFNClient,
): Promise<DescribeExecutionCommandOutput | undefined> {
  try {
    return await sfn.send(new DescribeExecutionCommand({ executionArn }));
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return undefined;
    throw error;
  }
}

/** When executions ended, both ends included. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The executions of a state machine that failed for good, timed out or were stopped within a time window. Asks for each of them. */
export async function* failedExecutions(
  stateMachineArn: string,
  { fromMs, toMs }: TimeWindow,
  sfn: SFNClient,
): AsyncGenerator<DescribeExecutionCommandOutput> {
  for (const statusFilter of ['FAILED', 'TIMED_OUT', 'ABORTED'] as const)
    for await (const { executions = [] } of paginateListExecutions(
      { client: sfn },
      { stateMachineArn, statusFilter },
    ))
      for (const { executionArn = '', stopDate } of executions) {
        const endedAtMs = stopDate?.getTime() ?? 0;
        if (endedAtMs < fromMs || endedAtMs > toMs) continue;
        const execution = await describeExecution(executionArn, sfn);
        if (execution) yield execution;
      }
}
