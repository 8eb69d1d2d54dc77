import type { AttributeValue } from './attribute-values.ts';
import { type Request, type Validation, validations } from './dynalite.ts';
import { validationError } from './errors.ts';

/** Where an expression stands in a request, and where `custom` leaves what it parsed. */
const EXPRESSIONS = {
  UpdateExpression: '_updates',
  ConditionExpression: '_condition',
  ProjectionExpression: '_projection',
} as const;

const MEMBERS = [...Object.keys(EXPRESSIONS), 'ExpressionAttributeNames', 'ExpressionAttributeValues'];

/** With one of these (queries, and the older way to state conditions) a request is checked and parsed whole each time. */
const NEVER_KEPT = [
  'KeyConditionExpression',
  'FilterExpression',
  'KeyConditions',
  'QueryFilter',
  'ScanFilter',
  'Expected',
  'AttributeUpdates',
  'AttributesToGet',
  'ConditionalOperator',
];

/** What parses differently by the value of an operand, not only by its type: never kept. */
const VALUE_DEPENDENT = /between|attribute_type/i;

const KEPT_EXPRESSIONS = 1000;

type Values = Readonly<Record<string, AttributeValue>>;

interface Parsed {
  /** `_updates` and the like, by name. */
  readonly trees: Readonly<Record<string, unknown>>;
  /** The values in the trees, and the placeholders that they stand for. */
  readonly placeholders: ReadonlyMap<unknown, string>;
}

/**
 * Checks what an operation's types cannot say, and parses its expressions.
 *
 * Parsing takes ten times as long as all else that an update does, and programs send few different expressions with ever
 * other values. So what was parsed is kept by the expressions' text, the names, and the types of the values (which is all that
 * parsing looks at), and each request's own values are put in their places.
 *
 * @throws AwsError `ValidationException`
 */
export class ExpressionParser {
  readonly #kept = new Map<string, Parsed>();

  /** Leaves the parsed expressions in `request`, as dynalite's actions expect them. */
  parse(
    request: Request,
    custom: NonNullable<Validation['custom']>,
    store: Parameters<typeof custom>[1],
  ): void {
    const key = keyOf(request);
    const parsed = key === undefined ? undefined : this.#kept.get(key);
    if (parsed) {
      const values = valuesOf(request);
      for (const [name, value] of Object.entries(values)) {
        const message = validations.validateAttributeValue(value);
        if (message)
          throw validationError(
            `ExpressionAttributeValues contains invalid value: ${message} for key ${name}`,
          );
      }
      refuse(custom(without(request, MEMBERS), store));
      for (const [name, tree] of Object.entries(parsed.trees))
        request[name] = withValues(tree, parsed.placeholders, values);
      return;
    }
    refuse(custom(request, store));
    removeFromTheEnd(request);
    if (key !== undefined) this.#keep(key, request);
  }

  #keep(key: string, request: Request): void {
    if (this.#kept.size >= KEPT_EXPRESSIONS) this.#kept.clear();
    const placeholders = new Map<unknown, string>();
    // The trees hold the request's own value objects, and an update's action writes into its tree: copies are kept.
    const copies = new Map<unknown, unknown>();
    for (const [name, value] of Object.entries(valuesOf(request))) {
      const copy = {};
      copies.set(value, copy);
      placeholders.set(copy, name);
    }
    const trees: Record<string, unknown> = {};
    for (const name of Object.values(EXPRESSIONS))
      if (request[name] !== undefined) trees[name] = replaced(request[name], (node) => copies.get(node));
    this.#kept.set(key, { trees, placeholders });
  }
}

function refuse(message: string | undefined | null): void {
  if (message) throw validationError(message);
}

function valuesOf(request: Request): Values {
  return (request.ExpressionAttributeValues ?? {}) as Values;
}

/** `undefined` for a request without expressions, or with one that must be parsed each time. */
function keyOf(request: Request): string | undefined {
  let key = '';
  for (const name of Object.keys(EXPRESSIONS)) {
    const text = request[name];
    if (text === undefined) key += '\u0000';
    else if (VALUE_DEPENDENT.test(String(text))) return undefined;
    else key += `\u0001${text}`;
  }
  if (key === '\u0000\u0000\u0000' || NEVER_KEPT.some((name) => request[name] !== undefined))
    return undefined;
  const names = request.ExpressionAttributeNames as Readonly<Record<string, string>> | undefined;
  for (const name in names) key += `\u0002${name}\u0003${names[name]}`;
  const values = valuesOf(request);
  for (const name in values) key += `\u0004${name}\u0003${Object.keys(values[name] ?? {}).join()}`;
  return key;
}

function without(request: Request, names: readonly string[]): Request {
  const rest = { ...request };
  for (const name of names) delete rest[name];
  return rest;
}

function withValues(tree: unknown, placeholders: Parsed['placeholders'], values: Values): unknown {
  return replaced(tree, (node) => {
    const name = placeholders.get(node);
    return name === undefined ? undefined : values[name];
  });
}

/** A deep copy of a parsed expression in which `replacement` says what stands in a node's place. */
function replaced(node: unknown, replacement: (node: object) => unknown): unknown {
  if (typeof node !== 'object' || node === null) return node;
  const other = replacement(node);
  if (other !== undefined) return other;
  if (Array.isArray(node)) return node.map((member) => replaced(member, replacement));
  const copy: Record<string, unknown> = {};
  for (const name in node) copy[name] = replaced((node as Record<string, unknown>)[name], replacement);
  return copy;
}

/**
 * DynamoDB removes list elements by their positions before the update; dynalite removes one after the other, so that each
 * removal moves the elements behind it. From the end, none moves another.
 */
function removeFromTheEnd(request: Request): void {
  const updates = request._updates as { sections: UpdateSection[] } | undefined;
  if (!updates) return;
  const isElement = ({ type, path }: UpdateSection) => type === 'remove' && typeof path.at(-1) === 'number';
  const elements = updates.sections.filter(isElement);
  elements.sort((a, b) => Number(b.path.at(-1)) - Number(a.path.at(-1)));
  updates.sections = [...updates.sections.filter((section) => !isElement(section)), ...elements];
}

interface UpdateSection {
  readonly type: 'set' | 'remove' | 'add' | 'delete';
  readonly path: readonly (string | number)[];
}
