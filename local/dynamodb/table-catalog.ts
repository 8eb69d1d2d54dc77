import { hash } from 'node:crypto';
import type { CloudContext } from '../kernel/service.ts';
import { db, type IndexDefinition, type TableDefinition } from './dynalite.ts';
import { tableNotFound } from './errors.ts';
import type { ItemRows } from './item-rows.ts';
import { itemExpirySeconds } from './time-to-live-attribute.ts';

/** A table as `CreateTable` is asked for it. */
export interface TableSettings extends TableDefinition {
  readonly BillingMode?: 'PROVISIONED' | 'PAY_PER_REQUEST';
  readonly ProvisionedThroughput?: Throughput;
  readonly GlobalSecondaryIndexes?: readonly GlobalIndexDefinition[];
  readonly DeletionProtectionEnabled?: boolean;
  readonly StreamSpecification?: { readonly StreamEnabled: boolean; readonly StreamViewType?: string };
}

export interface GlobalIndexDefinition extends IndexDefinition {
  readonly ProvisionedThroughput?: Throughput;
}

export interface Throughput {
  readonly ReadCapacityUnits: number;
  readonly WriteCapacityUnits: number;
}

export interface Table {
  readonly definition: TableSettings;
  readonly tableId: string;
  readonly createdAtMs: number;
  /** Where the items lie. */
  readonly space: number;
  /** Where the entries of each index lie, by the index's name. */
  readonly indexSpaces: Readonly<Record<string, number>>;
  /** The attribute that holds an item's expiry; `undefined` while the time to live is disabled. */
  readonly timeToLiveAttribute?: string;
  readonly pointInTimeRecovery: boolean;
}

/** The tables, as persisted; read once, since every operation on an item asks for its table. */
export class TableCatalog {
  readonly #context: CloudContext;
  readonly #rows: ItemRows;
  readonly #tables = new Map<string, Table>();

  constructor(context: CloudContext, rows: ItemRows) {
    this.#context = context;
    this.#rows = rows;
    context.store.db.exec(
      'CREATE TABLE IF NOT EXISTS dynamodb_tables (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID',
    );
    for (const row of context.store.db.prepare('SELECT name, state FROM dynamodb_tables').all())
      this.#tables.set(String(row.name), JSON.parse(String(row.state)) as Table);
  }

  find(name: string): Table | undefined {
    return this.#tables.get(name);
  }

  /** @throws AwsError `ResourceNotFoundException` as operations on items word it */
  forItems(name: string): Table {
    const table = this.#tables.get(name);
    if (!table) throw tableNotFound();
    return table;
  }

  /** @throws AwsError `ResourceNotFoundException` as operations on tables word it */
  forControl(name: string): Table {
    const table = this.#tables.get(name);
    if (!table) throw tableNotFound(name);
    return table;
  }

  names(): string[] {
    return [...this.#tables.keys()].sort();
  }

  ofSpace(space: number): Table | undefined {
    for (const table of this.#tables.values()) if (table.space === space) return table;
    return undefined;
  }

  create(definition: TableSettings): Table {
    return this.#commit(() => {
      const space = this.#rows.newSpace(definition.TableName);
      const createdAtMs = this.#context.clock.now();
      return {
        definition,
        tableId: tableId(definition.TableName, createdAtMs),
        createdAtMs,
        space,
        indexSpaces: this.#newIndexSpaces(definition, indexesOf(definition)),
        pointInTimeRecovery: false,
      };
    });
  }

  /** Index entries follow the indexes of the new definition: new ones are filled from the items, gone ones dropped. */
  redefine(table: Table, definition: TableSettings): Table {
    return this.#commit(() => {
      const before = indexesOf(table.definition);
      const kept = indexesOf(definition).filter((index) => before.some((other) => isSameIndex(index, other)));
      const added = indexesOf(definition).filter((index) => !kept.includes(index));
      const keptSpaces: Record<string, number> = {};
      for (const [name, space] of Object.entries(table.indexSpaces)) {
        if (kept.some(({ IndexName }) => IndexName === name)) keptSpaces[name] = space;
        else this.#rows.dropSpace(space);
      }
      const addedSpaces = this.#newIndexSpaces(definition, added);
      this.#fillIndexes(table.space, definition, added, addedSpaces);
      return { ...table, definition, indexSpaces: { ...keptSpaces, ...addedSpaces } };
    });
  }

  setPointInTimeRecovery(table: Table, enabled: boolean): Table {
    return this.#commit(() => ({ ...table, pointInTimeRecovery: enabled }));
  }

  /** Gives every item of the table its expiry by the new attribute, or takes it away. */
  setTimeToLive(table: Table, attribute: string | undefined): Table {
    return this.#commit(() => {
      for (const { key, item } of [...this.#rows.range(table.space)])
        this.#rows.put(table.space, key, item, itemExpirySeconds(JSON.parse(item), attribute));
      const { timeToLiveAttribute: _old, ...rest } = table;
      return attribute === undefined ? rest : { ...rest, timeToLiveAttribute: attribute };
    });
  }

  delete(table: Table): void {
    const { TableName: name } = table.definition;
    this.#context.store.transaction(() => {
      for (const space of [table.space, ...Object.values(table.indexSpaces)]) this.#rows.dropSpace(space);
      this.#context.store.db.prepare('DELETE FROM dynamodb_tables WHERE name = ?').run(name);
    });
    this.#tables.delete(name);
  }

  /** Persists what `change` answers, and only then lets others see it. */
  #commit(change: () => Table): Table {
    const table = this.#context.store.transaction(() => {
      const changed = change();
      this.#context.store.db
        .prepare('INSERT OR REPLACE INTO dynamodb_tables (name, state) VALUES (?, ?)')
        .run(changed.definition.TableName, JSON.stringify(changed));
      return changed;
    });
    this.#tables.set(table.definition.TableName, table);
    return table;
  }

  #newIndexSpaces(table: TableDefinition, indexes: readonly IndexDefinition[]): Record<string, number> {
    const space = (index: string) => this.#rows.newSpace(`${table.TableName}/${index}`);
    return Object.fromEntries(indexes.map(({ IndexName }) => [IndexName, space(IndexName)]));
  }

  #fillIndexes(
    itemSpace: number,
    definition: TableDefinition,
    indexes: readonly IndexDefinition[],
    spaces: Readonly<Record<string, number>>,
  ): void {
    if (indexes.length === 0) return;
    for (const row of [...this.#rows.range(itemSpace)])
      for (const entry of db.getIndexActions(indexes, undefined, JSON.parse(row.item), definition).puts) {
        const space = spaces[entry.index];
        if (space !== undefined)
          this.#rows.put(space, indexRowKey(entry.key, row.key), JSON.stringify(entry.item));
      }
  }
}

/** Another one for a table made again, and the same in each run of the same story. */
function tableId(name: string, createdAtMs: number): string {
  const digits = hash('sha256', `${name} at ${createdAtMs}`);
  return [0, 8, 12, 16, 20].map((at, index) => digits.slice(at, [8, 12, 16, 20, 32][index])).join('-');
}

/**
 * dynalite tells apart two items with equal index keys by 24 bits of a hash: among thousands of items under one index key two
 * would collide, and one of them be missing from the index. So the item's whole own key follows.
 */
export function indexRowKey(indexKey: string, itemKey: string): string {
  return `${indexKey}/${itemKey}`;
}

export function indexesOf(table: TableDefinition): readonly IndexDefinition[] {
  return [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])];
}

function isSameIndex(a: IndexDefinition, b: IndexDefinition): boolean {
  const shape = ({ IndexName, KeySchema, Projection }: IndexDefinition) =>
    JSON.stringify([
      IndexName,
      KeySchema.map((key) => [key.AttributeName, key.KeyType]),
      Projection.ProjectionType,
      [...(Projection.NonKeyAttributes ?? [])].sort(),
    ]);
  return shape(a) === shape(b);
}
