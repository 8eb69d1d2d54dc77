import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { conditionalUpdate, type Updated } from '../jobs/conditional-update.ts';
import {
  type DuplicateRecord,
  duplicateSortKey,
  expirationSeconds,
  type FailedAttempt,
  JOB_SORT_KEY,
  type JobRecord,
  jobPartitionKey,
  LONGEST_HISTORY,
} from '../jobs/record.ts';
import {
  CLAIM_FIELDS,
  CLAIM_NAMES,
  type Continuation,
  carrierNote,
  claimValues,
  crashOf,
  fieldsAfter,
  isOurs,
} from './record-changes.ts';
import type { Claim, Ending, Run } from './run.ts';
import type { Started } from './started.ts';

type History = readonly FailedAttempt[];
/** What becomes of the record's word on its steps. */
type Remembered = Pick<JobRecord, 'stepsRememberedMs'>;

/**
 * The writes by which a run leaves a job's record behind. Each is one conditional write on the owner's token, so that a run which lost
 * its claim changes nothing.
 */
export class JobRecords {
  readonly #client: DynamoDBDocumentClient;
  readonly #tableName: string;
  readonly #now: () => number;

  constructor(client: DynamoDBDocumentClient, tableName: string, now: () => number) {
    this.#client = client;
    this.#tableName = tableName;
    this.#now = now;
  }

  /** @returns whether the claim was still ours; otherwise nothing was written */
  async complete(run: Run, result: string | undefined): Promise<boolean> {
    const nowMs = this.#now();
    const outcome = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET #status = :status, #state = :completed, completedAtMs = :now, expiration = :expiration${
        result === undefined ? '' : ', #result = :result'
      }`,
      ConditionExpression: '#owner = :owner AND #state = :running',
      ExpressionAttributeNames: {
        '#status': 'status',
        '#state': 'state',
        '#owner': 'owner',
        ...(result === undefined ? {} : { '#result': 'result' }),
      },
      ExpressionAttributeValues: {
        ':status': 'COMPLETED',
        ':completed': 'completed',
        ':running': 'running',
        ':now': nowMs,
        ':expiration': expirationSeconds(nowMs),
        ':owner': run.owner,
        ...(result === undefined ? {} : { ':result': result }),
      },
    });
    return outcome.written || isOurs(outcome.inTheWay, run, 'completed');
  }

  /** Hands the job over to an execution. @returns whether the claim was still ours; otherwise nothing was written */
  async start(run: Run, { executionArn, redriveCount, longestSeconds }: Started): Promise<boolean> {
    const outcome = await this.#write({
      ...this.#key(run),
      UpdateExpression:
        'SET #state = :started, executionArn = :arn, redriveCount = :redrives, expiration = :expiration',
      ConditionExpression: '#owner = :owner AND #state = :running',
      ExpressionAttributeNames: { '#state': 'state', '#owner': 'owner' },
      ExpressionAttributeValues: {
        ':started': 'started',
        ':running': 'running',
        ':arn': executionArn,
        ':redrives': redriveCount,
        ':expiration': expirationSeconds(this.#now() + longestSeconds * 1000),
        ':owner': run.owner,
      },
    });
    return outcome.written || isOurs(outcome.inTheWay, run, 'started');
  }

  /** Records the end of our attempt. @returns whether the claim was still ours; otherwise nothing was written */
  async fail(
    run: Run,
    claim: Claim,
    history: History,
    next: Continuation,
    remembered: Remembered = {},
  ): Promise<boolean> {
    return this.#end(run, { owner: run.owner, attempts: claim.attempt, state: 'running' }, next, {
      history: newest(history),
      ...remembered,
      // No attempt was spent: the next one has the same number.
      ...('deferrals' in next ? { attempts: claim.attempt - 1 } : {}),
    });
  }

  /**
   * Records the end of a job that nobody runs as it was seen: of an attempt that nobody ended, since its process died; of attempts that a shortened
   * schedule no longer has; of work that expired or was cancelled. The run that left the record behind can write nothing any more after this.
   */
  async failAbandoned(
    run: Run,
    seen: JobRecord,
    next: Continuation,
    remembered: Remembered = {},
  ): Promise<boolean> {
    if (seen.state !== 'running') return this.#end(run, seen, next, remembered);
    const delay = 'delaySeconds' in next ? { delaySeconds: next.delaySeconds, delayWhy: next.delayWhy } : {};
    return this.#end(run, seen, next, {
      history: newest([...(seen.history ?? []), { ...crashOf(seen), ...delay }]),
      crashed: true,
      ...remembered,
    });
  }

  /** Ends a job whose key has no record. @returns the record in the way, when there is one by now */
  async endUnclaimed(run: Run, ending: Ending): Promise<JobRecord | undefined> {
    const nowMs = this.#now();
    const result = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET ${CLAIM_FIELDS}, #life = :one, attempts = :zero, endedAtMs = :now`,
      ConditionExpression: 'attribute_not_exists(pk)',
      ExpressionAttributeNames: { '#life': 'life', ...CLAIM_NAMES },
      ExpressionAttributeValues: { ...claimValues(run, nowMs, ending), ':one': 1, ':zero': 0 },
    });
    return result.written || isOurs(result.inTheWay, run, ending) ? undefined : result.inTheWay;
  }

  /** Our message carries the verdict of a job whose execution has failed. Whoever was about to send it back need not. */
  async noteCarrier(run: Run, { life }: JobRecord): Promise<void> {
    await this.#write({ ...this.#key(run), ...carrierNote(life, run.messageId) });
  }

  /** Makes the duplicate findable by its own id. */
  async noteDuplicate(run: Run): Promise<void> {
    const record: DuplicateRecord = {
      pk: this.#key(run).Key.pk,
      sk: duplicateSortKey(run.jobId),
      jobId: run.jobId,
      expiration: expirationSeconds(this.#now()),
    };
    await this.#client.send(new PutCommand({ TableName: this.#tableName, Item: record }));
  }

  /** Whether somebody has cancelled the job; may be a second behind. */
  async cancelRequested(run: Run): Promise<boolean> {
    const { Item } = await this.#client.send(
      new GetCommand({ ...this.#key(run), ProjectionExpression: 'cancelRequestedAtMs' }),
    );
    return Item?.cancelRequestedAtMs !== undefined;
  }

  async #end(
    run: Run,
    seen: Pick<JobRecord, 'owner' | 'attempts' | 'state'>,
    next: Continuation,
    also: Partial<Pick<JobRecord, 'history' | 'attempts' | 'crashed' | 'stepsRememberedMs'>>,
  ): Promise<boolean> {
    const nowMs = this.#now();
    const { state, ...fields } = fieldsAfter(next, nowMs);
    const changes = Object.entries({
      state,
      owner: run.owner,
      expiration: expirationSeconds(Math.max(nowMs, fields.notBeforeMs ?? 0)),
      ...fields,
      ...also,
    });
    const outcome = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET ${changes.map(([name]) => `#${name} = :${name}`).join(', ')}`,
      ConditionExpression: '#owner = :seenOwner AND #state = :seenState AND #attempts = :seenAttempts',
      ExpressionAttributeNames: {
        '#attempts': 'attempts',
        ...Object.fromEntries(changes.map(([name]) => [`#${name}`, name])),
      },
      ExpressionAttributeValues: {
        ':seenOwner': seen.owner,
        ':seenState': seen.state,
        ':seenAttempts': seen.attempts,
        ...Object.fromEntries(changes.map(([name, value]) => [`:${name}`, value])),
      },
    });
    return outcome.written || isOurs(outcome.inTheWay, run, state);
  }

  #key(run: Run) {
    return {
      TableName: this.#tableName,
      Key: { pk: jobPartitionKey(run.type, run.key), sk: JOB_SORT_KEY } as const,
    };
  }

  #write(input: UpdateCommandInput): Promise<Updated<JobRecord>> {
    return conditionalUpdate(this.#client, input);
  }
}

function newest(history: History): History {
  return history.slice(-LONGEST_HISTORY);
}
