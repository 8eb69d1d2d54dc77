import { AwsError } from '../kernel/errors.ts';
import type { SynchronousActionStore } from './action-store.ts';
import { type Item, itemSizeBytes, mayExceed } from './attribute-values.ts';
import {
  type Action,
  actions,
  db,
  type MemberTypes,
  type Request,
  type Validation,
  validationOf,
} from './dynalite.ts';
import { asServiceError, type CancellationReason, transactionCanceled, validationError } from './errors.ts';
import { isConditionFailure, runAction, runWrite } from './items.ts';
import type { RequestTokens } from './request-tokens.ts';
import { checkCustom, checkedTypes, extended } from './requests.ts';
import type { TableCatalog } from './table-catalog.ts';

export const TRANSACTION_LIMIT_ITEMS = 100;
export const TRANSACTION_LIMIT_BYTES = 4 * 1024 * 1024;

/** Reads the item and judges the condition, as the write actions do before they write. */
const conditionCheck: Action = (store, request, callback) => {
  const { TableName: tableName, Key: key } = request as { TableName: string; Key: Item };
  store.getTable(tableName, (_error, table) => {
    if (!table) return callback(new Error(`no table ${tableName}`));
    const invalid = db.validateKey(key, table);
    if (invalid) return callback(invalid);
    store.getItemDb(tableName).get(db.createKey(key, table), (_failure, item) => {
      const failed = db.checkConditional(request, item);
      if (failed) return callback(failed);
      const consumed = db.addConsumedCapacity(request, false, item);
      callback(null, consumed ? { ConsumedCapacity: consumed } : {});
    });
  });
};

interface Kind {
  readonly action: Action;
  readonly validation: Validation;
  /** What the types of the single operation do not demand. */
  readonly required?: string;
}

const CONDITION_MEMBERS = [
  'TableName',
  'ConditionExpression',
  'ExpressionAttributeNames',
  'ExpressionAttributeValues',
  'ReturnValuesOnConditionCheckFailure',
];

const KINDS: Readonly<Record<string, Kind>> = {
  ConditionCheck: {
    action: conditionCheck,
    validation: only('DeleteItem', 'Key', ...CONDITION_MEMBERS),
    required: 'ConditionExpression',
  },
  Put: { action: actions.putItem, validation: only('PutItem', 'Item', ...CONDITION_MEMBERS) },
  Delete: { action: actions.deleteItem, validation: only('DeleteItem', 'Key', ...CONDITION_MEMBERS) },
  Update: {
    action: actions.updateItem,
    validation: only('UpdateItem', 'Key', 'UpdateExpression', ...CONDITION_MEMBERS),
    required: 'UpdateExpression',
  },
};

const GET_VALIDATION = only(
  'GetItem',
  'TableName',
  'Key',
  'ProjectionExpression',
  'ExpressionAttributeNames',
);

const { ReturnConsumedCapacity, ReturnItemCollectionMetrics } = validationOf('PutItem').types;

const WRITE_TYPES: MemberTypes = {
  ClientRequestToken: { type: 'String', lengthGreaterThanOrEqual: 1, lengthLessThanOrEqual: 36 },
  ReturnConsumedCapacity,
  ReturnItemCollectionMetrics,
  TransactItems: listOf(
    'TransactWriteItem',
    Object.fromEntries(
      Object.entries(KINDS).map(([name, { validation }]) => [name, structure(name, validation)]),
    ),
  ),
};

const GET_TYPES: MemberTypes = {
  ReturnConsumedCapacity,
  TransactItems: listOf('TransactGetItem', { Get: structure('Get', GET_VALIDATION) }),
};

interface Part {
  readonly kind: Kind;
  readonly request: Request & { readonly TableName: string };
}

/**
 * Transactions on items. Each runs in one turn of this process and in one SQLite transaction, so that all writes are kept or none,
 * and none ever meets another on its way: `TransactionConflict` comes only from `DynamoDb.intercept`.
 */
export class Transactions {
  readonly #store: SynchronousActionStore;
  readonly #catalog: TableCatalog;
  readonly #tokens: RequestTokens;

  constructor(store: SynchronousActionStore, catalog: TableCatalog, tokens: RequestTokens) {
    this.#store = store;
    this.#catalog = catalog;
    this.#tokens = tokens;
  }

  /** To be called within a SQLite transaction, which an error must roll back. @throws AwsError */
  write(input: unknown): Request {
    const request = checkedTypes('TransactWriteItems', input, WRITE_TYPES);
    const token = request.ClientRequestToken as string | undefined;
    // Checking a part rewrites its numbers and drops nothing, but what was sent is what must be sent again.
    const fingerprint = token === undefined ? '' : this.#tokens.fingerprint(request.TransactItems);
    const parts = (request.TransactItems as Request[]).map((entry) => partOf(entry, request));
    if (token !== undefined && this.#tokens.isDone(token, fingerprint)) return {};
    this.#refuseSameItemTwice(parts);
    const consumed = this.#runAll(parts, (part) => runWrite(this.#store, part.kind.action, part.request));
    if (token !== undefined) this.#tokens.remember(token, fingerprint);
    return consumedByTable(consumed, 'WriteCapacityUnits');
  }

  /** @throws AwsError */
  get(input: unknown): Request {
    const request = checkedTypes('TransactGetItems', input, GET_TYPES);
    const kind: Kind = { action: actions.getItem, validation: GET_VALIDATION };
    const parts = (request.TransactItems as Request[]).map((entry) => {
      if (!entry.Get) throw validationError('TransactItems can only contain Get');
      return checkedPart('TransactGetItems', kind, entry.Get as Request, request);
    });
    this.#refuseSameItemTwice(parts);
    const answers = this.#runAll(parts, (part) => runAction(this.#store, part.kind.action, part.request));
    return {
      Responses: answers.map(({ Item: item }) => (item ? { Item: item } : {})),
      ...consumedByTable(answers, 'ReadCapacityUnits'),
    };
  }

  /** Every part runs, so that the cancellation names every reason. */
  #runAll(parts: readonly Part[], run: (part: Part) => Request): readonly Request[] {
    const answers: Request[] = [];
    const reasons: CancellationReason[] = [];
    const items: string[] = [];
    for (const part of parts) {
      try {
        answers.push(run(part));
        reasons.push({ Code: 'None' });
      } catch (error) {
        reasons.push(cancellationReason(error));
      }
      items.push(this.#store.itemJson ?? '');
    }
    if (reasons.some(({ Code }) => Code !== 'None')) throw transactionCanceled(reasons);
    refuseTooLarge(items);
    return answers;
  }

  #refuseSameItemTwice(parts: readonly Part[]): void {
    const seen = new Set<string>();
    for (const { request } of parts) {
      const { definition } = this.#catalog.forItems(request.TableName);
      const item = (request.Key ?? request.Item) as Item;
      const identity = JSON.stringify([
        request.TableName,
        ...definition.KeySchema.map(({ AttributeName }) => item[AttributeName]),
      ]);
      if (seen.has(identity))
        throw validationError('Transaction request cannot include multiple operations on one item');
      seen.add(identity);
    }
  }
}

function partOf(entry: Request, transaction: Request): Part {
  const [name = '', ...others] = Object.keys(entry);
  const kind = KINDS[name];
  if (!kind || others.length > 0)
    throw validationError('TransactItems can only contain one of Check, Put, Update or Delete');
  const request = entry[name] as Request;
  if (kind.required !== undefined && request[kind.required] === undefined)
    throw validationError(`${kind.required} is required in ${name}`);
  return checkedPart('TransactWriteItems', kind, request, transaction);
}

function checkedPart(operation: string, kind: Kind, request: Request, transaction: Request): Part {
  if (typeof request.TableName !== 'string') throw validationError(`${operation} names no table`);
  const part: Part['request'] = { ...request, TableName: request.TableName };
  checkCustom(part, kind.validation);
  if (transaction.ReturnConsumedCapacity) part.ReturnConsumedCapacity = transaction.ReturnConsumedCapacity;
  return { kind, request: part };
}

/** @throws what concerns the request as a whole */
function cancellationReason(thrown: unknown): CancellationReason {
  const error = asServiceError(thrown);
  if (!(error instanceof AwsError)) throw error;
  if (isConditionFailure(error))
    return {
      Code: 'ConditionalCheckFailed',
      Message: error.message,
      ...(error.details.Item !== undefined && { Item: error.details.Item }),
    };
  const isOfPart = error.code === 'ValidationException' && !/cannot contain an empty/.test(error.message);
  if (!isOfPart) throw error;
  return { Code: 'ValidationError', Message: error.message };
}

/** An item counts as it is afterwards; one that was deleted or only looked at, as it was. */
function refuseTooLarge(items: readonly string[]): void {
  const length = items.reduce((total, json) => total + json.length, 0);
  if (!mayExceed(length, TRANSACTION_LIMIT_BYTES)) return;
  const sizeBytes = items.reduce((total, json) => total + (json ? itemSizeBytes(JSON.parse(json)) : 0), 0);
  if (sizeBytes > TRANSACTION_LIMIT_BYTES)
    throw validationError(
      `The aggregate size of the items in the transaction (${sizeBytes} bytes) exceeds ${TRANSACTION_LIMIT_BYTES} bytes`,
    );
}

/** Transactions consume twice what the single operations do: one unit to prepare, one to commit. */
function consumedByTable(answers: readonly Request[], unitsName: string): Request {
  const units = new Map<string, number>();
  for (const { ConsumedCapacity: consumed } of answers as readonly { ConsumedCapacity?: Consumed }[])
    if (consumed)
      units.set(consumed.TableName, (units.get(consumed.TableName) ?? 0) + 2 * consumed.CapacityUnits);
  if (units.size === 0) return {};
  return {
    ConsumedCapacity: Array.from(units, ([TableName, count]) => ({
      TableName,
      CapacityUnits: count,
      [unitsName]: count,
    })),
  };
}

interface Consumed {
  readonly TableName: string;
  readonly CapacityUnits: number;
}

function only(operation: string, ...names: readonly string[]): Validation {
  const { types, custom } = extended(operation, {
    ReturnValuesOnConditionCheckFailure: { type: 'String', enum: ['ALL_OLD', 'NONE'] },
  });
  return {
    types: Object.fromEntries(names.map((name) => [name, types[name]])),
    ...(custom && { custom }),
  };
}

function structure(name: string, { types }: Validation): MemberTypes {
  return { type: `FieldStruct<${name}>`, children: types };
}

function listOf(name: string, members: MemberTypes): MemberTypes {
  return {
    type: 'List',
    notNull: true,
    lengthGreaterThanOrEqual: 1,
    lengthLessThanOrEqual: TRANSACTION_LIMIT_ITEMS,
    children: { type: `ValueStruct<${name}>`, children: members },
  };
}
