import { type AttributeValue, type Item, mayExceed } from './attribute-values.ts';
import type { KeySchema, TableDefinition } from './dynalite.ts';
import { validationError } from './errors.ts';
import { indexesOf } from './table-catalog.ts';

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const LIMIT_BYTES = { HASH: 2048, RANGE: 1024 } as const;

/**
 * Refuses a table key over its limit; dynalite counts characters.
 *
 * @param item a key, or an item that may lack it
 * @throws AwsError `ValidationException`
 */
export function checkTableKey({ KeySchema }: TableDefinition, item: Item): void {
  for (const { keyType } of tooLong(KeySchema, item))
    throw validationError(
      `One or more parameter values were invalid: ${
        keyType === 'HASH'
          ? // As DynamoDB words it, the missing space included.
            'Size of hashkey has exceeded the maximum size limit of2048 bytes'
          : 'Aggregated size of all range keys has exceeded the size limit of 1024 bytes'
      }`,
    );
}

/**
 * Refuses an item that no index could hold by its key: empty, or too long. One that lacks the key is just not in the index.
 *
 * @throws AwsError `ValidationException`
 */
export function checkIndexKeys(table: TableDefinition, item: Item, operation: 'put' | 'update'): void {
  for (const { IndexName, KeySchema } of indexesOf(table)) {
    for (const { AttributeName } of KeySchema) {
      const value = item[AttributeName];
      if (value?.S !== '' && value?.B !== '') continue;
      const what =
        operation === 'put'
          ? 'A value specified for a secondary index key is not supported.'
          : 'The update expression attempted to update a secondary index key to a value that is not supported.';
      throw validationError(
        `One or more parameter values are not valid. ${what} The AttributeValue for a key attribute cannot contain an empty ${value.S === '' ? 'string' : 'binary'} value. IndexName: ${IndexName}, IndexKey: ${AttributeName}`,
      );
    }
    for (const { name, bytes, keyType } of tooLong(KeySchema, item))
      throw validationError(
        `One or more parameter values were invalid: Size limit exceeded for Index Key ${name} Actual Size: ${bytes} bytes Max Size: ${LIMIT_BYTES[keyType]} bytes IndexName: ${IndexName}`,
      );
  }
}

function* tooLong(schema: KeySchema, item: Item) {
  for (const { AttributeName: name, KeyType: keyType } of schema) {
    const bytes = keyBytes(item[name], LIMIT_BYTES[keyType]);
    if (bytes > LIMIT_BYTES[keyType]) yield { name, bytes, keyType };
  }
}

/** Numbers are always short enough. What is surely within the limit is not measured. */
function keyBytes({ S, B }: AttributeValue = {}, limitBytes: number): number {
  const [text, encoding] = S === undefined ? [B, 'base64' as const] : [S, 'utf8' as const];
  return typeof text === 'string' && mayExceed(text.length, limitBytes)
    ? Buffer.byteLength(text, encoding)
    : 0;
}
