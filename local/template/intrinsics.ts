import { LocalCloudError } from '../kernel/errors.ts';

/** What intrinsic functions are resolved against. Each throws a `LocalCloudError` for a name that it does not know. */
export interface Scope {
  /** For messages: `Stack/LogicalId`. */
  readonly where: string;
  /** A parameter, a pseudo parameter or a resource; `undefined` for `AWS::NoValue`. */
  ref(name: string): unknown;
  attribute(logicalId: string, name: string): unknown;
  condition(name: string): boolean;
  mapped(map: string, topKey: string, secondKey: string): unknown;
  imported(exportName: string): unknown;
  availabilityZones(region: string): readonly string[];
}

type Intrinsic = (argument: unknown, scope: Scope) => unknown;

const CONDITION_INTRINSICS: Readonly<Record<string, (argument: unknown, scope: Scope) => boolean>> = {
  Condition: (name, scope) => scope.condition(String(name)),
  'Fn::Equals': (argument, scope) => {
    const [left, right] = list(argument, 'Fn::Equals', scope).map((value) => resolve(value, scope));
    return JSON.stringify(left) === JSON.stringify(right);
  },
  'Fn::Not': (argument, scope) => !resolveCondition(list(argument, 'Fn::Not', scope)[0], scope),
  'Fn::And': (argument, scope) =>
    list(argument, 'Fn::And', scope).every((value) => resolveCondition(value, scope)),
  'Fn::Or': (argument, scope) =>
    list(argument, 'Fn::Or', scope).some((value) => resolveCondition(value, scope)),
};

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  Ref: (name, scope) => scope.ref(String(name)),
  'Fn::GetAtt': (argument, scope) => {
    const [logicalId, name] = attributeReference(argument);
    return scope.attribute(logicalId, name);
  },
  'Fn::Join': (argument, scope) => {
    const [delimiter, values] = list(argument, 'Fn::Join', scope);
    return list(resolve(values, scope), 'Fn::Join', scope).map(text).join(String(delimiter));
  },
  'Fn::Sub': (argument, scope) => {
    const [template, variables] = Array.isArray(argument) ? argument : [argument, {}];
    const values = variables as Readonly<Record<string, unknown>>;
    return substitute(String(template), (name) => {
      if (Object.hasOwn(values, name)) return text(resolve(values[name], scope));
      const [logicalId, attribute] = attributeReference(name);
      return text(attribute ? scope.attribute(logicalId, attribute) : scope.ref(name));
    });
  },
  'Fn::Select': (argument, scope) => {
    const [index, values] = list(resolve(argument, scope), 'Fn::Select', scope);
    const chosen = list(values, 'Fn::Select', scope)[Number(index)];
    if (chosen === undefined) throw malformed(scope, 'Fn::Select', `has no element ${String(index)}`);
    return chosen;
  },
  'Fn::Split': (argument, scope) => {
    const [delimiter, value] = list(resolve(argument, scope), 'Fn::Split', scope);
    return text(value).split(String(delimiter));
  },
  'Fn::If': (argument, scope) => {
    const [name, whenTrue, whenFalse] = list(argument, 'Fn::If', scope);
    return resolve(scope.condition(String(name)) ? whenTrue : whenFalse, scope);
  },
  'Fn::FindInMap': (argument, scope) => {
    const [map, topKey, secondKey] = list(resolve(argument, scope), 'Fn::FindInMap', scope);
    return scope.mapped(String(map), String(topKey), String(secondKey));
  },
  'Fn::ImportValue': (argument, scope) => scope.imported(text(resolve(argument, scope))),
  'Fn::Base64': (argument, scope) => Buffer.from(text(resolve(argument, scope))).toString('base64'),
  'Fn::GetAZs': (argument, scope) => scope.availabilityZones(text(resolve(argument, scope))),
};

/**
 * The value with every intrinsic function replaced by what it stands for. `AWS::NoValue` takes its property, or its
 * element of a list, away.
 *
 * @throws LocalCloudError `UNKNOWN_INTRINSIC`, and what `scope` throws
 */
export function resolve(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string') return refuseDynamicReference(value, scope);
  if (Array.isArray(value))
    return value.map((element) => resolve(element, scope)).filter((element) => element !== undefined);
  if (!isObject(value)) return value;
  const intrinsic = intrinsicOf(value, scope.where);
  if (intrinsic) return evaluate(intrinsic.name, intrinsic.argument, scope);
  const entries = Object.entries(value).map(([key, entry]) => [key, resolve(entry, scope)] as const);
  return Object.fromEntries(entries.filter(([, entry]) => entry !== undefined));
}

/** @throws LocalCloudError `UNKNOWN_INTRINSIC` for what is no condition function */
export function resolveCondition(value: unknown, scope: Scope): boolean {
  const [name, ...more] = isObject(value) ? Object.keys(value) : [];
  const condition = name !== undefined && more.length === 0 ? CONDITION_INTRINSICS[name] : undefined;
  if (!condition || !isObject(value) || name === undefined)
    throw malformed(scope, 'A condition', `is no condition function: ${JSON.stringify(value)}`);
  return condition(value[name], scope);
}

/**
 * The intrinsic function that an object is, if it is one.
 *
 * @throws LocalCloudError `UNKNOWN_INTRINSIC` for a function that the local cloud does not know
 */
export function intrinsicOf(
  value: Readonly<Record<string, unknown>>,
  where: string,
): { name: string; argument: unknown } | undefined {
  const keys = Object.keys(value);
  const name = keys.find((key) => key.startsWith('Fn::')) ?? (keys.length === 1 ? keys[0] : undefined);
  if (name === undefined || !(name === 'Ref' || name.startsWith('Fn::'))) return undefined;
  const known = Object.hasOwn(INTRINSICS, name) || Object.hasOwn(CONDITION_INTRINSICS, name);
  if (!known || keys.length > 1)
    throw new LocalCloudError(
      'UNKNOWN_INTRINSIC',
      known
        ? `${where} has "${name}" beside other keys (${keys.join(', ')}), which no template may.`
        : `${where} uses the intrinsic function "${name}", which the local cloud does not know.`,
    );
  return { name, argument: value[name] };
}

/** `[logicalId, attribute]` of `Fn::GetAtt`, written as a list or as `LogicalId.Attribute` (an attribute may hold dots). */
export function attributeReference(argument: unknown): [logicalId: string, attribute: string] {
  if (Array.isArray(argument)) return [String(argument[0]), argument.slice(1).map(String).join('.')];
  const [logicalId = '', ...attribute] = String(argument).split('.');
  return [logicalId, attribute.join('.')];
}

/** Replaces each `${name}` of `Fn::Sub`; `${!name}` stays, as `${name}`. */
export function substitute(template: string, replacement: (name: string) => string): string {
  return template.replace(/\$\{(!?)\s*([^}]+?)\s*\}/g, (_, literal: string, name: string) =>
    literal ? `\${${name}}` : replacement(name),
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function evaluate(name: string, argument: unknown, scope: Scope): unknown {
  const intrinsic = INTRINSICS[name] ?? CONDITION_INTRINSICS[name];
  return intrinsic?.(argument, scope);
}

function refuseDynamicReference(value: string, scope: Scope): string {
  if (!value.includes('{{resolve:')) return value;
  throw new LocalCloudError(
    'UNKNOWN_INTRINSIC',
    `${scope.where} has the dynamic reference "${value}", which the local cloud cannot look up.`,
  );
}

function list(value: unknown, name: string, scope: Scope): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(scope, name, `wants a list, and has ${JSON.stringify(value)}`);
}

function text(value: unknown): string {
  return typeof value === 'string'
    ? value
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
}

function malformed(scope: Scope, name: string, problem: string): LocalCloudError {
  return new LocalCloudError('MALFORMED_TEMPLATE', `${scope.where}: ${name} ${problem}.`);
}
