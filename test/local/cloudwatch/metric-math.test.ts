import { describe, expect, it } from 'vitest';
import { evaluate, type SeriesValues } from '../../../local/cloudwatch/math/evaluate.ts';
import { parseExpression } from '../../../local/cloudwatch/math/syntax.ts';

const gap = undefined;
const series: Readonly<Record<string, SeriesValues>> = {
  m1: [1, gap, 3, 4],
  m2: [10, 20, gap, 40],
  zero: [0, 0, 0, 0],
  none: [gap, gap, gap, gap],
};

function calculate(text: string) {
  return evaluate(parseExpression(text), {
    periodSeconds: 60,
    length: 4,
    value: (id) => series[id],
  });
}

describe('metric math', () => {
  it.each<[string, unknown]>([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['-2 ^ 2 - 1.5e1', -11],
    ['8 / 2 / 2', 2],
    ['1 + 1 == 2 AND 3 >= 4', 0],
    ['1 > 2 || 2 != 3', 1],
  ])('reckons %s', (text, result) => expect(calculate(text)).toBe(result));

  it.each<[string, SeriesValues]>([
    ['m1 + m2', [11, gap, gap, 44]],
    ['m1 * 2', [2, gap, 6, 8]],
    ['-m1', [-1, gap, -3, -4]],
    ['m2 / zero', [gap, gap, gap, gap]],
    ['m1 >= 3', [0, gap, 1, 1]],
    ['FILL(m1, 0)', [1, 0, 3, 4]],
    ['FILL(none, 7)', [7, 7, 7, 7]],
    ['FILL(m1, m2)', [1, 20, 3, 4]],
    ['FILL(m1, REPEAT)', [1, 1, 3, 4]],
    ['FILL(m1, LINEAR)', [1, 2, 3, 4]],
    ['MAX([m1, m2])', [10, 20, 3, 40]],
    ['MIN([m1, m2])', [1, 20, 3, 4]],
    ['SUM([m1, m2])', [11, 20, 3, 44]],
    ['AVG([m1, m2])', [5.5, 20, 3, 22]],
    ['m1 - MIN(m1)', [0, gap, 2, 3]],
    ['m1 / SUM(m1)', [0.125, gap, 0.375, 0.5]],
    ['RATE(m2 * 6)', [gap, 1, gap, 1]],
    ['IF(m2 > 15, 1, 0)', [0, 1, gap, 1]],
    ['IF(FILL(m2, 0) > 15, m2, zero)', [0, 20, 0, 40]],
    ['MAX([FILL(m1, 0), FILL(m2, 0) - 15])', [1, 5, 3, 25]],
  ])('reckons %s period by period', (text, result) => expect(calculate(text)).toEqual(result));
});
