import type { Item } from './attribute-values.ts';

/** Beyond it no date exists; what lies there never expires. */
const LAST_SECOND = 8_640_000_000_000;

/** When an item expires by its table's attribute: seconds since the epoch in a Number; any other type is no expiry. */
export function itemExpirySeconds(item: Item, attribute: string | undefined): number | undefined {
  if (attribute === undefined) return undefined;
  const seconds = Math.floor(Number(item[attribute]?.N ?? Number.NaN));
  return Math.abs(seconds) <= LAST_SECOND ? seconds : undefined;
}
