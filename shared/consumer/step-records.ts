import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, QueryCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { conditionalUpdate } from '../jobs/conditional-update.ts';
import {
  expirationSeconds,
  jobPartitionKey,
  type StepRecord,
  stageOfStep,
  stepSortKey,
} from '../jobs/record.ts';
import { StepRefused } from './errors.ts';
import type { Run } from './run.ts';
import type { Runtime } from './runtime.ts';
import type { StepResults } from './step-results.ts';
import { transact } from './transact.ts';

/** All steps that a job has begun, by the partition key of its record. */
export async function stepsOfJob(
  client: DynamoDBDocumentClient,
  tableName: string,
  pk: string,
): Promise<StepRecord[]> {
  const steps: StepRecord[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const { Items = [], LastEvaluatedKey } = await client.send(
      new QueryCommand({
        TableName: tableName,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :step)',
        ExpressionAttributeValues: { ':pk': pk, ':step': stepSortKey('') },
        ConsistentRead: true,
        ...(from && { ExclusiveStartKey: from }),
      }),
    );
    steps.push(...(Items as StepRecord[]));
    from = LastEvaluatedKey;
  } while (from);
  return steps;
}

/** Writes on steps that are on their way at a time. */
const AT_A_TIME = 25;

/**
 * Lets a job's steps be remembered for as long as one that is written at `untilMs`; never shortens it. What is past its time is of a job
 * that is forgotten, and stays so.
 */
export async function rememberSteps(
  client: DynamoDBDocumentClient,
  tableName: string,
  steps: readonly StepRecord[],
  { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number },
): Promise<void> {
  const expiration = expirationSeconds(untilMs);
  const short = steps.filter((step) => step.expiration * 1000 > nowMs && step.expiration < expiration);
  for (let from = 0; from < short.length; from += AT_A_TIME)
    await Promise.all(
      short.slice(from, from + AT_A_TIME).map(({ pk, sk }) =>
        conditionalUpdate(client, {
          TableName: tableName,
          Key: { pk, sk },
          UpdateExpression: 'SET expiration = :expiration',
          ConditionExpression: 'expiration < :expiration',
          ExpressionAttributeValues: { ':expiration': expiration },
        }),
      ),
    );
}

/** Whose steps they are, and which run of it writes. */
export type StepOwner = Pick<Run, 'type' | 'key' | 'owner'>;

/** An expiry that is younger need not be written again. */
const REMEMBERED_SECONDS = 86_400;

/** A begin that was cut off half-way would leave a marker of nothing. */
const NEVER = AbortSignal.any([]);

export interface StepsOfStage {
  readonly within?: string;
  readonly longerSeconds?: number;
  readonly leaseUntilMs?: number;
}

interface Write {
  readonly set: string;
  readonly condition: string;
  readonly values: Record<string, unknown>;
  readonly names?: Record<string, string>;
}

/**
 * The writes on the records of a job's steps: two a step. Not by way of Powertools, which deletes a record when the work throws,
 * and so takes every throw for "it did not happen".
 */
export class StepRecords {
  readonly #client: DynamoDBDocumentClient;
  readonly #tableName: string;
  readonly #run: StepOwner;
  readonly #results: StepResults;
  readonly #now: () => number;
  readonly #stage: string | undefined;
  readonly #longerMs: number;
  readonly #leaseUntilMs: number | undefined;
  #lastBegin: Promise<unknown> = Promise.resolve();

  /**
   * @param options.within the step of the stage that these steps are within: they begin only while that one is this run's @default none
   * @param options.longerSeconds how much longer than others they are remembered @default 0
   * @param options.leaseUntilMs when this run has surely ended, where the job's own record does not say so @default it does
   */
  constructor(
    { dynamo, jobsTable, results, now }: Pick<Runtime, 'dynamo' | 'jobsTable' | 'results' | 'now'>,
    run: StepOwner,
    { within, longerSeconds = 0, leaseUntilMs }: StepsOfStage = {},
  ) {
    this.#client = dynamo;
    this.#tableName = jobsTable;
    this.#run = run;
    this.#results = results;
    this.#now = now;
    this.#stage = within;
    this.#longerMs = longerSeconds * 1000;
    this.#leaseUntilMs = leaseUntilMs;
  }

  /** Marks the step as begun. @returns the record in the way, when it is done or uncertain @throws StepRefused when its stage is another run's by now */
  async begin(name: string): Promise<StepRecord | undefined> {
    const nowMs = this.#now();
    const record = await this.#begin(name, {
      set: '#state = :begun, #owner = :owner, begunAtMs = :now, firstBegunAtMs = if_not_exists(firstBegunAtMs, :now), expiration = :expiration',
      condition: 'attribute_not_exists(pk) OR #state = :notDone',
      values: {
        ':begun': 'begun',
        ':notDone': 'not-done',
        ':now': nowMs,
        ':expiration': this.#expiration(nowMs),
      },
    });
    // The answer to our own write was lost, and the SDK sent it again: that is our marker.
    return record?.state === 'begun' && record.owner === this.#run.owner && record.begunAtMs === nowMs
      ? undefined
      : record;
  }

  /** The names of the job's steps that began and left no certain outcome. A read: for ends that are rare. */
  async uncertain(): Promise<string[]> {
    const steps = await this.#all();
    return steps
      .filter((step) => step.state === 'begun' && !stageOfStep(step))
      .map(({ sk }) => sk.slice(stepSortKey('').length));
  }

  #all(): Promise<StepRecord[]> {
    return stepsOfJob(this.#client, this.#tableName, jobPartitionKey(this.#run.type, this.#run.key));
  }

  /** A finished step is remembered for as long as its job is: from each attempt that found it. */
  async remember(name: string, seen: StepRecord): Promise<void> {
    const expiration = this.#expiration(this.#now());
    if (expiration - seen.expiration < REMEMBERED_SECONDS) return;
    await this.#update(name, {
      set: 'expiration = :expiration',
      condition: '#state = :done AND #owner = :owner',
      values: { ':done': 'done', ':owner': seen.owner, ':expiration': expiration },
    });
  }

  /** Begins a step over a record that DynamoDB should have deleted by its TTL. @returns whether it was as `seen` still */
  async beginAnew(name: string, seen: StepRecord): Promise<boolean> {
    const nowMs = this.#now();
    const record = await this.#begin(name, {
      set:
        '#state = :begun, #owner = :owner, begunAtMs = :now, firstBegunAtMs = :now, expiration = :expiration ' +
        'REMOVE doneAtMs, #result, resultObject, progress, failure, failures',
      condition:
        '(#owner = :before AND begunAtMs = :seen) OR (#owner = :owner AND begunAtMs = :now AND #state = :begun)',
      values: {
        ':begun': 'begun',
        ':before': seen.owner,
        ':seen': seen.begunAtMs,
        ':now': nowMs,
        ':expiration': this.#expiration(nowMs),
      },
      names: { '#result': 'result' },
    });
    return record === undefined;
  }

  /** All steps of the job are remembered as if they had been written at `untilMs`: one that waits needs them until it runs again, and as long after it as any. */
  async rememberAll(untilMs: number): Promise<void> {
    await rememberSteps(this.#client, this.#tableName, await this.#all(), { nowMs: this.#now(), untilMs });
  }

  #expiration(nowMs: number): number {
    return expirationSeconds(nowMs + this.#longerMs);
  }

  /** Makes an uncertain step ours, to run it again. @returns whether it was as `seen` still */
  async takeOver(name: string, seen: StepRecord): Promise<boolean> {
    const nowMs = this.#now();
    const record = await this.#begin(name, {
      set: '#owner = :owner, begunAtMs = :now, expiration = :expiration',
      condition:
        '#state = :begun AND ((#owner = :before AND begunAtMs = :seen) OR (#owner = :owner AND begunAtMs = :now))',
      values: {
        ':begun': 'begun',
        ':before': seen.owner,
        ':seen': seen.begunAtMs,
        ':now': nowMs,
        ':expiration': this.#expiration(nowMs),
      },
    });
    return record === undefined;
  }

  /** Keeps the result. @param owner whose marker it is, when it is not this run's @throws StepRefused when the step is another's by now */
  async finish(name: string, result: string | undefined, owner = this.#run.owner): Promise<void> {
    const kept = await this.#results.keep(this.#run, name, result);
    const nowMs = this.#now();
    const [field] = Object.entries(kept);
    const record = await this.#update(name, {
      set: `#state = :done, doneAtMs = :now, expiration = :expiration${field ? ', #result = :result' : ''}`,
      condition: '#owner = :owner',
      values: {
        ':done': 'done',
        ':now': nowMs,
        ':expiration': this.#expiration(nowMs),
        ':owner': owner,
        ...(field && { ':result': field[1] }),
      },
      ...(field && { names: { '#result': field[0] } }),
    });
    if (record)
      throw new StepRefused(`Step "${name}" was taken over by another run before its result was kept.`);
  }

  /** The JSON of a finished step's result. */
  async resultOf(record: StepRecord): Promise<string | undefined> {
    return this.#results.read(record);
  }

  /** Its effect certainly did not happen: free to run again. */
  async takeBack(name: string): Promise<void> {
    await this.#update(name, {
      set: '#state = :notDone',
      condition: '#owner = :owner AND #state = :begun',
      values: { ':notDone': 'not-done', ':begun': 'begun' },
    });
  }

  /** Says that this run is in the step no more, whatever became of that. */
  async leave(name: string): Promise<void> {
    await this.#update(name, {
      set: 'leaseUntilMs = :now',
      condition: '#owner = :owner AND #state = :begun',
      values: { ':now': this.#now(), ':begun': 'begun' },
    });
  }

  /** @returns the record in the way */
  async #update(name: string, write: Write): Promise<StepRecord | undefined> {
    const update = await conditionalUpdate<StepRecord>(this.#client, this.#input(name, write));
    if (update.written) return undefined;
    if (!update.inTheWay) throw new StepRefused(`Step "${name}" has no record any more.`);
    return update.inTheWay;
  }

  /** A write by which a step becomes this run's. Within a stage they are made one after the other, since two at a time would be in each other's way. */
  async #begin(name: string, write: Write): Promise<StepRecord | undefined> {
    const stage = this.#stage;
    if (this.#leaseUntilMs !== undefined)
      write = {
        ...write,
        set: `leaseUntilMs = :lease, ${write.set}`,
        values: { ...write.values, ':lease': this.#leaseUntilMs },
      };
    if (stage === undefined) return this.#update(name, write);
    const begin = this.#lastBegin.then(() => this.#beginWithin(stage, name, write));
    this.#lastBegin = begin.catch(() => {});
    return begin;
  }

  async #beginWithin(stage: string, name: string, write: Write): Promise<StepRecord | undefined> {
    const isOurs = {
      ConditionExpression: '#state = :begun AND #owner = :owner',
      ExpressionAttributeNames: { '#state': 'state', '#owner': 'owner' },
      ExpressionAttributeValues: { ':begun': 'begun', ':owner': this.#run.owner },
    };
    try {
      await transact(
        this.#client,
        {
          TransactItems: [
            { ConditionCheck: { ...this.#key(stage), ...isOurs } },
            { Update: this.#input(name, write) },
          ],
        },
        { signal: NEVER },
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      const [ofStage, ofStep] = error.CancellationReasons ?? [];
      if (ofStage?.Code === 'ConditionalCheckFailed')
        throw new StepRefused(`Step "${name}" was begun when its stage had been taken over by another run.`);
      if (!ofStep?.Item) throw error;
      return unmarshall(ofStep.Item) as StepRecord;
    }
  }

  #key(name: string) {
    return {
      TableName: this.#tableName,
      Key: { pk: jobPartitionKey(this.#run.type, this.#run.key), sk: stepSortKey(name) },
    };
  }

  #input(name: string, { set, condition, values, names }: Write) {
    return {
      ...this.#key(name),
      UpdateExpression: `SET ${set}`,
      ConditionExpression: condition,
      ExpressionAttributeNames: { '#state': 'state', '#owner': 'owner', ...names },
      ExpressionAttributeValues: { ':owner': this.#run.owner, ...values },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } satisfies UpdateCommandInput;
  }
}
