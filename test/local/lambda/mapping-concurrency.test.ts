import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { MappingConcurrency } from '../../../local/lambda/mapping-concurrency.ts';

let clock: RunningClock;

beforeEach(() => {
  clock = new RunningClock({ startMs: 0 });
});

afterEach(() => clock.stop());

describe("a mapping's concurrency", () => {
  it('begins with five batches and grows by 300 a minute up to 1,250 while there is work', async () => {
    const concurrency = new MappingConcurrency(clock, undefined);
    expect(concurrency.limit).toBe(5);
    concurrency.begin();
    await clock.advance(60_000);
    expect(concurrency.limit).toBe(305);
    await clock.advance(600_000);
    expect(concurrency.limit).toBe(1250);
  });

  it('begins anew after it had nothing to do', async () => {
    const concurrency = new MappingConcurrency(clock, undefined);
    concurrency.begin();
    await clock.advance(60_000);
    concurrency.end();
    expect(concurrency.limit).toBe(5);
  });

  it('is halved by each failure and grows by one with each success', () => {
    const concurrency = new MappingConcurrency(clock, 40);
    concurrency.backOff();
    expect(concurrency.limit).toBe(2);
    concurrency.backOff();
    concurrency.backOff();
    expect(concurrency.limit).toBe(1);
    for (let success = 0; success < 3; success++) concurrency.recover();
    expect(concurrency.limit).toBe(4);
  });

  it('lets the next batch wait until one has ended, or until there may be more', async () => {
    const concurrency = new MappingConcurrency(clock, 2);
    const { signal } = new AbortController();
    concurrency.begin();
    concurrency.begin();
    let proceeded = false;
    const room = concurrency.room(signal).then(() => {
      proceeded = true;
    });
    await clock.advance(5_000);
    expect(proceeded).toBe(false);
    concurrency.setMaximum(3);
    await room;
    concurrency.begin();
    const next = concurrency.room(signal);
    concurrency.end();
    await next;
  });
});
