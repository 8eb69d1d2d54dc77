import { type DynamoDBDocumentClient, PutCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { conditionalUpdate, itemInTheWay, type Updated } from '../jobs/conditional-update.ts';
import {
  expirationSeconds,
  type FailedAttempt,
  JOB_SORT_KEY,
  type JobRecord,
  jobPartitionKey,
  MOST_PAST_VERDICTS,
} from '../jobs/record.ts';
import { CLAIM_FIELDS, CLAIM_NAMES, claimValues, isOurs } from './record-changes.ts';
import type { Claim, Run } from './run.ts';

/** What a claim found. */
export type ClaimResult =
  | { readonly claimed: true; readonly claim: Claim }
  | { readonly claimed: false; readonly record: JobRecord };

/** The writes that give a job's record to a run. Each is one conditional write, on what it may follow. */
export class ClaimWrites {
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
      : this.#claimedAfterAll(result.inTheWay, run);
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
      ? { claimed: true, claim: { ...freshClaim(dead.life + 1, nowMs, dead.history), ...keptOf(dead) } }
      : this.#claimedAfterAll(result.inTheWay, run);
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
      hop: run.claimedHop,
      messageId: run.messageId,
      startedAtMs: nowMs,
      stepsRememberedMs: nowMs,
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
      return this.#claimedAfterAll(itemInTheWay(error), run);
    }
    return { claimed: true, claim: freshClaim(1, nowMs) };
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
            ...keptOf(record),
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

  #write(input: UpdateCommandInput): Promise<Updated<JobRecord>> {
    return conditionalUpdate(this.#client, input);
  }
}

function freshClaim(life: number, startedAtMs: number, history: readonly FailedAttempt[] = []): Claim {
  return { attempt: 1, life, startedAtMs, history, deferrals: 0, stepsRememberedMs: startedAtMs };
}

function claimAfter(old: JobRecord | undefined, startedAtMs: number): Claim {
  if (old === undefined) return freshClaim(1, startedAtMs);
  return {
    ...freshClaim(old.life, startedAtMs, old.history),
    attempt: old.attempts + 1,
    deferrals: old.deferrals ?? 0,
    ...keptOf(old),
  };
}

/** What a claim takes over from before it. */
function keptOf({
  executionArn,
  stepsRememberedMs,
}: JobRecord): Partial<Pick<Claim, 'executionArn' | 'stepsRememberedMs'>> {
  return {
    ...(executionArn === undefined ? {} : { executionArn }),
    ...(stepsRememberedMs === undefined ? {} : { stepsRememberedMs }),
  };
}
