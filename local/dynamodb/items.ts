import { AwsError } from '../kernel/errors.ts';
import type { SynchronousActionStore } from './action-store.ts';
import type { Item } from './attribute-values.ts';
import { documentCondition, matches } from './document-conditions.ts';
import { type Action, actions, db, type Request } from './dynalite.ts';
import { asServiceError, validationError } from './errors.ts';
import { checked, requestTypes } from './requests.ts';
import { indexesOf, type TableCatalog } from './table-catalog.ts';

/** Runs an action, its errors as a service's. @throws AwsError */
export function runAction(store: SynchronousActionStore, action: Action, request: Request): Request {
  try {
    return store.run(action, request);
  } catch (error) {
    throw asServiceError(error);
  }
}

/** A write of one item; when its condition fails, the error shows the item to whom asked for it. */
export function runWrite(store: SynchronousActionStore, action: Action, request: Request): Request {
  try {
    return runAction(store, action, request);
  } catch (error) {
    const before = store.itemBefore;
    if (!isConditionFailure(error) || request.ReturnValuesOnConditionCheckFailure !== 'ALL_OLD' || !before)
      throw error;
    throw new AwsError(error.code, error.message, error.status, { Item: before });
  }
}

export function isConditionFailure(
  error: unknown,
): error is AwsError & { code: 'ConditionalCheckFailedException' } {
  return error instanceof AwsError && error.code === 'ConditionalCheckFailedException';
}

const WRITES = { PutItem: actions.putItem, UpdateItem: actions.updateItem, DeleteItem: actions.deleteItem };

/** The operations on one item, and the two that read many. */
export class ItemOperations {
  readonly #store: SynchronousActionStore;
  readonly #catalog: TableCatalog;

  constructor(store: SynchronousActionStore, catalog: TableCatalog) {
    this.#store = store;
    this.#catalog = catalog;
  }

  write(operation: keyof typeof WRITES, input: unknown): Request {
    return runWrite(this.#store, WRITES[operation], checked(operation, input, requestTypes[operation]));
  }

  get(input: unknown): Request {
    return runAction(this.#store, actions.getItem, checked('GetItem', input, requestTypes.GetItem));
  }

  read(operation: 'Query' | 'Scan', input: unknown): Request {
    const request = checked(operation, input, requestTypes[operation]);
    this.#refuseFetchingBeyondIndex(operation, request);
    const action = operation === 'Query' ? actions.query : actions.scan;
    const filter = documentCondition(request, '_filter');
    if (!filter) return runAction(this.#store, action, request);
    const { _filter, _projection: projection, Select: select, ...unfiltered } = request;
    const answer = runAction(this.#store, action, unfiltered);
    const { Items: found, ...rest } = answer as Request & { Items: Item[] };
    const items = found.filter((item) => matches(filter, item));
    rest.Count = items.length;
    if (select === 'COUNT') return rest;
    const { paths } = (projection ?? {}) as { paths?: Parameters<typeof db.mapPaths>[0] };
    return { ...rest, Items: paths ? items.map((item) => db.mapPaths(paths, item)) : items };
  }

  /** A local index can fetch what it does not project from its table; dynalite does so outside of the turn. */
  #refuseFetchingBeyondIndex(operation: string, request: Request): void {
    if (request.Select !== 'ALL_ATTRIBUTES' || request.IndexName === undefined) return;
    const { definition } = this.#catalog.forItems(String(request.TableName));
    const index = indexesOf(definition).find(({ IndexName }) => IndexName === request.IndexName);
    if (!index || index.Projection.ProjectionType === 'ALL') return;
    if (definition.GlobalSecondaryIndexes?.includes(index)) return;
    throw validationError(
      `The local cloud does not serve ${operation} with Select ALL_ATTRIBUTES on the local index ${index.IndexName}, whose projection is not ALL`,
    );
  }
}
