import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attemptsOf,
  DEFAULT_SCHEDULE,
  delaySeconds,
  exponential,
  horizonSeconds,
  LONGEST_DELAY_SECONDS,
  LONGEST_HIDDEN_SECONDS,
  longestHiddenSeconds,
  retryDelay,
  schedule,
} from '../../../shared/jobs/schedule.ts';

const delays = fc.array(fc.integer({ min: 1, max: LONGEST_DELAY_SECONDS }), { minLength: 1, maxLength: 49 });
const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('schedule', () => {
  it('takes each delay times a factor from a half to one, in whole seconds', () => {
    fc.assert(
      fc.property(delays, dice, (nominal, random) => {
        for (const [index, delay] of nominal.entries()) {
          const taken = delaySeconds(schedule(nominal), index + 1, random);
          expect(Number.isInteger(taken)).toBe(true);
          expect(taken).toBeGreaterThanOrEqual(delay / 2);
          expect(taken).toBeLessThanOrEqual(delay);
        }
      }),
    );
  });

  it('spreads jobs that failed together over half of the delay', () => {
    const taken = Array.from({ length: 1000 }, (_, index) => delaySeconds(schedule([3600]), 1, index / 1000));
    expect(new Set(taken).size).toBeGreaterThan(900);
    expect(Math.min(...taken)).toBe(1800);
    expect(Math.max(...taken)).toBe(3599);
  });

  it('never waits shorter in all than its horizon, nor longer than its delays', () => {
    fc.assert(
      fc.property(delays, fc.infiniteStream(dice), (nominal, random) => {
        const made = schedule(nominal);
        let sum = 0;
        for (let failed = 1; failed < attemptsOf(made); failed++)
          sum += delaySeconds(made, failed, random.next().value);
        expect(sum).toBeGreaterThanOrEqual(horizonSeconds(made));
        expect(sum).toBeLessThanOrEqual(nominal.reduce((all, one) => all + one, 0));
      }),
    );
  });

  it('by default makes six attempts and outlives 36 minutes', () => {
    expect(attemptsOf(DEFAULT_SCHEDULE)).toBe(6);
    expect(Math.floor(horizonSeconds(DEFAULT_SCHEDULE) / 60)).toBe(36);
  });

  it('doubles up to a cap, as its documentation says', () => {
    expect(exponential({ baseSeconds: 2, capSeconds: 60, attempts: 7 }).delaysSeconds).toEqual([
      2, 4, 8, 16, 32, 60,
    ]);
  });

  it('makes a single attempt of an empty list', () => {
    expect(attemptsOf(schedule([]))).toBe(1);
    expect(() => delaySeconds(schedule([]), 1, 0)).toThrow('No delay follows attempt 1');
  });

  it.each([
    [[0], 'Delay 1 of the schedule is 0'],
    [[5, 1.5], 'Delay 2 of the schedule is 1.5'],
    [[5, LONGEST_DELAY_SECONDS + 1], 'give whole seconds from 1 to 604800 (7 days)'],
    [Array.from({ length: 50 }, () => 1), 'A schedule of 50 delays is too long: at most 49'],
  ])('refuses the delays %j', (given, message) => {
    expect(() => schedule(given)).toThrow(message);
  });

  it('takes the longer of its own delay and the one that a handler asked for, and says which', () => {
    const made = schedule([100, 1000]);
    expect(retryDelay(made, 1, 0)).toEqual({
      delaySeconds: 50,
      delayWhy: 'delay 1 of 2, 100 s before jitter',
      asked: false,
    });
    expect(retryDelay(made, 2, 0, 500)).toMatchObject({ delaySeconds: 500, asked: false });
    expect(retryDelay(made, 2, 0, 501)).toEqual({
      delaySeconds: 501,
      delayWhy: 'no sooner than 501 s, as the handler said; delay 2 of 2 would have been 500 s',
      asked: true,
    });
  });

  it('tells how long one message of it is hidden at most, in all', () => {
    fc.assert(
      fc.property(delays, fc.infiniteStream(dice), (nominal, random) => {
        const made = schedule(nominal);
        let ofThisMessage = 0;
        for (let failed = 1; failed < attemptsOf(made); failed++) {
          const taken = delaySeconds(made, failed, random.next().value);
          ofThisMessage = taken > LONGEST_HIDDEN_SECONDS ? 0 : ofThisMessage + taken;
          expect(ofThisMessage).toBeLessThanOrEqual(longestHiddenSeconds(made));
        }
      }),
    );
    const hour = 3600;
    expect(longestHiddenSeconds(schedule([]))).toBe(0);
    expect(longestHiddenSeconds(DEFAULT_SCHEDULE)).toBe(4355);
    expect(longestHiddenSeconds(schedule([5 * hour, 14 * hour, 24 * hour, hour]))).toBe(16 * hour);
    expect(longestHiddenSeconds(schedule([hour, 24 * hour, 2 * hour]))).toBe(2 * hour);
  });

  it('refuses a cap below the base', () => {
    expect(() => exponential({ baseSeconds: 10, capSeconds: 5, attempts: 3 })).toThrow(
      'capSeconds: 5, which is below baseSeconds: 10',
    );
  });
});
