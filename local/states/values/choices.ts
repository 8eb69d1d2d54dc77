import { runtimeError } from '../errors.ts';
import { find, select } from './json-path.ts';
import { isRecord, type Scope } from './scope.ts';

/** A test of a Choice state in the query language JSONPath. */
export type ChoiceTest = Readonly<Record<string, unknown>>;

type Order = (difference: number) => boolean;

const ORDERS: Readonly<Record<string, Order>> = {
  Equals: (difference) => difference === 0,
  LessThan: (difference) => difference < 0,
  GreaterThan: (difference) => difference > 0,
  LessThanEquals: (difference) => difference <= 0,
  GreaterThanEquals: (difference) => difference >= 0,
};

const COMPARISON = /^(String|Numeric|Boolean|Timestamp)(\w+?)(Path)?$/;

/** @throws StateError `States.Runtime` where the variable is not there (but for IsPresent), as on AWS */
export function holds(test: ChoiceTest, scope: Scope): boolean {
  if (Array.isArray(test.And)) return (test.And as ChoiceTest[]).every((one) => holds(one, scope));
  if (Array.isArray(test.Or)) return (test.Or as ChoiceTest[]).some((one) => holds(one, scope));
  if (isRecord(test.Not)) return !holds(test.Not, scope);
  const operator = Object.keys(test).find((name) => name.startsWith('Is') || COMPARISON.test(name));
  if (operator === undefined) throw runtimeError(`A choice has no comparison: ${JSON.stringify(test)}`);
  const path = String(test.Variable);
  if (operator === 'IsPresent') return find(path, scope).there === test.IsPresent;
  const value = select(path, scope);
  const asked = test[operator];
  if (operator.startsWith('Is')) return isOf(operator, value) === asked;
  return compares(operator, value, asked, scope);
}

function isOf(operator: string, value: unknown): boolean {
  switch (operator) {
    case 'IsNull':
      return value === null;
    case 'IsNumeric':
      return typeof value === 'number';
    case 'IsString':
      return typeof value === 'string';
    case 'IsBoolean':
      return typeof value === 'boolean';
    case 'IsTimestamp':
      return timestampMs(value) !== undefined;
    default:
      throw runtimeError(`The comparison ${operator} is unknown`);
  }
}

function compares(operator: string, value: unknown, asked: unknown, scope: Scope): boolean {
  const [, type, comparison = '', isPath] = COMPARISON.exec(operator) ?? [];
  const other = isPath ? select(String(asked), scope) : asked;
  if (operator === 'StringMatches') return typeof value === 'string' && matches(value, String(other));
  if (type === 'Boolean') return typeof value === 'boolean' && value === other;
  const difference = differenceOf(type, value, other);
  const order = ORDERS[comparison];
  if (!order) throw runtimeError(`The comparison ${operator} is unknown`);
  return difference !== undefined && order(difference);
}

/** `undefined` for values of another type, of which no comparison holds. */
function differenceOf(type: string | undefined, one: unknown, other: unknown): number | undefined {
  if (type === 'Numeric')
    return typeof one === 'number' && typeof other === 'number' ? one - other : undefined;
  if (type === 'String') {
    if (typeof one !== 'string' || typeof other !== 'string') return undefined;
    return one === other ? 0 : one < other ? -1 : 1;
  }
  const [oneMs, otherMs] = [timestampMs(one), timestampMs(other)];
  return oneMs === undefined || otherMs === undefined ? undefined : oneMs - otherMs;
}

/** RFC 3339 with a T and a zone, as the Amazon States Language wants it. */
export function timestampMs(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

/** `*` for any characters; `\*` for a star, `\\` for a backslash. */
function matches(value: string, pattern: string): boolean {
  const source = pattern.replaceAll(/\\([*\\])|\*|[^*\\]+|\\/g, (part, escaped?: string) =>
    part === '*' ? '.*' : (escaped ?? part).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  );
  return new RegExp(`^${source}$`, 's').test(value);
}
