import type { Write } from './action-store.ts';
import { canonicalForm, type Item } from './attribute-values.ts';

/** One item changed, as a stream with new and old images would tell it. */
export interface ItemChange {
  readonly tableName: string;
  readonly keys: Item;
  /** `undefined` for an item that is new. */
  readonly oldImage?: Item;
  /** `undefined` for an item that was deleted. */
  readonly newImage?: Item;
  readonly cause: 'request' | 'time-to-live';
}

/** `undefined` when the write left the item as it was. */
export function itemChange(
  { table, before, after }: Write,
  cause: ItemChange['cause'],
): ItemChange | undefined {
  if (before === after) return undefined;
  const oldImage = before === undefined ? undefined : (JSON.parse(before) as Item);
  const newImage = after === undefined ? undefined : (JSON.parse(after) as Item);
  // The same members in another order take as many characters.
  if (before?.length === after?.length && canonicalForm(oldImage) === canonicalForm(newImage))
    return undefined;
  const item = newImage ?? oldImage ?? {};
  const keys: Record<string, Item[string]> = {};
  for (const { AttributeName: name } of table.definition.KeySchema) {
    const value = item[name];
    if (value) keys[name] = value;
  }
  return {
    tableName: table.definition.TableName,
    keys,
    ...(oldImage && { oldImage }),
    ...(newImage && { newImage }),
    cause,
  };
}
