import { AwsError } from '../kernel/errors.ts';
import { isJsonObject, type JsonObject } from './json.ts';

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html */
export type EventPattern = JsonObject;

type Test = (value: unknown) => boolean;

/** @throws AwsError `InvalidEventPatternException`, for what the local cloud does not know as well */
export function checkPattern(pattern: unknown): EventPattern {
  if (!isJsonObject(pattern) || Object.keys(pattern).length === 0)
    throw invalid('Event pattern must be a JSON object with at least one field');
  for (const [name, value] of Object.entries(pattern)) {
    if (name === '$or') {
      if (!Array.isArray(value) || value.length < 2)
        throw invalid('"$or" must be a list of two patterns or more');
      for (const one of value) checkPattern(one);
    } else if (Array.isArray(value)) {
      if (value.length === 0) throw invalid(`Empty arrays are not allowed at "${name}"`);
      for (const rule of value) if (!isExistence(rule)) testOf(rule);
    } else if (isJsonObject(value)) checkPattern(value);
    else throw invalid(`"${name}" must be an object or an array`);
  }
  return pattern;
}

/** Whether each field of the pattern finds in the event what it asks for. */
export function matches(pattern: EventPattern, event: unknown): boolean {
  return Object.entries(pattern).every(([name, asked]) => {
    if (name === '$or') return (asked as EventPattern[]).some((one) => matches(one, event));
    const value = isJsonObject(event) && Object.hasOwn(event, name) ? event[name] : undefined;
    if (Array.isArray(asked)) return asked.some((rule) => fits(rule, value));
    const within = Array.isArray(value) ? value : [value];
    return within.some((one) => matches(asked as EventPattern, one));
  });
}

function fits(rule: unknown, value: unknown): boolean {
  // A list stands for each of its elements; an object is no value.
  const values = (Array.isArray(value) ? value : [value]).filter(
    (one) => one !== undefined && !isJsonObject(one),
  );
  if (isExistence(rule)) return values.length > 0 === rule.exists;
  const test = testOf(rule);
  return values.some(test);
}

function isExistence(rule: unknown): rule is { readonly exists: boolean } {
  return isJsonObject(rule) && typeof rule.exists === 'boolean';
}

/** @throws AwsError `InvalidEventPatternException` */
function testOf(rule: unknown): Test {
  if (!isJsonObject(rule)) {
    if (Array.isArray(rule)) throw invalid('Lists in lists are not allowed');
    return (value) => value === rule;
  }
  const [[operator, asked] = ['', undefined], ...more] = Object.entries(rule);
  if (more.length > 0) throw invalid('Only one operator is allowed in a rule');
  switch (operator) {
    case 'prefix':
    case 'suffix':
      return endTest(operator, asked);
    case 'equals-ignore-case':
      return (value) => typeof value === 'string' && value.toLowerCase() === text(asked).toLowerCase();
    case 'wildcard':
      return wildcardTest(text(asked));
    case 'anything-but':
      return otherTest(asked);
    case 'numeric':
      return numericTest(asked);
    default:
      throw invalid(`Unrecognized match type ${operator}`);
  }
}

function endTest(operator: 'prefix' | 'suffix', asked: unknown): Test {
  const ignoring = isJsonObject(asked) ? asked['equals-ignore-case'] : undefined;
  const end = ignoring === undefined ? text(asked) : text(ignoring).toLowerCase();
  return (value) => {
    if (typeof value !== 'string') return false;
    const own = ignoring === undefined ? value : value.toLowerCase();
    return operator === 'prefix' ? own.startsWith(end) : own.endsWith(end);
  };
}

function wildcardTest(pattern: string): Test {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  const expression = new RegExp(`^${source}$`, 's');
  return (value) => typeof value === 'string' && expression.test(value);
}

function otherTest(asked: unknown): Test {
  if (isJsonObject(asked)) {
    const test = testOf(asked);
    return (value) => !test(value);
  }
  const excluded = [asked].flat();
  return (value) => !excluded.includes(value);
}

const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '=': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
};

function numericTest(asked: unknown): Test {
  if (!Array.isArray(asked) || asked.length % 2 !== 0)
    throw invalid('"numeric" wants operators, each with a number');
  const bounds = Array.from({ length: asked.length / 2 }, (_, index) => {
    const compare = COMPARISONS[String(asked[2 * index])];
    const bound: unknown = asked[2 * index + 1];
    if (!compare || typeof bound !== 'number')
      throw invalid(`Unrecognized numeric range operator ${asked[2 * index]}`);
    return (value: number) => compare(value, bound);
  });
  return (value) => typeof value === 'number' && bounds.every((holds) => holds(value));
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid(`${JSON.stringify(value)} must be a string`);
}

function invalid(problem: string): AwsError {
  return new AwsError('InvalidEventPatternException', `Event pattern is not valid. Reason: ${problem}`);
}
