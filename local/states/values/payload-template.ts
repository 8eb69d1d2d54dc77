import { call } from './intrinsic-call.ts';
import { select } from './json-path.ts';
import { isRecord, type Scope } from './scope.ts';

/**
 * A payload template of the query language JSONPath, filled: a field whose name ends in `.$` takes what its path selects or its
 * intrinsic function answers.
 *
 * @throws StateError `States.Runtime`, `States.IntrinsicFailure`
 */
export function filled(template: unknown, scope: Scope): unknown {
  if (Array.isArray(template)) return template.map((item) => filled(item, scope));
  if (!isRecord(template)) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) =>
      name.endsWith('.$')
        ? [name.slice(0, -2), pathOrCall(String(value), scope)]
        : [name, filled(value, scope)],
    ),
  );
}

/** What a path selects or an intrinsic function answers. @throws StateError */
export function pathOrCall(source: string, scope: Scope): unknown {
  return source.startsWith('$') ? select(source, scope) : call(source, scope);
}
