import { describe, expect, it } from 'vitest';
import { outcome, row } from './states-lab.ts';

describe('a Choice state', () => {
  const choice = (test: object) => ({
    StartAt: 'Choice',
    States: {
      Choice: { Type: 'Choice', Choices: [{ ...test, Next: 'Yes' }], Default: 'No' },
      Yes: { Type: 'Pass', Result: true, End: true },
      No: { Type: 'Pass', Result: false, End: true },
    },
  });
  const input = { n: 5, m: 7, s: 'pear', t: '2030-01-01T00:00:00Z', b: true, nothing: null };

  it.each<[object, boolean]>([
    [{ Variable: '$.n', NumericEquals: 5 }, true],
    [{ Variable: '$.n', NumericLessThan: 5 }, false],
    [{ Variable: '$.n', NumericGreaterThanEquals: 5 }, true],
    [{ Variable: '$.n', NumericLessThanPath: '$.m' }, true],
    [{ Variable: '$.s', NumericEquals: 5 }, false],
    [{ Variable: '$.s', StringEquals: 'pear' }, true],
    [{ Variable: '$.s', StringGreaterThan: 'apple' }, true],
    [{ Variable: '$.s', StringMatches: 'p*r' }, true],
    [{ Variable: '$.s', StringMatches: 'p\\*r' }, false],
    [{ Variable: '$.t', TimestampLessThan: '2030-01-01T01:00:00+00:30' }, true],
    [{ Variable: '$.b', BooleanEquals: true }, true],
    [{ Variable: '$.nothing', IsNull: true }, true],
    [{ Variable: '$.missing', IsPresent: false }, true],
    [{ Variable: '$.t', IsTimestamp: true }, true],
    [{ Variable: '$.s', IsNumeric: false }, true],
    [{ Variable: '$.s', IsString: true }, true],
    [{ Variable: '$.s', IsBoolean: true }, false],
    [{ Not: { Variable: '$.n', NumericEquals: 5 } }, false],
    [
      {
        And: [
          { Variable: '$.missing', IsPresent: true },
          { Variable: '$.missing', NumericEquals: 1 },
        ],
      },
      false,
    ],
    [
      {
        Or: [
          { Variable: '$.n', NumericEquals: 1 },
          { Variable: '$.m', NumericEquals: 7 },
        ],
      },
      true,
    ],
  ])('finds that %j is %s', async (test, holds) => {
    expect((await outcome(choice(test), input)).output).toBe(holds);
  });

  it('fails with States.NoChoiceMatched where nothing matches and there is no Default', async () => {
    const machine = {
      StartAt: 'Choice',
      States: {
        Choice: { Type: 'Choice', Choices: [{ Variable: '$.n', NumericEquals: 1, Next: 'Yes' }] },
        Yes: { Type: 'Succeed' },
      },
    };
    expect(await outcome(machine, { n: 2 })).toMatchObject({
      status: 'FAILED',
      error: 'States.NoChoiceMatched',
    });
  });
});

describe('Wait and Fail states', () => {
  it('wait for seconds, for a time, and for what a path says', async () => {
    const wait = (fields: object) => row({ Wait: { Type: 'Wait', ...fields } });
    expect((await outcome(wait({ Seconds: 90 }))).seconds).toBeCloseTo(90, -1);
    expect((await outcome(wait({ SecondsPath: '$.s' }), { s: 3600 })).seconds).toBeCloseTo(3600, -1);
    expect((await outcome(wait({ Timestamp: '2030-01-01T12:30:00Z' }))).seconds).toBeCloseTo(1800, -1);
    expect(
      (await outcome(wait({ TimestampPath: '$.t' }), { t: '2020-01-01T00:00:00Z' })).seconds,
    ).toBeCloseTo(0, -1);
  });

  it('fail with the error and the cause that they name, or that a path finds', async () => {
    expect(await outcome(row({ Fail: { Type: 'Fail', Error: 'Mine', Cause: 'because' } }))).toMatchObject({
      status: 'FAILED',
      error: 'Mine',
      cause: 'because',
    });
    const byPath = row({
      Fail: { Type: 'Fail', ErrorPath: '$.e', CausePath: "States.Format('{} of it', $.c)" },
    });
    expect(await outcome(byPath, { e: 'Theirs', c: 'because' })).toMatchObject({
      error: 'Theirs',
      cause: 'because of it',
    });
  });
});
