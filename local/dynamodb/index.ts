import { crc32 } from 'node:zlib';
import { AwsError } from '../kernel/errors.ts';
import { handleJson } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { SynchronousActionStore } from './action-store.ts';
import { Batches } from './batches.ts';
import { type ItemChange, itemChange } from './changes.ts';
import type { Request } from './dynalite.ts';
import { asServiceError, faults } from './errors.ts';
import { ItemRows } from './item-rows.ts';
import { ItemOperations } from './items.ts';
import { RequestTokens } from './request-tokens.ts';
import { TableCatalog } from './table-catalog.ts';
import { TableOperations } from './table-operations.ts';
import { tableProviders } from './table-resources.ts';
import { TimeToLive } from './time-to-live.ts';
import { Transactions } from './transactions.ts';

export type { AttributeValue, Item } from './attribute-values.ts';
export type { ItemChange } from './changes.ts';
export { faults } from './errors.ts';

/**
 * Called before each operation, over HTTP or in process. It may throw (an `AwsError`: see {@link faults}) so that nothing is
 * done, or answer `apply-then-fail` so that it is done and its answer lost: the caller gets a 500, as after a broken connection.
 */
export type Intercept = (
  operation: string,
  input: unknown,
) => Promise<undefined | 'apply-then-fail'> | undefined | 'apply-then-fail';

const NOT_SERVED = ['ExecuteStatement', 'BatchExecuteStatement', 'ExecuteTransaction'];

/**
 * Amazon DynamoDB over `node:sqlite`. Every operation is one synchronous turn of this process, in one SQLite transaction where it writes:
 * that is its queue, and what is acknowledged is on disk.
 */
export class DynamoDb implements Service {
  readonly signingName = 'dynamodb';
  /** For tests: faults by operation. */
  intercept: Intercept | undefined;
  readonly #context: CloudContext;
  readonly #store: SynchronousActionStore;
  readonly #tables: TableOperations;
  readonly #timeToLive: TimeToLive;
  readonly #operations: Readonly<Record<string, (input: Request) => unknown>>;
  readonly #httpOperations: Readonly<Record<string, (input: unknown) => Promise<unknown>>>;
  readonly #listeners = new Set<(change: ItemChange) => void>();
  readonly #providers: readonly ResourceProvider[];

  constructor(context: CloudContext) {
    const { db } = context.store;
    const rows = new ItemRows(db);
    const catalog = new TableCatalog(context, rows);
    this.#context = context;
    this.#store = new SynchronousActionStore(rows, catalog);
    this.#tables = new TableOperations(context, rows, catalog);
    this.#timeToLive = new TimeToLive(context, rows, catalog, this.#store, (work) =>
      this.#commit(work, 'time-to-live'),
    );
    this.#providers = tableProviders(context, this.#tables, catalog, () => this.#timeToLive.arm());
    const items = new ItemOperations(this.#store, catalog);
    const batches = new Batches(this.#store, catalog);
    const transactions = new Transactions(this.#store, catalog, new RequestTokens(db, context.clock));
    const tables = this.#tables;
    const writing = (work: (input: Request) => unknown) => (input: Request) =>
      this.#commit(() => work(input));
    this.#operations = {
      CreateTable: (input) => tables.create(input),
      DescribeTable: (input) => tables.describe(input),
      ListTables: (input) => tables.list(input),
      UpdateTable: (input) => tables.update(input),
      DeleteTable: (input) => tables.delete(input),
      UpdateTimeToLive: (input) => {
        const answer = tables.updateTimeToLive(input);
        this.#timeToLive.arm();
        return answer;
      },
      DescribeTimeToLive: (input) => tables.describeTimeToLive(input),
      UpdateContinuousBackups: (input) => tables.updateContinuousBackups(input),
      DescribeContinuousBackups: (input) => tables.describeContinuousBackups(input),
      PutItem: writing((input) => items.write('PutItem', input)),
      UpdateItem: writing((input) => items.write('UpdateItem', input)),
      DeleteItem: writing((input) => items.write('DeleteItem', input)),
      GetItem: (input) => items.get(input),
      Query: (input) => items.read('Query', input),
      Scan: (input) => items.read('Scan', input),
      BatchWriteItem: writing((input) => batches.write(input)),
      BatchGetItem: (input) => batches.get(input),
      TransactWriteItems: writing((input) => transactions.write(input)),
      TransactGetItems: (input) => transactions.get(input),
    };
    this.#httpOperations = Object.fromEntries(
      [...Object.keys(this.#operations), ...NOT_SERVED].map((name) => [
        name,
        (input: unknown) => this.execute(name, input),
      ]),
    );
  }

  start(): void {
    this.#timeToLive.start();
  }

  async stop(): Promise<void> {
    this.#timeToLive.stop();
  }

  async handle(request: ServiceRequest): Promise<ServiceResponse> {
    const response = await handleJson(request, { version: '1.0', operations: this.#httpOperations });
    return { ...response, headers: { ...response.headers, 'x-amz-crc32': String(crc32(response.body)) } };
  }

  /**
   * Runs an operation in process, exactly as over HTTP: input and output are what goes over the wire (binary in base64).
   *
   * @throws AwsError
   */
  async execute(operation: string, input: unknown): Promise<unknown> {
    const run = this.#operations[operation];
    if (!run)
      throw new AwsError(
        'UnknownOperationException',
        NOT_SERVED.includes(operation)
          ? `The local cloud does not serve PartiQL: use the operations on items and transactions instead of ${operation}`
          : `The local cloud does not know the operation "${operation}"`,
      );
    const fault = this.intercept && (await this.intercept(operation, input));
    try {
      const answer = run(input as Request);
      if (fault !== 'apply-then-fail') return answer;
    } catch (error) {
      throw asServiceError(error);
    }
    throw faults.internalServerError();
  }

  /**
   * Tells every change of an item, after it is committed and before its caller is answered.
   *
   * @param listener must not throw
   * @returns what ends it
   */
  observe(listener: (change: ItemChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How late expired items are deleted; below zero, how early. @default 120 */
  setTimeToLiveLag(lagSeconds: number): void {
    this.#timeToLive.setLagSeconds(lagSeconds);
  }

  /** Deletes now what expires up to a time in cloud milliseconds, and answers how many items that were. @default now */
  deleteExpired(untilMs = this.#context.clock.now()): number {
    return this.#timeToLive.deleteExpired(untilMs);
  }

  providers(): readonly ResourceProvider[] {
    return this.#providers;
  }

  #commit<Result>(work: () => Result, cause: ItemChange['cause'] = 'request'): Result {
    try {
      const result = this.#context.store.transaction(work);
      for (const write of this.#store.takeWrites()) {
        if (write.expiresAtSeconds !== undefined) this.#timeToLive.notice(write.expiresAtSeconds);
        if (this.#listeners.size === 0) continue;
        const change = itemChange(write, cause);
        if (change) for (const listener of this.#listeners) listener(change);
      }
      return result;
    } catch (error) {
      this.#store.takeWrites();
      throw error;
    }
  }
}
