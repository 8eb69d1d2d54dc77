import { afterEach, describe, expect, it } from 'vitest';
import { RunningClock, sharedClock } from '../../../local/kernel/clock.ts';

const HOUR_MS = 3_600_000;
let clock: RunningClock;

afterEach(() => clock.stop());

describe('a running clock', () => {
  it('fires what falls due on the way of an advance, at its own time and in order', async () => {
    clock = new RunningClock({ startMs: 0 });
    const fired: [string, number][] = [];
    clock.after(2 * HOUR_MS, () => fired.push(['second', clock.now()]));
    clock.after(HOUR_MS, () => {
      fired.push(['first', clock.now()]);
      clock.after(HOUR_MS / 2, () => fired.push(['set on the way', clock.now()]));
    });
    clock.after(4 * HOUR_MS, () => fired.push(['too late', 0]));
    await clock.advance(3 * HOUR_MS);
    expect(fired.map(([name]) => name)).toEqual(['first', 'set on the way', 'second']);
    expect(fired.every(([, ms], index) => ms >= ([1, 1.5, 2][index] ?? 0) * HOUR_MS)).toBe(true);
  });

  it('does not wait for who holds it when it is advanced', async () => {
    clock = new RunningClock({ startMs: 0 });
    const release = clock.hold();
    await clock.advance(HOUR_MS);
    expect(clock.now()).toBeGreaterThanOrEqual(HOUR_MS);
    release();
  });

  it('lets who holds it come to its end when time passes', async () => {
    clock = new RunningClock({ startMs: 0 });
    let endedMs = 0;
    clock.after(HOUR_MS, () => {
      const release = clock.hold();
      setImmediate(() => {
        endedMs = clock.now();
        release();
      });
    });
    await clock.pass(10 * HOUR_MS);
    expect(endedMs).toBeGreaterThanOrEqual(HOUR_MS);
    expect(endedMs).toBeLessThan(2 * HOUR_MS);
    expect(clock.now()).toBeGreaterThanOrEqual(10 * HOUR_MS);
  });

  it('tells the same time to other threads', () => {
    clock = new RunningClock({ startMs: HOUR_MS, factor: 1000 });
    const shared = sharedClock(clock.shared);
    const before = clock.now();
    const told = shared.now();
    expect(told).toBeGreaterThanOrEqual(before);
    expect(told).toBeLessThanOrEqual(clock.now());
  });

  it('refuses to run slower than real time', () => {
    expect(() => new RunningClock({ factor: 0.5 })).toThrow(/0\.5 is below 1/);
    clock = new RunningClock();
  });
});
