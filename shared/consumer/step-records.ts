import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { jobPartitionKey, type StepRecord, stepSortKey } from '../jobs/record.ts';
import { StepRefused } from './errors.ts';
import { expirationSeconds } from './job-records.ts';
import type { Run } from './run.ts';

/**
 * The writes on the records of a job's steps: two a step. Not by way of Powertools, which deletes a record when the work throws,
 * and so takes every throw for "it did not happen".
 */
export class StepRecords {
  readonly #client: DynamoDBDocumentClient;
  readonly #tableName: string;
  readonly #run: Run;
  readonly #now: () => number;

  constructor(client: DynamoDBDocumentClient, tableName: string, run: Run, now: () => number) {
    this.#client = client;
    this.#tableName = tableName;
    this.#run = run;
    this.#now = now;
  }

  /** Marks the step as begun. @returns the record in the way, when it is done or uncertain */
  async begin(name: string): Promise<StepRecord | undefined> {
    const nowMs = this.#now();
    const record = await this.#update(name, {
      set: '#state = :begun, #owner = :owner, begunAtMs = :now, firstBegunAtMs = if_not_exists(firstBegunAtMs, :now), expiration = :expiration',
      condition: 'attribute_not_exists(pk) OR #state = :notDone',
      values: {
        ':begun': 'begun',
        ':notDone': 'not-done',
        ':now': nowMs,
        ':expiration': expirationSeconds(nowMs),
      },
    });
    // The answer to our own write was lost, and the SDK sent it again: that is our marker.
    return record?.state === 'begun' && record.owner === this.#run.owner && record.begunAtMs === nowMs
      ? undefined
      : record;
  }

  /** Makes an uncertain step ours, to run it again. @returns whether it was as `seen` still */
  async takeOver(name: string, seen: StepRecord): Promise<boolean> {
    const nowMs = this.#now();
    const record = await this.#update(name, {
      set: '#owner = :owner, begunAtMs = :now, expiration = :expiration',
      condition:
        '#state = :begun AND ((#owner = :before AND begunAtMs = :seen) OR (#owner = :owner AND begunAtMs = :now))',
      values: {
        ':begun': 'begun',
        ':before': seen.owner,
        ':seen': seen.begunAtMs,
        ':now': nowMs,
        ':expiration': expirationSeconds(nowMs),
      },
    });
    return record === undefined;
  }

  /** Keeps the result. @param owner whose marker it is, when it is not this run's @throws StepRefused when the step is another's by now */
  async finish(name: string, result: string | undefined, owner = this.#run.owner): Promise<void> {
    const nowMs = this.#now();
    const record = await this.#update(name, {
      set: `#state = :done, doneAtMs = :now, expiration = :expiration${result === undefined ? '' : ', #result = :result'}`,
      condition: '#owner = :owner',
      values: {
        ':done': 'done',
        ':now': nowMs,
        ':expiration': expirationSeconds(nowMs),
        ':owner': owner,
        ...(result === undefined ? {} : { ':result': result }),
      },
      ...(result === undefined ? {} : { names: { '#result': 'result' } }),
    });
    if (record)
      throw new StepRefused(`Step "${name}" was taken over by another run before its result was kept.`);
  }

  /** Its effect certainly did not happen: free to run again. */
  async takeBack(name: string): Promise<void> {
    await this.#update(name, {
      set: '#state = :notDone',
      condition: '#owner = :owner AND #state = :begun',
      values: { ':notDone': 'not-done', ':begun': 'begun' },
    });
  }

  async #update(
    name: string,
    write: {
      set: string;
      condition: string;
      values: Record<string, unknown>;
      names?: Record<string, string>;
    },
  ): Promise<StepRecord | undefined> {
    try {
      await this.#client.send(
        new UpdateCommand({
          TableName: this.#tableName,
          Key: { pk: jobPartitionKey(this.#run.type, this.#run.key), sk: stepSortKey(name) },
          UpdateExpression: `SET ${write.set}`,
          ConditionExpression: write.condition,
          ExpressionAttributeNames: { '#state': 'state', '#owner': 'owner', ...write.names },
          ExpressionAttributeValues: { ':owner': this.#run.owner, ...write.values },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException) || !error.Item) throw error;
      return unmarshall(error.Item) as StepRecord;
    }
  }
}
