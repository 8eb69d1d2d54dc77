import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineJob, maxReceiveCount } from '../../../shared/jobs/define-job.ts';
import { DefinitionError } from '../../../shared/jobs/honest-jobs-error.ts';
import {
  attemptsOf,
  delaySeconds,
  exponential,
  horizonSeconds,
  LONGEST_DELAY_SECONDS,
  schedule,
} from '../../../shared/jobs/schedule.ts';
import { seedProperties } from '../../lab/seeded.ts';

seedProperties();

const MOST_DELAYS = 49;
const delay = fc.integer({ min: 1, max: LONGEST_DELAY_SECONDS });
const delays = fc.array(delay, { minLength: 1, maxLength: MOST_DELAYS });
const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('every schedule', () => {
  it('is taken exactly when each of its delays is a whole second in range', () => {
    const anything = fc.oneof(
      delay,
      fc.double(),
      fc.constantFrom(0, -1, LONGEST_DELAY_SECONDS + 1, Number.NaN),
    );
    fc.assert(
      fc.property(fc.array(anything, { maxLength: MOST_DELAYS + 3 }), (given) => {
        const allowed =
          given.length <= MOST_DELAYS &&
          given.every((one) => Number.isInteger(one) && one >= 1 && one <= LONGEST_DELAY_SECONDS);
        if (allowed) expect(schedule(given).delaysSeconds).toEqual(given);
        else expect(() => schedule(given)).toThrow(DefinitionError);
      }),
    );
  });

  it('stays as it was made, whatever becomes of the list that it was made of', () => {
    fc.assert(
      fc.property(delays, delay, (given, more) => {
        const made = schedule(given);
        const before = [...made.delaysSeconds];
        given.push(more);
        given[0] = more + 1;
        expect(made.delaysSeconds).toEqual(before);
        expect(() => (made.delaysSeconds as number[]).push(more)).toThrow();
      }),
    );
  });

  it('takes of each delay from half of it, rounded up, to all of it, and longer for a higher number', () => {
    fc.assert(
      fc.property(delays, dice, dice, (given, one, another) => {
        const made = schedule(given);
        const [low, high] = one < another ? [one, another] : [another, one];
        for (const [index, nominal] of given.entries()) {
          const [shorter, longer] = [low, high].map((random) => delaySeconds(made, index + 1, random));
          expect(Number.isInteger(shorter)).toBe(true);
          expect(shorter).toBeGreaterThanOrEqual(Math.ceil(nominal / 2));
          expect(longer).toBeGreaterThanOrEqual(shorter as number);
          expect(longer).toBeLessThanOrEqual(nominal);
        }
      }),
    );
  });

  it('reaches both ends of its jitter', () => {
    fc.assert(
      fc.property(delay, (nominal) => {
        const made = schedule([nominal]);
        expect(delaySeconds(made, 1, 0)).toBe(Math.ceil(nominal / 2));
        expect(delaySeconds(made, 1, 1 - 2 ** -53)).toBe(nominal);
      }),
    );
  });

  it('has with one delay more one attempt more, and outlives a longer outage', () => {
    fc.assert(
      fc.property(fc.array(delay, { maxLength: MOST_DELAYS - 1 }), delay, (given, more) => {
        const [made, longer] = [schedule(given), schedule([...given, more])];
        expect(attemptsOf(longer)).toBe(attemptsOf(made) + 1);
        expect(horizonSeconds(longer)).toBeGreaterThan(horizonSeconds(made));
      }),
    );
  });

  it('has an end: after its last attempt there is no delay', () => {
    fc.assert(
      fc.property(fc.array(delay, { maxLength: MOST_DELAYS }), dice, fc.nat(100), (given, random, beyond) => {
        const made = schedule(given);
        expect(() => delaySeconds(made, attemptsOf(made) + beyond, random)).toThrow(RangeError);
        expect(() => delaySeconds(made, -beyond, random)).toThrow(RangeError);
      }),
    );
  });

  it('leaves its job more receives than attempts and crashes can use up', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6000 }), { maxLength: MOST_DELAYS }), (given) => {
        const made = schedule(given);
        const job = defineJob({ type: 'any', payload: z.unknown(), key: () => 'a', schedule: made });
        expect(maxReceiveCount(job)).toBeGreaterThan(2 * attemptsOf(made));
      }),
    );
  });
});

describe('every exponential schedule', () => {
  it('never shrinks, begins with its base, doubles below its cap, and never passes it', () => {
    const options = fc
      .tuple(delay, delay, fc.integer({ min: 1, max: MOST_DELAYS + 1 }))
      .map(([one, another, attempts]) => ({
        baseSeconds: Math.min(one, another),
        capSeconds: Math.max(one, another),
        attempts,
      }));
    fc.assert(
      fc.property(options, ({ baseSeconds, capSeconds, attempts }) => {
        const made = exponential({ baseSeconds, capSeconds, attempts });
        expect(attemptsOf(made)).toBe(attempts);
        for (const [index, nominal] of made.delaysSeconds.entries()) {
          const before = made.delaysSeconds[index - 1];
          expect(nominal).toBe(before === undefined ? baseSeconds : Math.min(2 * before, capSeconds));
        }
      }),
    );
  });

  it('is refused for whatever is out of range, and never made of it', () => {
    const number = fc.oneof(fc.integer({ min: -5, max: 60 }), fc.double());
    fc.assert(
      fc.property(number, number, number, (baseSeconds, capSeconds, attempts) => {
        try {
          const { delaysSeconds } = exponential({ baseSeconds, capSeconds, attempts });
          expect(delaysSeconds).toHaveLength(attempts - 1);
          for (const nominal of delaysSeconds) expect(Number.isInteger(nominal) && nominal >= 1).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(DefinitionError);
        }
      }),
    );
  });
});
