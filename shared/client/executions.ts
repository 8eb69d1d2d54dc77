import type { S3Client } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  ExecutionDoesNotExist,
  paginateListExecutions,
  type SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import type { JobMessage } from '../jobs/message.ts';
import type { JobRecord } from '../jobs/record.ts';
import { type ExecutionData, StageData } from '../jobs/stage-data.ts';

export interface ExecutionClients {
  readonly sfn: SFNClient;
  readonly sqs: SQSClient;
  readonly s3: () => Promise<S3Client>;
}

/** A job cannot be resumed as it is. */
export class NotResumable extends HonestJobsError {
  override readonly name = 'NotResumable';
  readonly code = 'NOT_RESUMABLE';
}

/** Stops the execution of a job that was cancelled. @returns whether it ran still */
export async function stopExecution(
  executionArn: string,
  { sfn }: Pick<ExecutionClients, 'sfn'>,
): Promise<boolean> {
  try {
    await sfn.send(
      new StopExecutionCommand({ executionArn, error: 'Cancelled', cause: 'The job was cancelled.' }),
    );
    return true;
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return false;
    throw error;
  }
}

/**
 * Resumes a staged job that was dead-lettered: its message is sent to its queue again, which begins a new life; the starter then resumes the
 * execution at the stage that failed, or starts a new one that skips the finished stages where Step Functions no longer can. Its letter in the
 * dead-letter queue stays there, and redriving it later changes nothing.
 *
 * @throws NotResumable with what the job is instead
 */
export async function resumeJob(
  record: JobRecord,
  nowMs: number,
  { sfn, sqs, s3 }: ExecutionClients,
): Promise<void> {
  const { executionArn, state, verdict } = record;
  if (state !== 'dead' || executionArn === undefined)
    throw new NotResumable(
      `${record.pk} is ${state}${executionArn === undefined ? ' and was never in an execution' : ''}: only a staged job that was dead-lettered is resumed.`,
    );
  const bindsUntilMs = verdict?.bindsUntilMs ?? 0;
  if (bindsUntilMs >= nowMs)
    throw new NotResumable(
      `${record.pk} has just failed, and its message is on its way to the dead-letter queue: try again in ${Math.ceil((bindsUntilMs - nowMs) / 1000) + 1} s.`,
    );
  const { job, message } = await dataOf(executionArn, record, sfn);
  const published = (await new StageData(job.bucket, s3).read(message)) as JobMessage;
  const hop = Math.max(record.hop ?? 0, published.hop ?? 0) + 1;
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: job.queueUrl,
      MessageBody: JSON.stringify({ ...published, hop }),
      ...(published.partitionkey === undefined ? {} : { MessageGroupId: published.partitionkey }),
    }),
  );
}

async function dataOf(executionArn: string, { pk }: JobRecord, sfn: SFNClient): Promise<ExecutionData> {
  try {
    const { input } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return JSON.parse(input ?? '') as ExecutionData;
  } catch (error) {
    if (!(error instanceof ExecutionDoesNotExist)) throw error;
    throw new NotResumable(
      `Step Functions keeps executions for 90 days, and that of ${pk} is gone: redrive its dead letter, or publish the job again.`,
      { cause: error },
    );
  }
}

/** The keys of jobs whose executions failed for good, timed out or were stopped within a time window, newest first. */
export async function* failedExecutions(
  stateMachineArn: string,
  window: { readonly fromMs: number; readonly toMs: number },
  sfn: SFNClient,
): AsyncGenerator<{ readonly executionArn: string; readonly key: string; readonly endedAtMs: number }> {
  for (const statusFilter of ['FAILED', 'TIMED_OUT', 'ABORTED'] as const)
    for await (const { executions = [] } of paginateListExecutions(
      { client: sfn },
      { stateMachineArn, statusFilter },
    ))
      for (const { executionArn = '', stopDate } of executions) {
        const endedAtMs = stopDate?.getTime() ?? 0;
        if (endedAtMs < window.fromMs || endedAtMs > window.toMs) continue;
        const { input } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        yield { executionArn, key: (JSON.parse(input ?? '') as ExecutionData).job.key, endedAtMs };
      }
}
