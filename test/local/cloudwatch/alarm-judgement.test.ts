import { describe, expect, it } from 'vitest';
import { judge } from '../../../local/cloudwatch/alarm-judgement.ts';
import { NOON_MS } from './cloudwatch-lab.ts';

const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;

/** `0` within the threshold, `X` beyond it, `-` missing; oldest first, as AWS writes its tables. */
function stateFor(
  pattern: string,
  DatapointsToAlarm: number,
  TreatMissingData: (typeof TREATMENTS)[number],
): string {
  const range = pattern
    .split(' ')
    .map((letter, index) => ({
      atMs: NOON_MS + index * 300_000,
      value: { '0': 0, X: 5, '-': undefined }[letter],
    }))
    .reverse();
  const judgement = judge(
    {
      EvaluationPeriods: 3,
      DatapointsToAlarm,
      TreatMissingData,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    },
    range,
  );
  return judgement?.state ?? 'retain';
}

describe("AWS's table of an alarm on 3 out of 3 datapoints", () => {
  it.each([
    ['0 - X - X', 'OK', 'OK', 'OK', 'OK'],
    ['- - - - 0', 'OK', 'OK', 'OK', 'OK'],
    ['- - - - -', 'INSUFFICIENT_DATA', 'retain', 'ALARM', 'OK'],
    ['0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['- - X - -', 'ALARM', 'retain', 'ALARM', 'OK'],
  ])('%s', (pattern, ...states) => {
    expect(TREATMENTS.map((treatment) => stateFor(pattern, 3, treatment))).toEqual(states);
  });

  it.each(['- - - - X', '- - - X -'])('%s is too early for an alarm', (pattern) => {
    expect(stateFor(pattern, 3, 'missing')).toBe('retain');
  });
});

describe("AWS's table of an alarm on 2 out of 3 datapoints", () => {
  it.each([
    ['0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 - X - -', 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - - 0', 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - X -', 'ALARM', 'retain', 'ALARM', 'OK'],
  ])('%s', (pattern, ...states) => {
    expect(TREATMENTS.map((treatment) => stateFor(pattern, 2, treatment))).toEqual(states);
  });
});

describe('a threshold of 1', () => {
  it.each([
    ['GreaterThanOrEqualToThreshold', 'OK', 'ALARM', 'ALARM'],
    ['GreaterThanThreshold', 'OK', 'OK', 'ALARM'],
    ['LessThanOrEqualToThreshold', 'ALARM', 'ALARM', 'OK'],
    ['LessThanThreshold', 'ALARM', 'OK', 'OK'],
  ] as const)('%s', (ComparisonOperator, ...states) => {
    const rule = { EvaluationPeriods: 1, Threshold: 1, ComparisonOperator };
    expect([0, 1, 2].map((value) => judge(rule, [{ atMs: NOON_MS, value }])?.state)).toEqual(states);
  });
});
