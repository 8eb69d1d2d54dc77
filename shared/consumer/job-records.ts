import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  PutCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { RECORD_RETENTION_SECONDS } from '../jobs/define-job.ts';
import {
  type FailedAttempt,
  JOB_SORT_KEY,
  type JobRecord,
  jobPartitionKey,
  LONGEST_HISTORY,
  type Verdict,
} from '../jobs/record.ts';
import type { Claim, Run } from './run.ts';

type History = readonly FailedAttempt[];

/** The code of an attempt whose process died. */
export const CRASHED = 'CRASHED';

/** What a claim found. */
export type ClaimResult =
  | { readonly claimed: true; readonly claim: Claim }
  | { readonly claimed: false; readonly record: JobRecord };

/** How a failed attempt goes on: with a delay, or with a verdict. */
export type Continuation =
  | { readonly notBeforeMs: number; readonly delaySeconds: number }
  | { readonly verdict: Verdict };

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
      UpdateExpression: `SET ${CLAIM_FIELDS}, #life = if_not_exists(#life, :one), attempts = if_not_exists(attempts, :zero) + :one REMOVE notBeforeMs`,
      ConditionExpression:
        'attribute_not_exists(pk) OR (payloadHash = :hash AND attempts < :most AND #state = :retrying AND notBeforeMs <= :now)',
      ExpressionAttributeNames: { '#life': 'life', ...CLAIM_NAMES },
      ExpressionAttributeValues: {
        ...claimValues(run, nowMs),
        ':one': 1,
        ':zero': 0,
        ':most': mostAttempts,
        ':retrying': 'retrying',
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
      UpdateExpression: `SET ${CLAIM_FIELDS}, #life = :life, attempts = :one REMOVE verdict, notBeforeMs`,
      ConditionExpression: '#state = :dead AND #owner = :before',
      ExpressionAttributeNames: { '#life': 'life', ...CLAIM_NAMES },
      ExpressionAttributeValues: {
        ...claimValues(run, nowMs),
        ':life': dead.life + 1,
        ':one': 1,
        ':dead': 'dead',
        ':before': dead.owner,
      },
    });
    return result.written
      ? { claimed: true, claim: freshClaim(dead.life + 1, nowMs, dead.history) }
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

  /** Records the end of our attempt. @returns whether the claim was still ours; otherwise nothing was written */
  async fail(run: Run, claim: Claim, history: History, next: Continuation): Promise<boolean> {
    return this.#end(run, { owner: run.owner, attempts: claim.attempt, state: 'running' }, history, next);
  }

  /**
   * Records the end of an attempt that nobody ended, since its process died, or of attempts that a shortened schedule no longer
   * has. Conditional on the run that left the record behind, which can write nothing any more after this.
   */
  async failAbandoned(run: Run, abandoned: JobRecord, next: Continuation): Promise<boolean> {
    const delay = 'delaySeconds' in next ? { delaySeconds: next.delaySeconds } : {};
    const crash = abandoned.state === 'running' ? [{ ...crashOf(abandoned), ...delay }] : [];
    return this.#end(run, abandoned, [...(abandoned.history ?? []), ...crash], next);
  }

  async #end(
    run: Run,
    seen: Pick<JobRecord, 'owner' | 'attempts' | 'state'>,
    history: History,
    next: Continuation,
  ): Promise<boolean> {
    const dead = 'verdict' in next;
    const state = dead ? 'dead' : 'retrying';
    const outcome = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET #state = :state, #owner = :owner, expiration = :expiration, history = :history, ${
        dead ? 'verdict = :verdict' : 'notBeforeMs = :notBefore'
      }`,
      ConditionExpression: '#owner = :seen AND #state = :seenState AND attempts = :attempts',
      ExpressionAttributeNames: { '#state': 'state', '#owner': 'owner' },
      ExpressionAttributeValues: {
        ':state': state,
        ':owner': run.owner,
        ':seen': seen.owner,
        ':seenState': seen.state,
        ':attempts': seen.attempts,
        ':expiration': expirationSeconds(this.#now()),
        ':history': newest(history),
        ...(dead ? { ':verdict': next.verdict } : { ':notBefore': next.notBeforeMs }),
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
          claim: { ...freshClaim(record.life, record.startedAtMs, record.history), attempt: record.attempts },
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

/** The attempt that a record shows as begun and never ended. */
export function crashOf({ life, attempts, startedAtMs, requestId }: JobRecord): FailedAttempt {
  return {
    life,
    attempt: attempts,
    startedAtMs,
    code: CRASHED,
    message: `crashed: no outcome was recorded (request ${requestId})`,
    requestId,
  };
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
  return { attempt: 1, life, startedAtMs, history };
}

function claimAfter(old: JobRecord | undefined, startedAtMs: number): Claim {
  if (old === undefined) return freshClaim(1, startedAtMs);
  return { ...freshClaim(old.life, startedAtMs, old.history), attempt: old.attempts + 1 };
}

/** When a record that was written now may be forgotten, in seconds as DynamoDB's TTL reads it. */
export function expirationSeconds(nowMs: number): number {
  return Math.ceil(nowMs / 1000) + RECORD_RETENTION_SECONDS;
}

const CLAIM_FIELDS =
  'jobId = if_not_exists(jobId, :jobId), #status = :status, #state = :running, #owner = :owner, requestId = :request, ' +
  'leaseUntilMs = :lease, payloadHash = :hash, messageId = :message, startedAtMs = :now, expiration = :expiration';

const CLAIM_NAMES = { '#status': 'status', '#state': 'state', '#owner': 'owner' };

function claimValues(run: Run, nowMs: number) {
  return {
    ':jobId': run.jobId,
    ':status': 'INPROGRESS',
    ':running': 'running',
    ':owner': run.owner,
    ':request': run.requestId,
    ':lease': run.leaseUntilMs,
    ':hash': run.payloadHash,
    ':message': run.messageId,
    ':now': nowMs,
    ':expiration': expirationSeconds(nowMs),
  };
}
