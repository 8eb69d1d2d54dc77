import { AwsError } from '../kernel/errors.ts';
import { type AttributeValue, ITEM_LIMIT_BYTES, type Item, itemSizeBytes } from './attribute-values.ts';
import { type MemberTypes, type Request, type Validation, validationOf, validations } from './dynalite.ts';
import { validationError } from './errors.ts';
import { ExpressionParser } from './expressions.ts';

/** dynalite's size check is switched off: it counts characters instead of bytes. */
const NO_SIZE_CHECK = { options: { maxItemSize: Number.MAX_SAFE_INTEGER } };

const NESTING_LIMIT = 32;

const RETURN_ON_CONDITION_FAILURE: MemberTypes = {
  ReturnValuesOnConditionCheckFailure: { type: 'String', enum: ['ALL_OLD', 'NONE'] },
};

const expressions = new ExpressionParser();

/** Validations of operations that dynalite has, with the members that it lacks. */
export const requestTypes = {
  PutItem: extended('PutItem', RETURN_ON_CONDITION_FAILURE),
  UpdateItem: extended('UpdateItem', RETURN_ON_CONDITION_FAILURE),
  DeleteItem: extended('DeleteItem', RETURN_ON_CONDITION_FAILURE),
  GetItem: validationOf('GetItem'),
  Query: validationOf('Query'),
  // Every read here is consistent, so the wish for it has nothing to do.
  Scan: extended('Scan', { ConsistentRead: 'Boolean' }),
  BatchGetItem: validationOf('BatchGetItem'),
  BatchWriteItem: validationOf('BatchWriteItem'),
} as const;

export function extended(operation: string, more: MemberTypes): Validation {
  const { types, custom } = validationOf(operation);
  return { types: { ...types, ...more }, ...(custom && { custom }) };
}

/** The request as the actions take it: checked as DynamoDB checks it before it looks at any table. @throws AwsError */
export function checked(operation: string, input: unknown, validation: Validation): Request {
  const request = checkedTypes(operation, input, validation.types);
  checkCustom(request, validation);
  return request;
}

/** @throws AwsError `SerializationException`, `ValidationException` */
export function checkedTypes(operation: string, input: unknown, types: MemberTypes): Request {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new AwsError('SerializationException', `The input of ${operation} is no JSON object`);
  refuseUnknownMembers(operation, input as Request, types);
  const request = validations.checkTypes({ ...input }, types);
  validations.checkValidations(request, types, undefined, NO_SIZE_CHECK);
  return request;
}

/** What lies beyond types: values, sizes, expressions. @throws AwsError `ValidationException` */
export function checkCustom(request: Request, { custom }: Validation): void {
  checkNesting(request.Item as Item | undefined);
  checkNesting(request.ExpressionAttributeValues as Item | undefined);
  if (custom) expressions.parse(request, custom, NO_SIZE_CHECK);
  if (request.Item) checkPutSize(request.Item as Item);
}

/** @throws AwsError `ValidationException` */
export function checkPutSize(item: Item): void {
  if (itemSizeBytes(item) > ITEM_LIMIT_BYTES)
    throw validationError('Item size has exceeded the maximum allowed size');
}

/** AWS lets pass what it does not know; here that would be a feature silently missing. */
export function refuseUnknownMembers(operation: string, input: Request, types: MemberTypes): void {
  for (const name of Object.keys(input))
    if (!Object.hasOwn(types, name) && input[name] !== undefined && input[name] !== null)
      throw validationError(`The local cloud does not know the parameter "${name}" of ${operation}`);
}

/** @throws AwsError `ValidationException` */
export function checkNesting(values: Item | undefined): void {
  for (const name in values) {
    const value = values[name];
    if (value && (value.L || value.M)) checkDepth(value, 1);
  }
}

function checkDepth(value: AttributeValue, depth: number): void {
  if (depth > NESTING_LIMIT)
    throw validationError(
      'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit',
    );
  for (const member of value.L ?? Object.values(value.M ?? {})) checkDepth(member, depth + 1);
}
