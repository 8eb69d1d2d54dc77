import jsonata from 'jsonata';
import { newUuid } from '../../sns/ids.ts';
import { StateError } from '../errors.ts';
import { hash, partition, range, seeded } from './intrinsic-functions.ts';
import { isRecord, type Scope } from './scope.ts';

const EXPRESSION = /^\{%([\s\S]*)%\}$/;

/**
 * A value of the query language JSONata: each string `{% … %}` in it is what its expression answers.
 *
 * @param states what `$states` holds beside `input` and `context`: `result`, `errorOutput`
 * @throws StateError `States.QueryEvaluationError`
 */
export async function evaluated(
  template: unknown,
  scope: Scope,
  states: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  if (typeof template === 'string') {
    const source = EXPRESSION.exec(template)?.[1];
    return source === undefined ? template : evaluate(source, scope, states);
  }
  if (Array.isArray(template)) {
    const items: unknown[] = [];
    for (const item of template) items.push(await evaluated(item, scope, states));
    return items;
  }
  if (!isRecord(template)) return template;
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(template)) fields[name] = await evaluated(value, scope, states);
  return fields;
}

async function evaluate(
  source: string,
  scope: Scope,
  states: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const { input, context, variables } = scope;
  let answer: unknown;
  try {
    const expression = jsonata(source);
    addFunctions(expression, scope);
    // A state's input is no `$` here: AWS gives it in `$states.input` only.
    answer = await expression.evaluate(undefined, {
      ...variables,
      states: { input, context, ...states },
    });
  } catch (error) {
    const { message } = error as Error;
    throw new StateError(
      'States.QueryEvaluationError',
      `The JSONata expression '${source.trim()}' failed: ${message}`,
    );
  }
  if (answer === undefined || typeof answer === 'function')
    throw new StateError(
      'States.QueryEvaluationError',
      `The JSONata expression '${source.trim()}' returned nothing (undefined).`,
    );
  // Its lists carry marks of its own, which are no data.
  return JSON.parse(JSON.stringify(answer)) as unknown;
}

/** AWS's own functions, and JSONata's that would read the machine's clock or chance. */
function addFunctions(expression: jsonata.Expression, { random, nowMs }: Scope): void {
  const add = (name: string, implementation: (...given: never[]) => unknown) =>
    expression.registerFunction(name, implementation as (...given: unknown[]) => unknown);
  add('partition', (list: unknown[], size: number) => partition(list, size));
  add('range', (first: number, last: number, step: number) => range(first, last, step));
  add('hash', (value: unknown, algorithm: string) =>
    hash(typeof value === 'string' ? value : JSON.stringify(value), algorithm),
  );
  add('parse', (value: string) => JSON.parse(value) as unknown);
  add('uuid', () => newUuid(random));
  add('random', (seed?: unknown) => (seed === undefined ? random() : seeded(String(seed))));
  add('millis', () => Math.floor(nowMs));
  add('now', (picture?: string, zone?: string) =>
    jsonata('$fromMillis($ms, $picture, $zone)').evaluate(undefined, {
      ms: Math.floor(nowMs),
      picture,
      zone,
    }),
  );
  add('eval', () => {
    throw new Error('AWS knows no $eval');
  });
}
