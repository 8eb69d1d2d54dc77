import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROBE_SECONDS, pauseSeconds, waitSeconds } from '../../../functions/deliver-webhook/pause.ts';
import { deliverWebhook } from '../../../shared/jobs/deliver-webhook.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the pause after a failure', () => {
  it('is 15 s, and doubles up to an hour, times a half or more', () => {
    const nominal = [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600];
    expect(nominal.map((_, index) => pauseSeconds(index + 1, 0, 0))).toEqual(
      nominal.map((seconds) => Math.ceil(seconds / 2)),
    );
    expect(nominal.map((_, index) => pauseSeconds(index + 1, 0, 0.999999))).toEqual(nominal);
  });

  it('is what the endpoint asked for, where that is longer', () => {
    expect(pauseSeconds(1, 86_400, 0.5)).toBe(86_400);
    expect(pauseSeconds(9, 60, 0)).toBe(1800);
  });

  it('is never shorter than a few seconds nor longer than an hour by itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), random, (failures, chance) => {
        const seconds = pauseSeconds(failures, 0, chance);
        return Number.isInteger(seconds) && seconds >= 8 && seconds <= 3600;
      }),
    );
  });
});

describe('the wait of a delivery that finds its endpoint paused', () => {
  it('reaches to the end of the pause, and a minute beyond it at most', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 90_000, noNaN: true }), random, (paused, chance) => {
        const seconds = waitSeconds(paused, chance);
        return seconds >= paused && seconds <= Math.ceil(paused + 60);
      }),
    );
  });

  it('spreads those that wait', () => {
    const waits = Array.from({ length: 100 }, (_, index) => waitSeconds(3600, index / 100));
    expect(new Set(waits).size).toBeGreaterThan(50);
  });

  it('for another one’s try is longer than that may take', () => {
    expect(PROBE_SECONDS).toBeGreaterThan(deliverWebhook.timeoutSeconds);
  });
});
