import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { SFNClient } from '@aws-sdk/client-sfn';
import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { conditionalUpdate } from '../jobs/conditional-update.ts';
import type { JobSettings } from '../jobs/define-job.ts';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import { tableName } from '../jobs/names.ts';
import { expirationSeconds, JOB_SORT_KEY, type JobRecord, jobPartitionKey } from '../jobs/record.ts';
import { stopExecution } from './executions.ts';
import { type JobStatus, statusOf } from './job-status.ts';

/** What a cancellation found, and so what it does. */
export type Cancellation =
  /** No attempt had begun: none ever will, whenever its message comes, for as long as records are kept. */
  | { readonly outcome: 'before-it-ran' }
  /** Nobody runs it, and nobody will: it ends when its message is met next, dead-lettered where a step is uncertain. */
  | { readonly outcome: 'waits'; readonly was: JobStatus }
  /** A running attempt, or its execution, ends first; when it completes the job, that stands. With `aborts` it is told to stop within seconds. */
  | { readonly outcome: 'runs'; readonly was: JobStatus; readonly aborts: boolean }
  /** Its execution was stopped, and its end is recorded within seconds; one that had completed the job by then stands. */
  | { readonly outcome: 'stopped'; readonly was: JobStatus }
  | { readonly outcome: 'already-cancelled'; readonly was: JobStatus }
  /** It had ended: nothing was changed. */
  | { readonly outcome: 'too-late'; readonly was: JobStatus };

/** The job is cancelled, but its execution goes on for now. */
export class ExecutionNotStopped extends HonestJobsError {
  override readonly name = 'ExecutionNotStopped';
  readonly code = 'EXECUTION_NOT_STOPPED';
}

export interface CancelOptions {
  readonly dynamo: DynamoDBDocumentClient;
  readonly stage: string;
  readonly now: () => number;
  /** Stops the execution that carries a staged job. Without it that ends at the next stage that is about to begin. */
  readonly sfn?: SFNClient;
}

/** The owner that a record has which a cancellation created. */
const CANCEL = 'cancel';
/** A forgotten record may be replaced between our two writes, once; more often is no accident. */
const ROUNDS = 3;

/**
 * Cancels the job of a key. The claim itself finds it, so that no attempt begins after this has returned; an attempt that runs ends first.
 * Never over a job that has completed, was dead-lettered, or expired. It needs the key: a job that has not begun has no record, so its id
 * leads nowhere.
 *
 * @throws what DynamoDB throws: then the job may or may not be cancelled; ExecutionNotStopped: then it is, and no further stage of it begins. Doing
 *   it again is safe
 */
export async function cancelJob(
  job: Pick<JobSettings, 'type' | 'cancellable'>,
  key: string,
  { sfn, ...options }: CancelOptions,
): Promise<Cancellation> {
  const cancellation = await record(job, key, options);
  // Only now: the end of an execution is a cancellation's where the record says that somebody asked for one.
  if (cancellation.outcome !== 'runs' || cancellation.was.state !== 'started' || !sfn) return cancellation;
  await stop(jobPartitionKey(job.type, key), cancellation.was.executionArn, sfn);
  return { outcome: 'stopped', was: cancellation.was };
}

async function stop(pk: string, executionArn: string, sfn: SFNClient): Promise<void> {
  try {
    await stopExecution(executionArn, sfn);
  } catch (error) {
    throw new ExecutionNotStopped(
      `The cancellation of ${pk} is recorded, so that no further stage of it begins, but its execution could not be stopped: ${(error as Error).message} Cancel it again.`,
      { cause: error },
    );
  }
}

async function record(
  job: Pick<JobSettings, 'type' | 'cancellable'>,
  key: string,
  { dynamo, stage, now }: Omit<CancelOptions, 'sfn'>,
): Promise<Cancellation> {
  const table = tableName(stage, 'jobs');
  for (let round = 1; ; round++) {
    const nowMs = now();
    const created = cancelledRecord(job.type, key, nowMs);
    const { written, before } = await mark(dynamo, table, created);
    if (written) return before ? foundBy(before, job, nowMs) : { outcome: 'before-it-ran' };
    if (!before) throw new Error('The cancellation failed its condition and DynamoDB returned no item.');
    // TTL deletes up to 48 h late: what it should have deleted is no job any more, and a claim would go over it.
    if (!isForgotten(before, nowMs)) return { outcome: 'too-late', was: statusOf(before, nowMs) };
    if (await replace(dynamo, table, before, created)) return { outcome: 'before-it-ran' };
    if (round === ROUNDS) throw new Error(`The record of ${created.pk} changes all the time: try again.`);
  }
}

function foundBy(
  before: JobRecord,
  { cancellable }: Pick<JobSettings, 'cancellable'>,
  nowMs: number,
): Cancellation {
  const { cancelRequestedAtMs, ...unmarked } = before;
  // The answer to our own write was lost, and the SDK sent it again: that is our mark.
  const isOurs = cancelRequestedAtMs === nowMs;
  if (isOurs && before.state === 'cancelled') return { outcome: 'before-it-ran' };
  const was = statusOf(isOurs ? unmarked : before, nowMs);
  switch (was.state) {
    case 'cancelled':
      return { outcome: 'already-cancelled', was };
    case 'running':
      return { outcome: 'runs', was, aborts: cancellable };
    case 'started':
      return { outcome: 'runs', was, aborts: false };
    default:
      return { outcome: 'waits', was };
  }
}

/** One write, whatever is there: it marks the record, or creates one that has ended before it began. */
async function mark(
  dynamo: DynamoDBDocumentClient,
  table: string,
  { pk, sk, ...fields }: JobRecord,
): Promise<{ written: boolean; before: JobRecord | undefined }> {
  const names = Object.keys(fields);
  const update = await conditionalUpdate<JobRecord>(dynamo, {
    TableName: table,
    Key: { pk, sk },
    UpdateExpression: `SET ${names.map((name) => `#${name} = if_not_exists(#${name}, :${name})`).join(', ')}`,
    ConditionExpression:
      'attribute_not_exists(pk) OR (#expiration > :nowSeconds AND NOT #state IN (:completed, :dead, :expired))',
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: {
      ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [`:${name}`, value])),
      ':nowSeconds': fields.startedAtMs / 1000,
      ':completed': 'completed',
      ':dead': 'dead',
      ':expired': 'expired',
    },
    ReturnValues: 'ALL_OLD',
  });
  return { written: update.written, before: update.written ? update.attributes : update.inTheWay };
}

/** @returns whether the record was as `seen` still */
async function replace(
  dynamo: DynamoDBDocumentClient,
  table: string,
  seen: JobRecord,
  created: JobRecord,
): Promise<boolean> {
  try {
    await dynamo.send(
      new PutCommand({
        TableName: table,
        Item: created,
        ConditionExpression: 'attribute_not_exists(pk) OR (#owner = :owner AND expiration = :expiration)',
        ExpressionAttributeNames: { '#owner': 'owner' },
        ExpressionAttributeValues: { ':owner': seen.owner, ':expiration': seen.expiration },
      }),
    );
    return true;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return false;
  }
}

function isForgotten({ expiration }: JobRecord, nowMs: number): boolean {
  return expiration * 1000 <= nowMs;
}

function cancelledRecord(type: string, key: string, nowMs: number): JobRecord {
  const pk = jobPartitionKey(type, key);
  return {
    pk,
    sk: JOB_SORT_KEY,
    // Nobody has seen its message yet, and an index takes no empty text.
    jobId: pk,
    status: 'INPROGRESS',
    state: 'cancelled',
    owner: CANCEL,
    requestId: '',
    leaseUntilMs: 0,
    payloadHash: '',
    attempts: 0,
    life: 1,
    hop: 0,
    messageId: '',
    cancelRequestedAtMs: nowMs,
    startedAtMs: nowMs,
    expiration: expirationSeconds(nowMs),
  };
}
