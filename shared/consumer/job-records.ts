import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import {
  type DuplicateRecord,
  duplicateSortKey,
  expirationSeconds,
  type FailedAttempt,
  JOB_SORT_KEY,
  type JobRecord,
  jobPartitionKey,
  LONGEST_HISTORY,
  MOST_PAST_VERDICTS,
} from '../jobs/record.ts';
import {
  CLAIM_FIELDS,
  CLAIM_NAMES,
  type Continuation,
  carrierNote,
  claimValues,
  crashOf,
  fieldsAfter,
} from './record-changes.ts';
import type { Claim, Ending, Run } from './run.ts';
import type { Started } from './started.ts';

type History = readonly FailedAttempt[];

/** What a claim found. */
export type ClaimResult =
  | { readonly claimed: true; readonly claim: Claim }
  | { readonly claimed: false; readonly record: JobRecord };

/**
 * The writes on a job's record. Each is one conditional write: a claim on what it may follow, everything else on the owner's
 * token, so that a run which lost its claim changes nothing.
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

  /**
   * Claims a key that is new or due for its next attempt. The attempt counts from here: a process that dies after this has
   * spent it.
   */
  async claim(run: Run, mostAttempts: number): Promise<ClaimResult> {
    const nowMs = this.#now();
    const result = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET ${CLAIM_FIELDS}, #life = if_not_exists(#life, :one), attempts = if_not_exists(attempts, :zero) + :one REMOVE notBeforeMs, deferredBecause`,
      ConditionExpression:
        'attribute_not_exists(pk) OR (payloadHash = :hash AND attempts < :most AND #state IN (:retrying, :deferred) AND notBeforeMs <= :now' +
        ' AND (attribute_not_exists(hop) OR hop <= :hop) AND attribute_not_exists(cancelRequestedAtMs)' +
        `${run.alone ? '' : ' AND attribute_not_exists(crashed)'})`,
      ExpressionAttributeNames: { '#life': 'life', ...CLAIM_NAMES },
      ExpressionAttributeValues: {
        ...claimValues(run, nowMs),
        ':one': 1,
        ':zero': 0,
        ':most': mostAttempts,
        ':retrying': 'retrying',
        ':deferred': 'deferred',
      },
      ReturnValues: 'ALL_OLD',
    });
    return result.written
      ? { claimed: true, claim: claimAfter(result.attributes, nowMs) }
      : this.#claimedAfterAll(result.record, run);
  }

  /** Begins a new life of a job that had a verdict: fresh attempts, the history kept. */
  async claimNewLife(run: Run, dead: JobRecord): Promise<ClaimResult> {
    const nowMs = this.#now();
    const result = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET ${CLAIM_FIELDS}, #life = :life, attempts = :one, pastVerdicts = :past REMOVE verdict, notBeforeMs, deferrals, deferredBecause`,
      ConditionExpression: '#state = :dead AND #owner = :before',
      ExpressionAttributeNames: { '#life': 'life', ...CLAIM_NAMES },
      ExpressionAttributeValues: {
        ...claimValues(run, nowMs),
        ':life': dead.life + 1,
        ':one': 1,
        ':past': [...(dead.pastVerdicts ?? []), ...(dead.verdict ? [dead.verdict] : [])].slice(
          -MOST_PAST_VERDICTS,
        ),
        ':dead': 'dead',
        ':before': dead.owner,
      },
    });
    return result.written
      ? { claimed: true, claim: { ...freshClaim(dead.life + 1, nowMs, dead.history), ...executionOf(dead) } }
      : this.#claimedAfterAll(result.record, run);
  }

  /** Claims over a record that DynamoDB should have deleted by its TTL: the key is forgotten, and begins anew. */
  async claimForgotten(run: Run, expired: JobRecord): Promise<ClaimResult> {
    const nowMs = this.#now();
    const record: JobRecord = {
      ...this.#key(run).Key,
      jobId: run.jobId,
      status: 'INPROGRESS',
      state: 'running',
      owner: run.owner,
      requestId: run.requestId,
      leaseUntilMs: run.leaseUntilMs,
      payloadHash: run.payloadHash,
      attempts: 1,
      life: 1,
      hop: run.hop,
      messageId: run.messageId,
      startedAtMs: nowMs,
      expiration: expirationSeconds(nowMs),
    };
    try {
      await this.#client.send(
        new PutCommand({
          TableName: this.#tableName,
          Item: record,
          ConditionExpression: 'attribute_not_exists(pk) OR (#owner = :before AND expiration = :expired)',
          ExpressionAttributeNames: { '#owner': 'owner' },
          ExpressionAttributeValues: { ':before': expired.owner, ':expired': expired.expiration },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
    } catch (error) {
      return this.#claimedAfterAll(recordInTheWay(error), run);
    }
    return { claimed: true, claim: freshClaim(1, nowMs) };
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
    return outcome.written || isOurs(outcome.record, run, 'completed');
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
    return outcome.written || isOurs(outcome.record, run, 'started');
  }

  /** Records the end of our attempt. @returns whether the claim was still ours; otherwise nothing was written */
  async fail(run: Run, claim: Claim, history: History, next: Continuation): Promise<boolean> {
    return this.#end(run, { owner: run.owner, attempts: claim.attempt, state: 'running' }, next, {
      history: newest(history),
      // No attempt was spent: the next one has the same number.
      ...('deferrals' in next ? { attempts: claim.attempt - 1 } : {}),
    });
  }

  /**
   * Records the end of a job that nobody runs as it was seen: of an attempt that nobody ended, since its process died; of attempts that a shortened
   * schedule no longer has; of work that expired or was cancelled. The run that left the record behind can write nothing any more after this.
   */
  async failAbandoned(run: Run, seen: JobRecord, next: Continuation): Promise<boolean> {
    if (seen.state !== 'running') return this.#end(run, seen, next, {});
    const delay = 'delaySeconds' in next ? { delaySeconds: next.delaySeconds, delayWhy: next.delayWhy } : {};
    return this.#end(run, seen, next, {
      history: newest([...(seen.history ?? []), { ...crashOf(seen), ...delay }]),
      crashed: true,
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
    return result.written || isOurs(result.record, run, ending) ? undefined : result.record;
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
    also: Partial<Pick<JobRecord, 'history' | 'attempts' | 'crashed'>>,
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
    return outcome.written || isOurs(outcome.record, run, state);
  }

  /** A write whose answer was lost and that the SDK sent again fails on its own effect: our token says that the claim is ours. */
  #claimedAfterAll(record: JobRecord | undefined, run: Run): ClaimResult {
    if (record === undefined)
      throw new Error('The claim failed its condition and DynamoDB returned no item.');
    return isOurs(record, run, 'running')
      ? {
          claimed: true,
          claim: {
            ...freshClaim(record.life, record.startedAtMs, record.history),
            attempt: record.attempts,
            deferrals: record.deferrals ?? 0,
            ...executionOf(record),
          },
        }
      : { claimed: false, record };
  }

  #key(run: Run) {
    return {
      TableName: this.#tableName,
      Key: { pk: jobPartitionKey(run.type, run.key), sk: JOB_SORT_KEY } as const,
    };
  }

  async #write(
    input: UpdateCommandInput,
  ): Promise<
    { written: true; attributes: JobRecord | undefined } | { written: false; record: JobRecord | undefined }
  > {
    try {
      const { Attributes } = await this.#client.send(
        new UpdateCommand({ ...input, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
      );
      return { written: true, attributes: Attributes as JobRecord | undefined };
    } catch (error) {
      return { written: false, record: recordInTheWay(error) };
    }
  }
}

/** Our own write, whose answer was lost and which the SDK sent again, stands in its own way. */
function isOurs(record: JobRecord | undefined, run: Run, state: JobRecord['state']): boolean {
  return record?.owner === run.owner && record.state === state;
}

function newest(history: History): History {
  return history.slice(-LONGEST_HISTORY);
}

/** @throws the error itself, unless it is a condition's */
function recordInTheWay(error: unknown): JobRecord | undefined {
  if (!(error instanceof ConditionalCheckFailedException)) throw error;
  // The document client does not unmarshall what an error carries.
  return error.Item && (unmarshall(error.Item) as JobRecord);
}

function freshClaim(life: number, startedAtMs: number, history: History = []): Claim {
  return { attempt: 1, life, startedAtMs, history, deferrals: 0 };
}

function claimAfter(old: JobRecord | undefined, startedAtMs: number): Claim {
  if (old === undefined) return freshClaim(1, startedAtMs);
  return {
    ...freshClaim(old.life, startedAtMs, old.history),
    attempt: old.attempts + 1,
    deferrals: old.deferrals ?? 0,
    ...executionOf(old),
  };
}

function executionOf({ executionArn }: JobRecord): Pick<Claim, 'executionArn'> {
  return executionArn === undefined ? {} : { executionArn };
}
