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
   * Claims a key that is new, due for its next attempt, or left behind by a run whose lease has ended. The attempt counts
   * from here: a process that dies after this has spent it.
   */
  async claim(run: Run, mostAttempts: number): Promise<ClaimResult> {
    const nowMs = this.#now();
    const result = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET ${CLAIM_FIELDS}, #life = if_not_exists(#life, :one), attempts = if_not_exists(attempts, :zero) + :one REMOVE notBeforeMs`,
      ConditionExpression:
        'attribute_not_exists(pk) OR (payloadHash = :hash AND attempts < :most AND ' +
        '((#state = :retrying AND notBeforeMs <= :now) OR (#state = :running AND leaseUntilMs <= :now)))',
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
    const { written } = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET #status = :status, #state = :state, completedAtMs = :now, expiration = :expiration${
        result === undefined ? '' : ', #result = :result'
      }`,
      ConditionExpression: '#owner = :owner',
      ExpressionAttributeNames: {
        '#status': 'status',
        '#state': 'state',
        '#owner': 'owner',
        ...(result === undefined ? {} : { '#result': 'result' }),
      },
      ExpressionAttributeValues: {
        ':status': 'COMPLETED',
        ':state': 'completed',
        ':now': nowMs,
        ':expiration': expirationSeconds(nowMs),
        ':owner': run.owner,
        ...(result === undefined ? {} : { ':result': result }),
      },
    });
    return written;
  }

  /** Records the end of our attempt. @returns whether the claim was still ours; otherwise nothing was written */
  async fail(run: Run, history: History, next: Continuation): Promise<boolean> {
    return this.#end(run, run.owner, history, next);
  }

  /**
   * Gives up a job whose last attempt nobody ended: its process died, or the schedule has become shorter. Conditional on the
   * run that left it behind.
   */
  async bury(run: Run, abandoned: JobRecord, verdict: Verdict): Promise<boolean> {
    return this.#end(run, abandoned.owner, historyAfter(abandoned), { verdict });
  }

  /** Keeps an attempt that nobody recorded, found by the claim that followed it. */
  async recordCrash(run: Run, history: History): Promise<void> {
    await this.#write({
      ...this.#key(run),
      UpdateExpression: 'SET history = :history',
      ConditionExpression: '#owner = :owner',
      ExpressionAttributeNames: { '#owner': 'owner' },
      ExpressionAttributeValues: { ':history': newest(history), ':owner': run.owner },
    });
  }

  async #end(run: Run, owner: string, history: History, next: Continuation): Promise<boolean> {
    const dead = 'verdict' in next;
    const { written } = await this.#write({
      ...this.#key(run),
      UpdateExpression: `SET #state = :state, expiration = :expiration, history = :history, ${
        dead ? 'verdict = :verdict' : 'notBeforeMs = :notBefore'
      }`,
      ConditionExpression: '#owner = :owner',
      ExpressionAttributeNames: { '#state': 'state', '#owner': 'owner' },
      ExpressionAttributeValues: {
        ':state': dead ? 'dead' : 'retrying',
        ':expiration': expirationSeconds(this.#now()),
        ':history': newest(history),
        ':owner': owner,
        ...(dead ? { ':verdict': next.verdict } : { ':notBefore': next.notBeforeMs }),
      },
    });
    return written;
  }

  /** A write whose answer was lost and that the SDK sent again fails on its own effect: our token says that the claim is ours. */
  #claimedAfterAll(record: JobRecord | undefined, run: Run): ClaimResult {
    if (record === undefined)
      throw new Error('The claim failed its condition and DynamoDB returned no item.');
    return record.owner === run.owner && record.state === 'running'
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

/** The history of a record left behind, with the attempt that it shows as begun and never ended. */
export function historyAfter(record: JobRecord): History {
  const history = record.history ?? [];
  if (record.state !== 'running') return history;
  const crash: FailedAttempt = {
    life: record.life,
    attempt: record.attempts,
    startedAtMs: record.startedAtMs,
    code: CRASHED,
    message: `crashed: no outcome was recorded (request ${record.requestId})`,
    requestId: record.requestId,
  };
  return [...history, crash];
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
  return { attempt: 1, life, startedAtMs, history, crashed: false };
}

function claimAfter(old: JobRecord | undefined, startedAtMs: number): Claim {
  if (old === undefined) return freshClaim(1, startedAtMs);
  return {
    attempt: old.attempts + 1,
    life: old.life,
    startedAtMs,
    history: historyAfter(old),
    crashed: old.state === 'running',
  };
}

function expirationSeconds(nowMs: number): number {
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
