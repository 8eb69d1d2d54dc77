import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Distribution } from '../../../local/cloudwatch/distribution.ts';
import { MetricStore } from '../../../local/cloudwatch/metric-store.ts';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { MINUTE_MS, NOON_MS } from './cloudwatch-lab.ts';

const HOUR_MS = 60 * MINUTE_MS;
const identity = { namespace: 'N', metricName: 'M', dimensions: {} };

describe('a distribution', () => {
  it('knows percentiles of very many values within two percent', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 300, maxLength: 2000 }),
        fc.integer({ min: 1, max: 100 }),
        (values, percent) => {
          const distribution = new Distribution();
          for (const value of values) distribution.add(value);
          const sorted = values.toSorted((one, other) => one - other);
          const exact = sorted[Math.ceil((percent / 100) * values.length) - 1] as number;
          const found = distribution.percentile(percent) as number;
          expect(Math.abs(found - exact) / exact).toBeLessThan(0.02);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('merged from parts is what it would be in one', () => {
    const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, values, (one, other) => {
        const parts = [one, other].map((part) => {
          const distribution = new Distribution();
          for (const value of part) distribution.add(value);
          return distribution;
        });
        const merged = new Distribution();
        for (const part of parts) merged.merge(part);
        const whole = new Distribution();
        for (const value of [...one, ...other]) whole.add(value);
        const figures = (each: Distribution) => [
          each.sampleCount,
          each.sum,
          each.minimum,
          each.maximum,
          each.percentile(50),
          each.percentile(99),
        ];
        expect(figures(merged)).toEqual(figures(whole));
      }),
    );
  });
});

describe('the metric store', () => {
  it('keeps a day by the minute, the time before by the hour, and nothing older than 15 days', async () => {
    const clock = new RunningClock({ startMs: NOON_MS });
    const store = new MetricStore(clock);
    store.record({ ...identity, value: 1, atMs: NOON_MS });
    store.record({ ...identity, value: 2, atMs: NOON_MS + MINUTE_MS });
    await clock.advance(25 * HOUR_MS);
    store.record({ ...identity, value: 5, atMs: clock.now() });
    expect(store.read(identity, NOON_MS, NOON_MS + MINUTE_MS).sampleCount).toBe(0);
    expect(store.read(identity, NOON_MS, NOON_MS + HOUR_MS)).toMatchObject({ sampleCount: 2, sum: 3 });
    await clock.advance(15 * 24 * HOUR_MS);
    store.record({ ...identity, value: 5, atMs: clock.now() });
    expect(store.read(identity, NOON_MS, NOON_MS + HOUR_MS).sampleCount).toBe(0);
    clock.stop();
  });

  it('drops the metrics that were silent longest before it grows without end', () => {
    const clock = new RunningClock({ startMs: NOON_MS });
    const store = new MetricStore(clock);
    for (let job = 0; job < 25_000; job++)
      store.record({
        ...identity,
        dimensions: { job: String(job) },
        value: 1,
        atMs: NOON_MS + job * MINUTE_MS,
      });
    const kept = store.list(0).map(({ dimensions }) => Number(dimensions.job));
    expect(kept.length).toBeLessThanOrEqual(10_000);
    expect(kept).toContain(24_999);
    expect(kept).not.toContain(0);
    clock.stop();
  });
});
