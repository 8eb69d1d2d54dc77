import { type DynamoDBDocumentClient, GetCommand, paginateScan, QueryCommand } from '@aws-sdk/lib-dynamodb';
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
    const { Item } = await this.#dynamo.send(
      new GetCommand({
        TableName: this.#tableName,
        Key: { pk: jobPartitionKey(type, key), sk: JOB_SORT_KEY },
        ConsistentRead: true,
      }),
    );
    return Item as JobRecord | undefined;
  }

  /**
   * The jobs of a publisher's id: usually one, since ids are unique to their publisher only. The index follows the table within a
   * moment.
   */
  async byJobId(jobId: string): Promise<JobRecord[]> {
    const { Items = [] } = await this.#dynamo.send(
      new QueryCommand({
        TableName: this.#tableName,
        IndexName: JOB_ID_INDEX,
        KeyConditionExpression: 'jobId = :jobId',
        ExpressionAttributeValues: { ':jobId': jobId },
      }),
    );
    const records = await Promise.all(Items.map(({ pk, sk }) => this.#record(pk as string, sk as string)));
    return records.filter((record) => record !== undefined);
  }

  /** The steps that the job has begun, by name. */
  async steps(record: Pick<JobRecord, 'pk'>): Promise<StepRecord[]> {
    const { Items = [] } = await this.#dynamo.send(
      new QueryCommand({
        TableName: this.#tableName,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :step)',
        ExpressionAttributeValues: { ':pk': record.pk, ':step': stepSortKey('') },
        ConsistentRead: true,
      }),
    );
    return Items as StepRecord[];
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

  async #record(pk: string, sk: string): Promise<JobRecord | undefined> {
    const { Item } = await this.#dynamo.send(new GetCommand({ TableName: this.#tableName, Key: { pk, sk } }));
    return Item as JobRecord | undefined;
  }
}
