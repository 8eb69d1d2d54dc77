import { paginateGetExecutionHistory, type SFNClient } from '@aws-sdk/client-sfn';
import { stageFunctionName } from '../../shared/jobs/names.ts';
import type { JobRecord } from '../../shared/jobs/record.ts';
import { jobByType } from '../../shared/jobs/registry.ts';
import { isStaged } from '../../shared/jobs/staged-job.ts';

/** A job whose execution failed and was redriven. */
export interface ResumedJob {
  /** `<type>#<key>` */
  readonly pk: string;
  /** In the contract's order; those side by side in one list. */
  readonly stages: readonly (readonly StageRuns[])[];
}

/** How often Step Functions called a stage's function. */
export interface StageRuns {
  readonly name: string;
  /** Until the execution was redriven last. */
  readonly before: number;
  readonly after: number;
}

/** Counts the stage runs of each job that goes on, or went on, in a redriven execution, by that execution's history. */
export async function resumedJobs(
  records: Iterable<JobRecord>,
  { sfn, stage }: { readonly sfn: SFNClient; readonly stage: string },
): Promise<ResumedJob[]> {
  const resumed: ResumedJob[] = [];
  for (const { pk, executionArn, redriveCount = 0 } of records) {
    const job = jobByType(pk.slice(0, pk.indexOf('#')));
    if (redriveCount === 0 || executionArn === undefined || !job || !isStaged(job)) continue;
    const { before, after } = await callsOf(executionArn, sfn);
    const runs = (name: string): StageRuns => {
      const called = stageFunctionName(stage, job.type, name);
      const isOfStage = (functionName: string): boolean => functionName === called;
      return { name, before: before.filter(isOfStage).length, after: after.filter(isOfStage).length };
    };
    resumed.push({ pk, stages: job.stages.map((element) => [element].flat().map(({ name }) => runs(name))) });
  }
  return resumed;
}

/** The functions that an execution has called, in order. */
async function callsOf(
  executionArn: string,
  sfn: SFNClient,
): Promise<{ readonly before: readonly string[]; readonly after: readonly string[] }> {
  let before: string[] = [];
  let after: string[] = [];
  const pages = paginateGetExecutionHistory({ client: sfn }, { executionArn, maxResults: 1000 });
  for await (const { events = [] } of pages)
    for (const { type, taskScheduledEventDetails: task } of events) {
      if (type === 'ExecutionRedriven') [before, after] = [[...before, ...after], []];
      else if (type === 'TaskScheduled') after.push(functionOf(task?.parameters));
    }
  return { before, after };
}

/** As a state machine gives it to `lambda:invoke`: by its ARN. */
function functionOf(parameters = '{}'): string {
  const { FunctionName = '' } = JSON.parse(parameters) as { readonly FunctionName?: string };
  return FunctionName.split(':')[6] ?? '';
}
