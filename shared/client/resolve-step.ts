import { randomUUID } from 'node:crypto';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import { tableName } from '../jobs/names.ts';
import { expirationSeconds, type JobRecord, type StepRecord, stepSortKey } from '../jobs/record.ts';
import { JobLookup } from './job-lookup.ts';
import { inUseUntilMs, statusOf, stepStatusOf } from './job-status.ts';

/** What a person found out about an uncertain step at the provider. */
export type Resolution =
  /** Its effect happened. `result` is what the step's work would have returned. */
  | { readonly found: 'done'; readonly result?: unknown }
  /** Its effect certainly did not happen: the step will run. */
  | { readonly found: 'not-done' };

/** A step's record, above which DynamoDB would refuse it. */
export const LARGEST_RESOLVED_RESULT_BYTES = 300_000;

const NOTHING_TO_RESOLVE = {
  done: 'is done',
  'under-way': 'is under way',
  repeatable: 'is a stage, which runs again as a whole',
  'not-done': 'is certainly not done',
};

/** A step that cannot be resolved: the message says why and what to do. Nothing was changed. */
export class StepNotResolved extends HonestJobsError {
  override readonly name = 'StepNotResolved';
  readonly code:
    | 'UNKNOWN_JOB'
    | 'UNKNOWN_STEP'
    | 'NOT_UNCERTAIN'
    | 'JOB_RUNNING'
    | 'CHANGED_MEANWHILE'
    | 'INVALID_RESULT';

  constructor(code: StepNotResolved['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** An uncertain step that may be resolved, as it was seen. */
export interface UncertainStep {
  readonly record: JobRecord;
  readonly step: StepRecord;
}

/**
 * Looks for the uncertain step of a job that nobody runs.
 *
 * @throws StepNotResolved `UNKNOWN_JOB`, `UNKNOWN_STEP`, `NOT_UNCERTAIN`, `JOB_RUNNING`
 */
export async function findUncertainStep(
  type: string,
  key: string,
  name: string,
  { lookup, now }: { lookup: JobLookup; now: () => number },
): Promise<UncertainStep> {
  const record = await lookup.byKey(type, key);
  if (!record)
    throw new StepNotResolved(
      'UNKNOWN_JOB',
      `There is no record of ${type}#${key}: look for the key with "status".`,
    );
  const steps = await lookup.steps(record);
  const step = steps.find(({ sk }) => sk === stepSortKey(name));
  if (!step) {
    const names = steps.map(({ sk }) => `"${sk.slice(stepSortKey('').length)}"`).join(', ');
    throw new StepNotResolved(
      'UNKNOWN_STEP',
      `${record.pk} has begun no step "${name}"; ${names === '' ? 'it has begun none' : `it has begun ${names}`}.`,
    );
  }
  const status = statusOf(record, now());
  if (status.state === 'running')
    throw new StepNotResolved(
      'JOB_RUNNING',
      `${record.pk} is running, and its run may settle the step itself. Try again when the attempt is over, at the latest at ${new Date(status.untilAtMostMs).toISOString()}.`,
    );
  if (status.state === 'started')
    throw new StepNotResolved(
      'JOB_RUNNING',
      `Execution ${status.executionArn} carries ${record.pk}, and may settle the step itself. Try again when it has ended.`,
    );
  const { state } = stepStatusOf(step, record, now(), steps);
  if (state === 'under-way')
    throw new StepNotResolved(
      'JOB_RUNNING',
      `A run of its stage may still be in step "${name}" of ${record.pk}, and settle it itself: the end of an execution stops no function. Try again when it is over, at the latest at ${new Date(inUseUntilMs(step, steps, now()) ?? now()).toISOString()}.`,
    );
  if (state !== 'uncertain')
    throw new StepNotResolved(
      'NOT_UNCERTAIN',
      `Step "${name}" of ${record.pk} ${NOTHING_TO_RESOLVE[state]}: there is nothing to resolve.`,
    );
  return { record, step };
}

/**
 * Writes down what a person found out about an uncertain step. The job's next attempt continues after the step, or runs it: for a dead job
 * that comes with the redrive of its dead letter.
 *
 * @throws StepNotResolved, with nothing changed; the resolution holds only for the step and the job as they were seen
 */
export async function resolveStep(
  type: string,
  key: string,
  name: string,
  resolution: Resolution,
  { dynamo, stage, now }: { dynamo: DynamoDBDocumentClient; stage: string; now: () => number },
): Promise<void> {
  const result = resultOf(resolution);
  const { record, step } = await findUncertainStep(type, key, name, {
    lookup: new JobLookup(dynamo, stage),
    now,
  });
  const TableName = tableName(stage, 'jobs');
  const nowMs = now();
  const done = resolution.found === 'done';
  try {
    await dynamo.send(
      new TransactWriteCommand({
        TransactItems: [
          {
            // A run that began meanwhile settles the step itself.
            ConditionCheck: {
              TableName,
              Key: { pk: record.pk, sk: record.sk },
              ConditionExpression: '#owner = :owner AND #state = :state AND attempts = :attempts',
              ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state' },
              ExpressionAttributeValues: {
                ':owner': record.owner,
                ':state': record.state,
                ':attempts': record.attempts,
              },
            },
          },
          {
            Update: {
              TableName,
              Key: { pk: step.pk, sk: step.sk },
              // An owner of its own: the run that left the step behind can write nothing to it any more.
              UpdateExpression: `SET #state = :resolved, #owner = :resolver, expiration = :expiration${
                done ? ', doneAtMs = :now' : ''
              }${result === undefined ? '' : ', #result = :result'}`,
              ConditionExpression:
                '#state = :begun AND #owner = :owner AND begunAtMs = :begunAt AND expiration = :seenExpiration',
              ExpressionAttributeNames: {
                '#state': 'state',
                '#owner': 'owner',
                ...(result === undefined ? {} : { '#result': 'result' }),
              },
              ExpressionAttributeValues: {
                ':resolved': resolution.found,
                ':resolver': `resolved-${randomUUID()}`,
                // What is longer already is needed for as long: the job may run for months.
                ':expiration': Math.max(step.expiration, expirationSeconds(nowMs)),
                ':seenExpiration': step.expiration,
                ':begun': 'begun',
                ':owner': step.owner,
                ':begunAt': step.begunAtMs,
                ...(done ? { ':now': nowMs } : {}),
                ...(result === undefined ? {} : { ':result': result }),
              },
            },
          },
        ],
      }),
    );
  } catch (error) {
    const conditionFailed =
      error instanceof TransactionCanceledException &&
      error.CancellationReasons?.some(({ Code }) => Code === 'ConditionalCheckFailed');
    if (!conditionFailed) throw error;
    throw new StepNotResolved(
      'CHANGED_MEANWHILE',
      `${record.pk} or its step "${name}" has changed since it was looked at: look again with "status".`,
    );
  }
}

function resultOf(resolution: Resolution): string | undefined {
  if (resolution.found !== 'done') return undefined;
  const json = JSON.stringify(resolution.result);
  const bytes = json === undefined ? 0 : Buffer.byteLength(json);
  if (bytes > LARGEST_RESOLVED_RESULT_BYTES)
    throw new StepNotResolved(
      'INVALID_RESULT',
      `The result has ${bytes} bytes of JSON; a step's record takes ${LARGEST_RESOLVED_RESULT_BYTES}: give an id or a pointer.`,
    );
  return json;
}
