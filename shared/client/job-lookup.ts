import {
  type DynamoDBDocumentClient,
  GetCommand,
  paginateQuery,
  paginateScan,
  type QueryCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { JOB_ID_INDEX, tableName } from '../jobs/names.ts';
import {
  JOB_SORT_KEY,
  type JobRecord,
  jobPartitionKey,
  type StepRecord,
  stepSortKey,
} from '../jobs/record.ts';

/** Reads the records of a stage's jobs. */
export class JobLookup {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #tableName: string;

  constructor(dynamo: DynamoDBDocumentClient, stage: string) {
    this.#dynamo = dynamo;
    this.#tableName = tableName(stage, 'jobs');
  }

  /** One job by type and key; `undefined` when no attempt of it has begun yet. Strongly consistent. */
  async byKey(type: string, key: string): Promise<JobRecord | undefined> {
    return this.byPartitionKey(jobPartitionKey(type, key));
  }

  /** The same by the record's own `pk`, which is `<type>#<key>`. */
  async byPartitionKey(pk: string): Promise<JobRecord | undefined> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({
        TableName: this.#tableName,
        Key: { pk, sk: JOB_SORT_KEY },
        ConsistentRead: true,
      }),
    );
    return Item as JobRecord | undefined;
  }

  /**
   * The jobs of a publisher's id: usually one, since ids are unique to their publisher only. A record of another `jobId` is the job
   * that the id's message was a duplicate of. The index follows the table within a moment.
   */
  async byJobId(jobId: string): Promise<JobRecord[]> {
    const keys = await this.partitionKeysOf(jobId);
    const records = await Promise.all(keys.map((pk) => this.byPartitionKey(pk)));
    return records.filter((record) => record !== undefined);
  }

  /** The `pk` of each job that the index has under a publisher's id. */
  async partitionKeysOf(jobId: string): Promise<string[]> {
    const items = await this.#query({
      IndexName: JOB_ID_INDEX,
      KeyConditionExpression: 'jobId = :jobId',
      ExpressionAttributeValues: { ':jobId': jobId },
    });
    return [...new Set(items.map(({ pk }) => pk as string))];
  }

  /** The steps that the job has begun, by name. */
  async steps(record: Pick<JobRecord, 'pk'>): Promise<StepRecord[]> {
    const items = await this.#query({
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :step)',
      ExpressionAttributeValues: { ':pk': record.pk, ':step': stepSortKey('') },
      ConsistentRead: true,
    });
    return items as unknown as StepRecord[];
  }

  /** Every job record of the stage. Reads the whole table: for small stages and for tests. */
  async *all(): AsyncGenerator<JobRecord> {
    const pages = paginateScan(
      { client: this.#dynamo },
      {
        TableName: this.#tableName,
        ConsistentRead: true,
        FilterExpression: 'sk = :job',
        ExpressionAttributeValues: { ':job': JOB_SORT_KEY },
      },
    );
    for await (const { Items = [] } of pages) yield* Items as JobRecord[];
  }

  async #query(query: Omit<QueryCommandInput, 'TableName'>): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = [];
    const pages = paginateQuery({ client: this.#dynamo }, { TableName: this.#tableName, ...query });
    for await (const { Items = [] } of pages) items.push(...Items);
    return items;
  }
}
