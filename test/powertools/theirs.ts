import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import type { Context } from 'aws-lambda';
import type { Lab } from '../lab/lab.ts';

type ConfigOptions = ConstructorParameters<typeof IdempotencyConfig>[0];
type Payload = Record<string, unknown>;

export interface TheirOptions {
  /** @default one of its own */
  readonly layer?: DynamoDBPersistenceLayer;
  readonly keyPrefix?: string;
  /** The same for several functions of one environment. @default one of its own, keyed by `key` */
  readonly config?: IdempotencyConfig;
}

/** Powertools as it ships: its own persistence layer, on a table of its own in the lab's DynamoDB. */
export class Theirs {
  readonly #lab: Lab;
  readonly #client: DynamoDBClient;
  readonly #tableName: string;

  static async create(lab: Lab): Promise<Theirs> {
    const client = new DynamoDBClient({
      endpoint: lab.cloud.endpoint,
      region: lab.cloud.region,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
      maxAttempts: 1,
    });
    const TableName = `powertools-${crypto.randomUUID()}`;
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      }),
    );
    return new Theirs(lab, client, TableName);
  }

  private constructor(lab: Lab, client: DynamoDBClient, name: string) {
    this.#lab = lab;
    this.#client = client;
    this.#tableName = name;
  }

  layer(): DynamoDBPersistenceLayer {
    return new DynamoDBPersistenceLayer({ tableName: this.#tableName, awsSdkV3Client: this.#client });
  }

  /** `work` made idempotent, its key at `key` unless the config says otherwise. */
  idempotent<Result>(work: (payload: Payload) => Promise<Result>, options: TheirOptions = {}) {
    return makeIdempotent(work, {
      persistenceStore: options.layer ?? this.layer(),
      keyPrefix: options.keyPrefix ?? 'theirs',
      config: options.config ?? config(),
    });
  }

  async items(): Promise<Payload[]> {
    const { Items = [] } = await this.#lab.dynamo.send(
      new ScanCommand({ TableName: this.#tableName, ConsistentRead: true }),
    );
    return Items;
  }

  stop(): void {
    this.#client.destroy();
  }
}

/** A config whose key is at `key`, in an invocation with so much time left. */
export function config(options: ConfigOptions = {}, remainingMs = 30_000): IdempotencyConfig {
  const made = new IdempotencyConfig({ eventKeyJmesPath: 'key', ...options });
  made.registerLambdaContext(invocationWith(remainingMs));
  return made;
}

export function invocationWith(remainingMs: number): Context {
  return { getRemainingTimeInMillis: () => remainingMs } as Context;
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resume) => setTimeout(resume, milliseconds));
