import { createHash } from 'node:crypto';

/** The index by which payments and orders are found by the day that they happened on. */
export const DAY_INDEX = 'by-day';

/** The index's partition key: day and shard, `2026-11-25#3`. */
export const DAY_ATTRIBUTE = 'onDay';

/**
 * A partition takes 1,000 writes a second, and a full one would hold up the table itself: a day is spread over so many.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
 */
export const DAY_SHARDS = 4;

const DAY_MS = 86_400_000;

/** Where a row of `at` is found in the index: the UTC day, and a shard by the row's key, the same each time. */
export function onDay(at: Date, key: string): string {
  const shard = createHash('sha256').update(key).digest().readUInt8(0) % DAY_SHARDS;
  return `${at.toISOString().slice(0, 10)}#${shard}`;
}

/** Each UTC day from the first to the last, both included, as `2026-11-25`. */
export function daysOf({ from, to }: { readonly from: string; readonly to: string }): string[] {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** The index's partitions of one day. */
export function shardsOf(day: string): string[] {
  return Array.from({ length: DAY_SHARDS }, (_, shard) => `${day}#${shard}`);
}
