export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a path like `$.detail.name` leads to; `undefined` where nothing is. */
export function at(path: string, document: unknown): unknown {
  let value = document;
  for (const [, name, index] of path.slice(1).matchAll(/\.([^.[\]]+)|\[(\d+)\]/g))
    value = (value as Record<string, unknown> | undefined | null)?.[name ?? index ?? ''];
  return value;
}
