import { JSONPath } from 'jsonpath-plus';
import { runtimeError, StateError } from '../errors.ts';
import type { Scope } from './scope.ts';

/** Filters, wildcards, slices and deep scans may match several values: they answer a list, of none too. */
const SEVERAL = /\*|\.\.|\[\?|\[-?\d*:|\[\s*-?\d+\s*,|\[\s*'[^']*'\s*,/;

/**
 * What a path selects: of the input (`$`), of the context object (`$$`) or of a variable (`$name`).
 *
 * @throws StateError `States.Runtime` for a path that may match one value and matches none
 */
export function select(path: string, scope: Scope): unknown {
  const found = find(path, scope);
  if (found.there) return found.value;
  throw runtimeError(
    `The JSONPath '${path}' could not be found in the input '${JSON.stringify(scope.input)}'`,
  );
}

/** As {@link select}, telling whether there is anything. */
export function find(path: string, scope: Scope): { readonly there: boolean; readonly value?: unknown } {
  const { root, rest } = rootOf(path, scope);
  if (root === undefined) return { there: false };
  if (rest === '') return { there: true, value: root };
  const matches = matching(`$${rest}`, root);
  if (SEVERAL.test(rest)) return { there: true, value: matches };
  return matches.length === 0 ? { there: false } : { there: true, value: matches[0] };
}

function rootOf(path: string, { input, context, variables }: Scope): { root: unknown; rest: string } {
  if (path.startsWith('$$')) return { root: context, rest: path.slice(2) };
  const name = /^\$([A-Za-z_]\w*)/.exec(path)?.[1];
  if (name === undefined) return { root: input, rest: path.slice(1) };
  return {
    root: Object.hasOwn(variables, name) ? variables[name] : undefined,
    rest: path.slice(1 + name.length),
  };
}

function matching(path: string, root: unknown): readonly unknown[] {
  if (typeof root !== 'object' || root === null) return [];
  try {
    return JSONPath({ path, json: root, wrap: true, eval: 'safe' }) as readonly unknown[];
  } catch (error) {
    throw runtimeError(`The JSONPath '${path}' cannot be evaluated: ${(error as Error).message}`);
  }
}

const SEGMENT = /\.([^.[\]]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]/y;

/** The steps of a reference path, which names one place: `$.a['b'][0]`. @throws StateError `States.Runtime` */
function stepsOf(path: string): (string | number)[] {
  const steps: (string | number)[] = [];
  SEGMENT.lastIndex = 1;
  while (SEGMENT.lastIndex < path.length) {
    const match = SEGMENT.exec(path);
    if (!match) throw runtimeError(`'${path}' is no reference path`);
    const [, name, index, quoted, doubleQuoted] = match;
    steps.push(index === undefined ? (name ?? quoted ?? doubleQuoted ?? '') : Number(index));
  }
  return steps;
}

/**
 * The document with a value put at a reference path; what is missing on the way is made.
 *
 * @throws StateError `States.ResultPathMatchFailure` where the path leads through what holds no fields
 */
export function placed(path: string, document: unknown, value: unknown): unknown {
  return put(document, stepsOf(path), value, path);
}

function put(
  at: unknown,
  [step, ...rest]: readonly (string | number)[],
  value: unknown,
  path: string,
): unknown {
  if (step === undefined) return value;
  if (Array.isArray(at) && typeof step === 'number' && step < at.length)
    return at.with(step, put(at[step], rest, value, path));
  if (
    typeof step === 'string' &&
    (at === undefined || (typeof at === 'object' && at !== null && !Array.isArray(at)))
  ) {
    const fields = (at ?? {}) as Readonly<Record<string, unknown>>;
    const inner = Object.hasOwn(fields, step) ? fields[step] : undefined;
    return { ...fields, [step]: put(inner, rest, value, path) };
  }
  throw new StateError(
    'States.ResultPathMatchFailure',
    `Unable to apply ResultPath '${path}' to the input '${JSON.stringify(at)}'`,
  );
}
