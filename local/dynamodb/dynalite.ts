import { createRequire } from 'node:module';
import type { Stream } from 'node:stream';
import type { Item } from './attribute-values.ts';

/**
 * The one door to dynalite, which is pinned to exactly 4.0.0 because this leans on its inside, which it never promised:
 *
 * - `validations/<operation>`: `types` (the table that `checkTypes` and `checkValidations` read) and `custom`. `custom` leaves
 *   its parsed expressions in the request as `_updates`, `_condition`, `_projection`, `_filter`, and the value objects of
 *   `ExpressionAttributeValues` in them by reference (`expressions.ts` caches parsed expressions on that ground).
 * - `actions/<operation>`: `(store, request, callback)`. Over a store that answers at once they call back at once, so that an
 *   operation is one synchronous turn and fits in one SQLite transaction. They ask of a store what {@link ActionStore} shows.
 *   The write actions `get` their item's key before they write, and write nothing else. Only a query of a local index with
 *   `ALL_ATTRIBUTES` defers, and is refused before (`items.ts`).
 * - `db`: `createKey` and the like for keys that sort as text; `getIndexActions` for what an item contributes to an index.
 *
 * Its table actions are not used: they set timers and read the machine's time.
 */
const require = createRequire(import.meta.url);

export interface TableDefinition {
  readonly TableName: string;
  readonly AttributeDefinitions: readonly {
    readonly AttributeName: string;
    readonly AttributeType: 'S' | 'N' | 'B';
  }[];
  readonly KeySchema: KeySchema;
  readonly GlobalSecondaryIndexes?: readonly IndexDefinition[];
  readonly LocalSecondaryIndexes?: readonly IndexDefinition[];
}

export type KeySchema = readonly { readonly AttributeName: string; readonly KeyType: 'HASH' | 'RANGE' }[];

export interface IndexDefinition {
  readonly IndexName: string;
  readonly KeySchema: KeySchema;
  readonly Projection: {
    readonly ProjectionType: 'ALL' | 'KEYS_ONLY' | 'INCLUDE';
    readonly NonKeyAttributes?: readonly string[];
  };
}

export type Callback<Result> = (error: Error | null | undefined, result?: Result) => void;

/** Bounds of a range of keys, as dynalite's actions state them. */
export interface KeyRange {
  readonly gt?: string;
  readonly gte?: string;
  readonly lt?: string;
  readonly lte?: string;
  readonly reverse?: boolean;
  /** Below zero: no limit. */
  readonly limit?: number;
}

export interface ActionSpace {
  lock(key: string, work: (release: <Any>(callback: Any) => Any) => void): void;
  get(key: string, callback: Callback<Item>): void;
  put(key: string, item: Item, callback: Callback<void>): void;
  del(key: string, callback: Callback<void>): void;
  createValueStream(range: KeyRange): Stream;
}

export interface ActionStore {
  readonly options: { readonly maxItemSize: number };
  getTable(name: string, callback: Callback<TableDefinition>): void;
  getItemDb(tableName: string): ActionSpace;
  getIndexDb(indexType: string, tableName: string, indexName: string): ActionSpace;
}

export type Request = Record<string, unknown>;

/** dynalite's description of a request's members; opaque here, except that the names of the members can be listed. */
export type MemberTypes = Readonly<Record<string, unknown>>;

export interface Validation {
  readonly types: MemberTypes;
  readonly custom?: (request: Request, store: Pick<ActionStore, 'options'>) => string | undefined;
}

export type Action = (store: ActionStore, request: Request, callback: Callback<Request>) => void;

interface Validations {
  /** A copy of the request without the members that `types` does not name. */
  checkTypes(request: Request, types: MemberTypes): Request;
  checkValidations(
    request: Request,
    types: MemberTypes,
    custom: Validation['custom'],
    store: Pick<ActionStore, 'options'>,
  ): void;
  validateAttributeValue(value: unknown): string | undefined;
}

interface Db {
  validateKey(key: Item, table: TableDefinition): Error | null | undefined;
  createKey(item: Item, table: TableDefinition): string;
  createIndexKey(item: Item, table: TableDefinition, indexKeys: KeySchema): string;
  getIndexActions(
    indexes: readonly IndexDefinition[],
    oldItem: Item | undefined,
    newItem: Item | undefined,
    table: TableDefinition,
  ): { readonly puts: readonly { readonly index: string; readonly key: string; readonly item: Item }[] };
  checkConditional(request: Request, item: Item | undefined): Error | null | undefined;
  addConsumedCapacity(request: Request, isRead: boolean, newItem?: Item, oldItem?: Item): Request | undefined;
  matchesExprFilter(item: Item, expression: unknown): boolean;
  mapPaths(paths: readonly (string | readonly (string | number)[])[], item: Item): Item;
  mapPath(path: readonly (string | number)[], item: Item): unknown;
}

export const db = require('dynalite/db') as Db;
export const validations = require('dynalite/validations') as Validations;

export const actions = {
  putItem: require('dynalite/actions/putItem') as Action,
  updateItem: require('dynalite/actions/updateItem') as Action,
  deleteItem: require('dynalite/actions/deleteItem') as Action,
  getItem: require('dynalite/actions/getItem') as Action,
  query: require('dynalite/actions/query') as Action,
  scan: require('dynalite/actions/scan') as Action,
};

/** dynalite's validation of one operation. */
export function validationOf(operation: string): Validation {
  return require(`dynalite/validations/${operation[0]?.toLowerCase()}${operation.slice(1)}`) as Validation;
}

/** What dynalite throws: the error as AWS would answer it. */
export interface DynaliteError extends Error {
  readonly statusCode: number;
  readonly body: { readonly __type: string; readonly message?: string; readonly Message?: string };
}

export function isDynaliteError(error: unknown): error is DynaliteError {
  return error instanceof Error && 'statusCode' in error && 'body' in error;
}
