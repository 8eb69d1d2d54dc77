import type { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { DescribeExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { EventBridgeEvent } from 'aws-lambda';
import { reasonWith } from '../consumer/uncertainty.ts';
import { type JobRecord, type StepRecord, stageOfStep, type Verdict } from '../jobs/record.ts';
import { sendAgain } from '../jobs/send-again.ts';
import {
  type ExecutionData,
  executionDataOf,
  type StageData,
  type StagedJobIdentity,
  shownOf,
} from '../jobs/stage-data.ts';
import { type End, EndRecords } from './end-records.ts';

/** https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html */
export interface ExecutionStatusDetail {
  readonly executionArn: string;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'PENDING_REDRIVE';
  readonly input?: string | null;
  readonly output?: string | null;
  readonly error?: string | null;
  readonly cause?: string | null;
  readonly redriveCount?: number | null;
}

export type ExecutionStatusEvent = EventBridgeEvent<
  'Step Functions Execution Status Change',
  ExecutionStatusDetail
>;

export interface EndRuntime {
  readonly dynamo: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  readonly sfn: SFNClient;
  readonly jobsTable: string;
  readonly data: StageData;
  readonly logger: Logger;
  readonly now: () => number;
}

/**
 * Until then messages of the key are bound by the verdict: the one that carries it is sent after it is recorded, and may be sent twice,
 * since events come at least once.
 */
const VERDICT_BINDS_MS = 60_000;

/** So long the message is left to the one that recorded the verdict. Where that one dies its own event comes again, which Lambda does after a minute. */
const SENDING_MS = 45_000;

/** Records what became of a staged job when an event tells that its execution has ended. @throws when it could not: the event comes again */
export async function executionEnded(
  { detail }: Pick<ExecutionStatusEvent, 'detail'>,
  runtime: EndRuntime,
): Promise<void> {
  if (!(await recordEnd(detail, runtime)))
    runtime.logger.info('An execution ended that no record waits for.', {
      executionArn: detail.executionArn,
    });
}

/**
 * Records what became of a staged job whose execution has ended. A job that failed for good is given its message back: it leaves by the
 * queue's own redrive policy, lies in the dead-letter queue like any other, and redriving it resumes the execution.
 *
 * @returns whether there was anything left to do
 * @throws when it could not
 */
export async function recordEnd(told: ExecutionStatusDetail, runtime: EndRuntime): Promise<boolean> {
  if (told.status === 'RUNNING' || told.status === 'PENDING_REDRIVE') return false;
  const detail = await whole(told, runtime);
  const execution = executionDataOf(detail.input);
  if (!execution) {
    runtime.logger.warn('An execution ended that carries no job: somebody started it by hand.', {
      executionArn: detail.executionArn,
    });
    return false;
  }
  const { job } = execution;
  const records = new EndRecords(runtime, job);
  for (let round = 0; round < 5; round++) {
    const record = await records.read();
    if (!record || !concerns(record, job, detail)) return false;
    if (record.state === 'dead' && isRecorded(record, detail)) {
      const recordedMs = (record.verdict?.bindsUntilMs ?? 0) - VERDICT_BINDS_MS;
      if (runtime.now() < recordedMs + SENDING_MS) return false;
      // An earlier try recorded it and did not get further: without this, the message would be later than the verdict and begin a new life.
      if (!(await records.bind(record, runtime.now() + VERDICT_BINDS_MS))) continue;
      await returnMessage(records, record, execution, runtime);
      return true;
    }
    const steps = detail.status === 'SUCCEEDED' ? [] : await stepsAtEnd(record, records);
    const end = endOf(detail, record, steps, runtime.now());
    // It ended as if it had never been started, and nothing is left to say.
    if (end.state === 'cancelled' && (record.state === 'cancelled' || record.state === 'expired'))
      return false;
    if (end.state === 'dead') await records.remember(steps);
    if (!(await records.end(record, detail.executionArn, end))) continue;
    report(job, record, end, runtime);
    if (end.state === 'dead') {
      const ended = { ...record, state: 'dead', verdict: end.verdict } as const;
      await returnMessage(records, ended, execution, runtime);
    }
    return true;
  }
  throw new Error(`The record of ${job.type}#${job.key} would not stand still.`);
}

/**
 * The event with the execution's data: EventBridge leaves out what has more than 248 KB in all.
 * https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
async function whole(detail: ExecutionStatusDetail, { sfn }: EndRuntime): Promise<ExecutionStatusDetail> {
  if (detail.input && (detail.output || detail.status !== 'SUCCEEDED')) return detail;
  const { executionArn } = detail;
  const { input = null, output = null } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
  return { ...detail, input, output };
}

/** Whether this end is of the execution that carries the job now, and not of one before its last redrive. */
function concerns(record: JobRecord, job: StagedJobIdentity, detail: ExecutionStatusDetail): boolean {
  const redrives = detail.redriveCount ?? 0;
  const recorded = record.redriveCount ?? 0;
  const same = record.executionArn === detail.executionArn;
  switch (record.state) {
    case 'started':
      return same && redrives >= recorded;
    case 'running':
    case 'retrying':
    case 'expired':
    case 'cancelled':
      // Its starter has not recorded the start yet, or died before it could.
      return isUnrecorded(record, job, detail);
    case 'dead':
      // Not sent back yet, perhaps; or somebody redrove the execution itself, past the job.
      if (same) return redrives > recorded || isRecorded(record, detail);
      // The job was given up on without it, while it did all of its work.
      return detail.status === 'SUCCEEDED' && isUnrecorded(record, job, detail);
    default:
      return false;
  }
}

/** The verdict is this end's, and its message is not known to be on its way. */
function isRecorded(record: JobRecord, { executionArn, redriveCount }: ExecutionStatusDetail): boolean {
  return (
    record.executionArn === executionArn &&
    (redriveCount ?? 0) === (record.redriveCount ?? 0) &&
    record.verdict?.messageId === ''
  );
}

/** Whether an execution was begun, or redriven, in this life of the job, and its starter has not recorded that. */
function isUnrecorded(
  record: JobRecord,
  job: StagedJobIdentity,
  { executionArn, redriveCount }: ExecutionStatusDetail,
): boolean {
  if (record.executionArn === executionArn) return (redriveCount ?? 0) > (record.redriveCount ?? 0);
  return record.attempts > 0 && job.life === record.life;
}

/** The job's steps, of which nothing looks after this end where it was cancelled: no run that goes on may begin another one. */
async function stepsAtEnd(
  { cancelRequestedAtMs }: JobRecord,
  records: EndRecords,
): Promise<readonly StepRecord[]> {
  if (cancelRequestedAtMs !== undefined) await records.takeStages();
  return records.steps();
}

function endOf(
  detail: ExecutionStatusDetail,
  record: JobRecord,
  steps: readonly StepRecord[],
  nowMs: number,
): End {
  const redriveCount = detail.redriveCount ?? 0;
  if (detail.status === 'SUCCEEDED') return { state: 'completed', result: resultOf(detail), redriveCount };
  const uncertain = steps.filter(isUncertain).map(({ sk }) => sk.slice(sk.indexOf('#') + 1));
  const cancelled = record.cancelRequestedAtMs !== undefined;
  if (cancelled && uncertain.length === 0) return { state: 'cancelled', redriveCount };
  const verdict: Verdict = {
    ...(cancelled
      ? { code: 'CANCELLED_UNCERTAIN', ...reasonWith('The job was cancelled.', uncertain) }
      : {
          code: CODES[detail.status as keyof typeof CODES],
          ...reasonWith(reasonOf(detail, steps), uncertain),
        }),
    atMs: nowMs,
    bindsUntilMs: nowMs + VERDICT_BINDS_MS,
    messageId: '',
    attempts: record.attempts,
    exhausted: detail.status === 'FAILED' && detail.error !== 'PermanentError',
  };
  return { state: 'dead', verdict, redriveCount };
}

const CODES = {
  FAILED: 'STAGE_FAILED',
  TIMED_OUT: 'EXECUTION_TIMED_OUT',
  ABORTED: 'EXECUTION_ABORTED',
} as const;

function reasonOf({ status, error, cause }: ExecutionStatusDetail, steps: readonly StepRecord[]): string {
  const stage = steps
    .filter((step) => stageOfStep(step) && step.state !== 'done')
    .toSorted((a, b) => b.begunAtMs - a.begunAtMs)[0];
  const where = stage ? `Stage "${stageOfStep(stage)?.run}"` : 'The execution';
  if (status === 'TIMED_OUT') return `${where} was under way when the execution's time was over.`;
  if (status === 'ABORTED')
    return `${where} was under way when the execution was stopped${cause ? `: ${cause}` : '.'}`;
  return `${where} failed for good: ${stage?.failure ? `${stage.failure.code}: ${stage.failure.message}` : `${error ?? 'unknown'}: ${causeOf(cause)}`}`;
}

/** Lambda's errors come as JSON. */
function causeOf(cause: string | null | undefined): string {
  if (!cause) return 'no cause was given';
  try {
    return (JSON.parse(cause) as { errorMessage?: string }).errorMessage ?? cause;
  } catch {
    return cause;
  }
}

function isUncertain(step: StepRecord): boolean {
  return step.state === 'begun' && !stageOfStep(step);
}

/** What the last stage returned, where it is small enough to be seen at once. */
function resultOf({ output }: ExecutionStatusDetail): string | undefined {
  if (!output) return undefined;
  const { before } = JSON.parse(output) as ExecutionData;
  return JSON.stringify(shownOf(before.output));
}

async function returnMessage(
  records: EndRecords,
  record: JobRecord,
  execution: ExecutionData,
  { sqs, data }: EndRuntime,
): Promise<void> {
  const abortSignal = AbortSignal.timeout(SENDING_MS);
  await records.sentBack(
    record,
    await sendAgain(execution, { sqs, data, claimedHop: record.hop, abortSignal }),
  );
}

function report(job: StagedJobIdentity, record: JobRecord, end: End, { logger, now }: EndRuntime): void {
  const metrics = new Metrics({ serviceName: job.type });
  const facts = { job: { id: record.jobId, type: job.type, key: job.key }, life: record.life };
  switch (end.state) {
    case 'completed':
      metrics.addMetric('Completed', MetricUnit.Count, 1);
      metrics.addMetric('Duration', MetricUnit.Milliseconds, now() - record.startedAtMs);
      break;
    case 'cancelled':
      metrics.addMetric('Cancelled', MetricUnit.Count, 1);
      logger.info('Cancelled: its execution was stopped.', facts);
      break;
    case 'dead':
      metrics.addMetric('Failed', MetricUnit.Count, 1);
      metrics.addMetric('DeadLettered', MetricUnit.Count, 1);
      logger.error('Given up on: it goes to the dead-letter queue.', {
        ...facts,
        code: end.verdict.code,
        reason: end.verdict.message,
      });
      break;
  }
  metrics.publishStoredMetrics();
}
