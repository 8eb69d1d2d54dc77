import { Stream } from 'node:stream';
import { ITEM_LIMIT_BYTES, type Item, itemSizeBytes, mayExceed } from './attribute-values.ts';
import { documentCondition, matches } from './document-conditions.ts';
import {
  type Action,
  type ActionSpace,
  type ActionStore,
  db,
  type KeyRange,
  type Request,
} from './dynalite.ts';
import { conditionFailed, validationError } from './errors.ts';
import type { ItemRows, Row } from './item-rows.ts';
import { checkIndexKeys, checkTableKey } from './key-limits.ts';
import { indexesOf, indexRowKey, type Table, type TableCatalog } from './table-catalog.ts';
import { itemExpirySeconds } from './time-to-live-attribute.ts';

/** One item written: its JSON before and after, `undefined` where there was none. */
export interface Write {
  readonly table: Table;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** When the item expires, if it does. */
  readonly expiresAtSeconds: number | undefined;
}

/** The item that an action read last: what a write replaces, and what a failed condition shows. */
interface LastRead {
  readonly key: string;
  readonly text: string | undefined;
  readonly item: Item | undefined;
}

/** dynalite's store over {@link ItemRows}. Everything answers at once, so that an action is over when its call returns. */
export class SynchronousActionStore implements ActionStore {
  /** dynalite counts characters, not bytes: the limits are ours to hold (`requests.ts`, `items.ts`, `key-limits.ts`). */
  readonly options = { maxItemSize: Number.MAX_SAFE_INTEGER };
  readonly #rows: ItemRows;
  readonly #catalog: TableCatalog;
  readonly #spaces = new WeakMap<Table, Map<string, ActionSpace>>();
  #lastRead: LastRead | undefined;
  #itemJson: string | undefined;
  #writes: Write[] = [];
  #opened: RowStream[] = [];
  #startKey: Item | undefined;
  #operation: 'put' | 'update' = 'put';
  #condition: ReturnType<typeof documentCondition>;

  constructor(rows: ItemRows, catalog: TableCatalog) {
    this.#rows = rows;
    this.#catalog = catalog;
  }

  /** @throws what the action answers as its error */
  run(action: Action, request: Request): Request {
    let answer: { error: Error | null | undefined; result: Request } | undefined;
    this.#lastRead = undefined;
    this.#itemJson = undefined;
    this.#startKey = request.ExclusiveStartKey as Item | undefined;
    this.#operation = request.Item === undefined ? 'update' : 'put';
    const keyed = (request.Item ?? request.Key) as Item | undefined;
    if (keyed) checkTableKey(this.#catalog.forItems(String(request.TableName)).definition, keyed);
    this.#opened = [];
    this.#condition = documentCondition(request, '_condition');
    action(this, this.#condition ? { ...request, _condition: undefined } : request, (error, result = {}) => {
      answer = { error, result };
    });
    for (const stream of this.#opened) stream.flow();
    if (!answer) throw new Error('a dynalite action did not answer at once');
    if (answer.error) throw answer.error;
    return answer.result;
  }

  /** The item under the key of the last action, as it was before. */
  get itemBefore(): Item | undefined {
    return this.#lastRead?.item;
  }

  /** The item under the key of the last action: as it is now, or, where that deleted it, as it was. */
  get itemJson(): string | undefined {
    return this.#itemJson;
  }

  /** What was written since it was last asked. The writes of a transaction that was rolled back must be taken, too. */
  takeWrites(): readonly Write[] {
    const writes = this.#writes;
    this.#writes = [];
    return writes;
  }

  getTable(name: string, callback: Parameters<ActionStore['getTable']>[1]): void {
    callback(null, this.#catalog.forItems(name).definition);
  }

  getItemDb(tableName: string): ActionSpace {
    const table = this.#catalog.forItems(tableName);
    return this.#space(table, '', () => this.#itemSpace(table));
  }

  getIndexDb(_indexType: string, tableName: string, indexName: string): ActionSpace {
    const table = this.#catalog.forItems(tableName);
    return this.#space(table, indexName, () => this.#indexSpace(table, indexName));
  }

  /** Deletes an item, with its index entries, whatever its table's conditions. */
  deleteItem(table: Table, key: string): void {
    this.#readItem(table, key);
    const item = this.#lastRead?.item;
    if (!item) return;
    for (const entry of db.getIndexActions(indexesOf(table.definition), undefined, item, table.definition)
      .puts)
      this.#rows.delete(indexSpaceOf(table, entry.index), indexRowKey(entry.key, key));
    this.#writeItem(table, key, undefined);
  }

  #space(table: Table, name: string, make: () => ActionSpace): ActionSpace {
    const spaces = this.#spaces.get(table) ?? new Map<string, ActionSpace>();
    const space = spaces.get(name) ?? make();
    this.#spaces.set(table, spaces.set(name, space));
    return space;
  }

  #itemSpace(table: Table): ActionSpace {
    return {
      lock: (_key, work) => work((callback) => callback),
      get: (key, callback) => {
        this.#readItem(table, key);
        if (this.#condition && !matches(this.#condition, this.#lastRead?.item ?? {})) throw conditionFailed();
        callback(null, this.#lastRead?.item);
      },
      put: (key, item, callback) => {
        this.#writeItem(table, key, item);
        callback(null);
      },
      del: (key, callback) => {
        this.#writeItem(table, key, undefined);
        callback(null);
      },
      createValueStream: (range) => this.#open(table.space, range),
    };
  }

  #indexSpace(table: Table, indexName: string): ActionSpace {
    const space = indexSpaceOf(table, indexName);
    const index = indexesOf(table.definition).find((other) => other.IndexName === indexName);
    const keySchema = index?.KeySchema ?? [];
    const projectsAll = index?.Projection.ProjectionType === 'ALL';
    return {
      lock: (_key, work) => work((callback) => callback),
      get: () => {
        throw new Error(`dynalite reads ${indexName} by key, which it never did`);
      },
      put: (key, entry, callback) => {
        const { item, key: itemKey } = this.#itemBeingWritten();
        if (projectsAll || !item || !sameAttributes(entry, item))
          this.#rows.put(space, indexRowKey(key, itemKey), JSON.stringify(entry));
        callback(null);
      },
      del: (key, callback) => {
        this.#rows.delete(space, indexRowKey(key, this.#itemBeingWritten().key));
        callback(null);
      },
      createValueStream: (range) => {
        const start = this.#startKey;
        if (!start) return this.#open(space, range);
        const indexKey = db.createIndexKey(start, table.definition, keySchema);
        const rowKey = indexRowKey(indexKey, db.createKey(start, table.definition));
        return this.#open(space, {
          ...range,
          ...(range.gt === indexKey && { gt: rowKey }),
          ...(range.lt === indexKey && { lt: rowKey }),
        });
      },
    };
  }

  #readItem(table: Table, key: string): void {
    const text = this.#rows.get(table.space, key);
    this.#itemJson = text;
    this.#lastRead = { key, text, item: text === undefined ? undefined : (JSON.parse(text) as Item) };
  }

  #itemBeingWritten(): LastRead {
    if (!this.#lastRead) throw new Error('dynalite writes an index before it read the item');
    return this.#lastRead;
  }

  #writeItem(table: Table, key: string, item: Item | undefined): void {
    const before = this.#itemBeingWritten();
    if (before.key !== key) throw new Error('dynalite writes another item than it read');
    const after = item && JSON.stringify(item);
    if (item) checkIndexKeys(table.definition, item, this.#operation);
    // A put was measured before; an update's item is known only here.
    if (
      item &&
      after !== undefined &&
      mayExceed(after.length, ITEM_LIMIT_BYTES) &&
      itemSizeBytes(item) > ITEM_LIMIT_BYTES
    )
      throw validationError('Item size to update has exceeded the maximum allowed size');
    const expiresAtSeconds = item && itemExpirySeconds(item, table.timeToLiveAttribute);
    if (after !== undefined) this.#rows.put(table.space, key, after, expiresAtSeconds);
    else if (before.text !== undefined) this.#rows.delete(table.space, key);
    this.#itemJson = after ?? before.text;
    this.#writes.push({ table, before: before.text, after, expiresAtSeconds });
  }

  #open(space: number, range: KeyRange): RowStream {
    const stream = new RowStream(this.#rows.range(space, range));
    this.#opened.push(stream);
    return stream;
  }
}

/** dynalite's `lazy` takes rows from events; it destroys the stream when it has enough. */
class RowStream extends Stream {
  readonly #rows: Iterable<Row>;
  #destroyed = false;

  constructor(rows: Iterable<Row>) {
    super();
    this.#rows = rows;
  }

  flow(): void {
    for (const row of this.#rows) {
      this.emit('data', JSON.parse(row.item));
      if (this.#destroyed) return;
    }
    this.emit('end');
  }

  destroy(): void {
    this.#destroyed = true;
  }
}

function indexSpaceOf(table: Table, indexName: string): number {
  const space = table.indexSpaces[indexName];
  if (space === undefined)
    throw new Error(`index ${indexName} of ${table.definition.TableName} has no space`);
  return space;
}

/** Whether the index entry that `item` had is `entry`: then there is nothing to write. Holds for scalars; others are rewritten. */
function sameAttributes(entry: Item, item: Item): boolean {
  for (const name of Object.keys(entry)) {
    const [now, before] = [entry[name], item[name]];
    if (now === undefined && before === undefined) continue;
    if (now?.S === undefined && now?.N === undefined) return false;
    if (now.S !== before?.S || now.N !== before?.N) return false;
  }
  return true;
}
