import type { SynchronousActionStore } from './action-store.ts';
import { type Item, itemSizeBytes } from './attribute-values.ts';
import { actions, type Request } from './dynalite.ts';
import { validationError } from './errors.ts';
import { runAction } from './items.ts';
import { checked, checkNesting, checkPutSize, requestTypes } from './requests.ts';
import type { TableCatalog } from './table-catalog.ts';

const BATCH_WRITE_LIMIT_ITEMS = 25;
const BATCH_GET_LIMIT_ITEMS = 100;
/** What is beyond it is handed back as unprocessed. */
const BATCH_GET_LIMIT_BYTES = 16 * 1024 * 1024;

interface WriteRequest {
  readonly PutRequest?: { readonly Item: Item };
  readonly DeleteRequest?: { readonly Key: Item };
}

interface TableKeys extends Request {
  readonly Keys: readonly Item[];
}

/** Several operations in one request, each by itself: no transaction to the caller, and no conditions. */
export class Batches {
  readonly #store: SynchronousActionStore;
  readonly #catalog: TableCatalog;

  constructor(store: SynchronousActionStore, catalog: TableCatalog) {
    this.#store = store;
    this.#catalog = catalog;
  }

  /** @throws AwsError */
  write(input: unknown): Request {
    const request = checked('BatchWriteItem', input, requestTypes.BatchWriteItem);
    const writes = flat(request.RequestItems as Readonly<Record<string, readonly WriteRequest[]>>);
    if (writes.length > BATCH_WRITE_LIMIT_ITEMS)
      throw validationError('Too many items requested for the BatchWriteItem call');
    for (const [, { PutRequest: put }] of writes) {
      if (!put) continue;
      checkNesting(put.Item);
      checkPutSize(put.Item);
    }
    this.#refuseSameItemTwice(
      writes.map(([name, write]) => [name, write.PutRequest?.Item ?? write.DeleteRequest?.Key ?? {}]),
    );
    const answers = writes.map(([TableName, { PutRequest: put, DeleteRequest: remove }]) => {
      const one = { TableName, ReturnConsumedCapacity: request.ReturnConsumedCapacity };
      return put
        ? runAction(this.#store, actions.putItem, { ...one, Item: put.Item })
        : runAction(this.#store, actions.deleteItem, { ...one, Key: remove?.Key });
    });
    return { UnprocessedItems: {}, ...consumedByTable(answers) };
  }

  /** @throws AwsError */
  get(input: unknown): Request {
    const request = checked('BatchGetItem', input, requestTypes.BatchGetItem);
    const tables = request.RequestItems as Readonly<Record<string, TableKeys>>;
    const keys = Object.entries(tables).flatMap(([name, table]) =>
      table.Keys.map((key) => [name, key] as const),
    );
    if (keys.length > BATCH_GET_LIMIT_ITEMS)
      throw validationError('Too many items requested for the BatchGetItem call');
    this.#refuseSameItemTwice(keys);
    const responses: Record<string, Item[]> = Object.fromEntries(
      Object.keys(tables).map((name) => [name, []]),
    );
    const unprocessed: Record<string, Request & { Keys: Item[] }> = {};
    const answers: Request[] = [];
    let sizeBytes = 0;
    for (const [TableName, Key] of keys) {
      const { Keys: _keys, ...options } = tables[TableName] ?? { Keys: [] };
      const answer = runAction(this.#store, actions.getItem, {
        ...options,
        TableName,
        Key,
        ReturnConsumedCapacity: request.ReturnConsumedCapacity,
      });
      const item = answer.Item as Item | undefined;
      sizeBytes += item ? itemSizeBytes(item) : 0;
      if (sizeBytes > BATCH_GET_LIMIT_BYTES) {
        unprocessed[TableName] ??= { ...asSent(options), Keys: [] };
        unprocessed[TableName].Keys.push(Key);
        continue;
      }
      answers.push(answer);
      if (item) responses[TableName]?.push(item);
    }
    return { Responses: responses, UnprocessedKeys: unprocessed, ...consumedByTable(answers) };
  }

  #refuseSameItemTwice(items: readonly (readonly [string, Item])[]): void {
    const seen = new Set<string>();
    for (const [name, item] of items) {
      const { definition } = this.#catalog.forItems(name);
      const identity = JSON.stringify([name, ...definition.KeySchema.map((key) => item[key.AttributeName])]);
      if (seen.has(identity)) throw validationError('Provided list of item keys contains duplicates');
      seen.add(identity);
    }
  }
}

function flat<Entry>(byTable: Readonly<Record<string, readonly Entry[]>>): (readonly [string, Entry])[] {
  return Object.entries(byTable).flatMap(([name, entries]) => entries.map((entry) => [name, entry] as const));
}

/** Without what parsing left in it. */
function asSent(options: Request): Request {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !name.startsWith('_')));
}

function consumedByTable(answers: readonly Request[]): Request {
  const units = new Map<string, number>();
  for (const { ConsumedCapacity: consumed } of answers as readonly { ConsumedCapacity?: Consumed }[])
    if (consumed)
      units.set(consumed.TableName, (units.get(consumed.TableName) ?? 0) + consumed.CapacityUnits);
  if (units.size === 0) return {};
  return {
    ConsumedCapacity: Array.from(units, ([TableName, CapacityUnits]) => ({ TableName, CapacityUnits })),
  };
}

interface Consumed {
  readonly TableName: string;
  readonly CapacityUnits: number;
}
