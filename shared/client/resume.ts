import type { S3Client } from '@aws-sdk/client-s3';
import type { DescribeExecutionCommandOutput, SFNClient } from '@aws-sdk/client-sfn';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import type { JobRecord } from '../jobs/record.ts';
import { sendAgain } from '../jobs/send-again.ts';
import { type ExecutionData, executionDataOf, StageData } from '../jobs/stage-data.ts';
import { describeExecution, failedExecutions, type TimeWindow } from './executions.ts';
import type { JobLookup } from './job-lookup.ts';

/** A job cannot be resumed as it is: the message says what it is instead. Nothing was changed. */
export class NotResumable extends HonestJobsError {
  override readonly name = 'NotResumable';
  readonly code = 'NOT_RESUMABLE';
}

/** A dead staged job that may be resumed, as it was seen. */
export interface Resumption {
  readonly record: JobRecord;
  /** Its execution goes on at the stage that failed; or a new one skips the stages that finished, since Step Functions can resume none after 14 days. */
  readonly by: 'same-execution' | 'new-execution';
  /** Why the same execution cannot go on, in Step Functions' words. */
  readonly because?: string;
  /** The error that Step Functions has for the execution, such as `States.Timeout`. */
  readonly error?: string;
  readonly data: ExecutionData;
}

/**
 * Looks whether a staged job can be resumed, and how.
 *
 * @throws NotResumable
 */
export async function findResumption(
  record: JobRecord,
  nowMs: number,
  { sfn, lookup }: { readonly sfn: SFNClient; readonly lookup: JobLookup },
): Promise<Resumption> {
  const executionArn = resumable(record, nowMs);
  const execution = await describeExecution(executionArn, sfn);
  if (!execution)
    throw new NotResumable(
      `Step Functions keeps executions for 90 days, and that of ${record.pk} is gone: redrive its dead letter, or publish the job again.`,
    );
  return resumptionOf(record, execution, nowMs, lookup);
}

/** The failed executions of a type within a time window whose jobs can be resumed, oldest end first, and why others cannot. */
export async function findResumptions(
  stateMachineArn: string,
  window: TimeWindow,
  { sfn, lookup, now }: { readonly sfn: SFNClient; readonly lookup: JobLookup; readonly now: () => number },
): Promise<{ readonly resumptions: readonly Resumption[]; readonly leftOut: readonly string[] }> {
  const found: { readonly resumption: Resumption; readonly endedAtMs: number }[] = [];
  const leftOut: string[] = [];
  for await (const execution of failedExecutions(stateMachineArn, window, sfn)) {
    try {
      const { job } = dataOf(execution);
      const record = await lookup.byKey(job.type, job.key);
      if (!record || record.executionArn !== execution.executionArn)
        throw new NotResumable(
          `${job.type}#${job.key} ${record ? 'has another execution by now' : 'is older than the records'}.`,
        );
      resumable(record, now());
      found.push({
        resumption: await resumptionOf(record, execution, now(), lookup),
        endedAtMs: execution.stopDate?.getTime() ?? 0,
      });
    } catch (error) {
      if (!(error instanceof NotResumable)) throw error;
      leftOut.push(error.message);
    }
  }
  const resumptions = found.toSorted((a, b) => a.endedAtMs - b.endedAtMs).map(({ resumption }) => resumption);
  return { resumptions, leftOut };
}

/**
 * Resumes it: its message is sent to its queue again, which begins a new life, and the starter does what `by` says. Its letter in the
 * dead-letter queue stays there; redriving that once the job has completed changes nothing.
 *
 * @throws NotResumable when the job has changed since it was looked at
 */
export async function resume(
  { record, data }: Resumption,
  { lookup, sqs, s3 }: { lookup: JobLookup; sqs: SQSClient; s3: () => Promise<S3Client> },
): Promise<void> {
  const current = await lookup.byPartitionKey(record.pk);
  if (current?.state !== 'dead' || current.life !== record.life)
    throw new NotResumable(`${record.pk} has changed since it was looked at: look again with "status".`);
  await sendAgain(data, { sqs, data: new StageData(data.job.bucket, s3), claimedHop: current.hop });
}

/** @returns the ARN of its execution */
function resumable(record: JobRecord, nowMs: number): string {
  const { pk, executionArn, state, verdict, cancelRequestedAtMs, expiration } = record;
  // DynamoDB deletes it up to two days after that; the consumer takes such a job for a new one, which runs all of its stages.
  if (expiration * 1000 <= nowMs)
    throw new NotResumable(`The time of ${pk}'s record is over: publish the job again, as a new one.`);
  if (executionArn === undefined)
    throw new NotResumable(`${pk} is ${state} and was never in an execution: there is nothing to resume.`);
  if (state !== 'dead')
    throw new NotResumable(`${pk} is ${state}: only a staged job that was dead-lettered is resumed.`);
  if (cancelRequestedAtMs !== undefined) throw new NotResumable(`${pk} was cancelled: nothing resumes it.`);
  // Its message binds until then, and so would ours: both would go to the dead-letter queue.
  const bindsUntilMs = verdict?.bindsUntilMs ?? 0;
  if (bindsUntilMs >= nowMs)
    throw new NotResumable(
      `${pk} has just failed, and its message is on its way to the dead-letter queue: try again in ${Math.ceil((bindsUntilMs - nowMs) / 1000) + 1} s.`,
    );
  return executionArn;
}

async function resumptionOf(
  record: JobRecord,
  execution: DescribeExecutionCommandOutput,
  nowMs: number,
  lookup: JobLookup,
): Promise<Resumption> {
  const { redriveStatus, redriveStatusReason, error } = execution;
  const data = dataOf(execution);
  // What a new execution skips, it knows by the records of the steps alone.
  const forgotten =
    redriveStatus === 'REDRIVABLE'
      ? undefined
      : (await lookup.steps(record)).find(({ expiration }) => expiration * 1000 <= nowMs);
  if (forgotten)
    throw new NotResumable(
      `${record.pk} can only go on in a new execution, and the time of its ${forgotten.sk} is over: what was done would be done again.`,
    );
  return {
    record,
    ...(redriveStatus === 'REDRIVABLE'
      ? { by: 'same-execution' }
      : {
          by: 'new-execution',
          ...(redriveStatusReason === undefined ? {} : { because: redriveStatusReason }),
        }),
    ...(error === undefined ? {} : { error }),
    data,
  };
}

/** @throws NotResumable */
function dataOf({ input, executionArn }: DescribeExecutionCommandOutput): ExecutionData {
  const data = executionDataOf(input);
  if (!data) throw new NotResumable(`Execution ${executionArn} carries no job: somebody started it by hand.`);
  return data;
}
