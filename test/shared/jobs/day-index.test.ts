import { describe, expect, it } from 'vitest';
import { DAY_SHARDS, daysOf, onDay, shardsOf } from '../../../shared/jobs/day-index.ts';

describe('the index by day', () => {
  it('finds a row among the partitions of its UTC day, the same each time', () => {
    const at = new Date('2026-11-25T23:59:59.999Z');
    expect(shardsOf('2026-11-25')).toContain(onDay(at, 'tx-1'));
    expect(onDay(at, 'tx-1')).toBe(onDay(new Date('2026-11-25T00:00:00Z'), 'tx-1'));
  });

  it('spreads a day evenly: a partition takes 1,000 writes a second', () => {
    const at = new Date('2026-11-25T12:00:00Z');
    const rows = Array.from({ length: 4000 }, (_, index) => onDay(at, `tx-${index}`));
    const shards = Map.groupBy(rows, (shard) => shard);
    expect(shards.size).toBe(DAY_SHARDS);
    for (const { length } of shards.values()) expect(length).toBeGreaterThan(850);
  });

  it('has each day of a period, over the end of a year and a leap day', () => {
    expect(daysOf({ from: '2026-12-30', to: '2027-01-02' })).toEqual([
      '2026-12-30',
      '2026-12-31',
      '2027-01-01',
      '2027-01-02',
    ]);
    expect(daysOf({ from: '2028-02-28', to: '2028-03-01' })).toHaveLength(3);
    expect(daysOf({ from: '2026-11-25', to: '2026-11-25' })).toEqual(['2026-11-25']);
  });
});
