import { randomUUID } from 'node:crypto';
import { type DynamoDBDocumentClient, GetCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { carrierNote } from '../consumer/record-changes.ts';
import { rememberSteps, stepsOfJob } from '../consumer/step-records.ts';
import { conditionalUpdate } from '../jobs/conditional-update.ts';
import {
  expirationSeconds,
  JOB_SORT_KEY,
  type JobRecord,
  jobPartitionKey,
  longerForExecution,
  type StepRecord,
  stageOfStep,
  type Verdict,
} from '../jobs/record.ts';

/** How a job ends whose execution has ended. */
export type End = { readonly redriveCount: number } & (
  | { readonly state: 'completed'; readonly result: string | undefined }
  | { readonly state: 'cancelled' }
  | { readonly state: 'dead'; readonly verdict: Verdict }
);

/** No step outlives its job: where an execution might run for weeks, its steps are kept for longer, too. */
function longerThanOthersMs({ expiration, startedAtMs }: JobRecord): number {
  const executionSeconds = expiration - expirationSeconds(startedAtMs);
  return longerForExecution(executionSeconds) * 1000;
}

/** The reads and writes on a staged job's record at its execution's end. */
export class EndRecords {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #key: { readonly TableName: string; readonly Key: { readonly pk: string; readonly sk: string } };
  readonly #now: () => number;
  /** By it a write is known as ours whose answer was lost and that the SDK sent again. */
  readonly #owner = randomUUID();

  constructor(
    { dynamo, jobsTable, now }: { dynamo: DynamoDBDocumentClient; jobsTable: string; now: () => number },
    job: { readonly type: string; readonly key: string },
  ) {
    this.#dynamo = dynamo;
    this.#key = { TableName: jobsTable, Key: { pk: jobPartitionKey(job.type, job.key), sk: JOB_SORT_KEY } };
    this.#now = now;
  }

  async read(): Promise<JobRecord | undefined> {
    const { Item } = await this.#dynamo.send(new GetCommand({ ...this.#key, ConsistentRead: true }));
    return Item as JobRecord | undefined;
  }

  steps(): Promise<StepRecord[]> {
    return stepsOfJob(this.#dynamo, this.#key.TableName, this.#key.Key.pk);
  }

  /** Takes each stage that is under way from its run, which can begin no step within it after this. */
  async takeStages(): Promise<void> {
    const stages = (await this.steps()).filter((step) => step.state === 'begun' && stageOfStep(step));
    for (const { pk, sk } of stages)
      await conditionalUpdate(this.#dynamo, {
        TableName: this.#key.TableName,
        Key: { pk, sk },
        UpdateExpression: 'SET #owner = :owner',
        ConditionExpression: '#state = :begun',
        ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state' },
        ExpressionAttributeValues: { ':owner': this.#owner, ':begun': 'begun' },
      });
  }

  /** The steps of a job that may be resumed are remembered for as long as its record, which its end renews. */
  async remember(steps: readonly StepRecord[]): Promise<void> {
    const nowMs = this.#now();
    await rememberSteps(this.#dynamo, this.#key.TableName, steps, { nowMs, untilMs: nowMs });
  }

  /** @returns whether the record was still as `seen`; otherwise nothing was written */
  async end(seen: JobRecord, executionArn: string, end: End): Promise<boolean> {
    const nowMs = this.#now();
    const { state, redriveCount } = end;
    const changes = Object.entries({
      state,
      owner: this.#owner,
      executionArn,
      redriveCount,
      expiration: expirationSeconds(nowMs + longerThanOthersMs(seen)),
      // Powertools' own status, which a starter that still runs must find ended.
      ...(state === 'completed' ? { status: 'COMPLETED', completedAtMs: nowMs } : {}),
      ...(state === 'completed' && end.result !== undefined ? { result: end.result } : {}),
      ...(state === 'cancelled' ? { endedAtMs: nowMs } : {}),
      ...(state === 'dead' ? { verdict: end.verdict } : {}),
    });
    return this.#update({
      UpdateExpression: `SET ${changes.map(([name]) => `#${name} = :${name}`).join(', ')}`,
      ConditionExpression: '#owner = :seenOwner AND #state = :seenState AND #life = :seenLife',
      ExpressionAttributeNames: {
        '#life': 'life',
        ...Object.fromEntries(changes.map(([name]) => [`#${name}`, name])),
      },
      ExpressionAttributeValues: {
        ':seenOwner': seen.owner,
        ':seenState': seen.state,
        ':seenLife': seen.life,
        ...Object.fromEntries(changes.map(([name, value]) => [`:${name}`, value])),
      },
    });
  }

  /**
   * Lets the verdict bind messages of the key until later, since the one that carries it has yet to be sent.
   *
   * @returns whether the record was still as `seen`: then nobody else sends it
   */
  async bind(seen: JobRecord, untilMs: number): Promise<boolean> {
    return this.#update({
      UpdateExpression: 'SET verdict.bindsUntilMs = :until, #owner = :owner',
      ConditionExpression:
        '#state = :dead AND #life = :life AND verdict.messageId = :unsent AND #owner = :seenOwner',
      ExpressionAttributeNames: { '#state': 'state', '#life': 'life', '#owner': 'owner' },
      ExpressionAttributeValues: {
        ':until': untilMs,
        ':owner': this.#owner,
        ':dead': 'dead',
        ':life': seen.life,
        ':unsent': '',
        ':seenOwner': seen.owner,
      },
    });
  }

  /** The message that carries the verdict is on its way. */
  async sentBack({ life }: JobRecord, messageId: string): Promise<void> {
    await this.#update(carrierNote(life, messageId));
  }

  async #update(update: Omit<UpdateCommandInput, 'TableName' | 'Key'>): Promise<boolean> {
    const outcome = await conditionalUpdate<JobRecord>(this.#dynamo, { ...this.#key, ...update });
    return outcome.written || outcome.inTheWay?.owner === this.#owner;
  }
}
