import type { Distribution } from './distribution.ts';

/** A statistic by its name in the API (`Sum`, `p99.9`); `undefined` without data, or for a percentile that is not known. */
export function statisticOf(distribution: Distribution, name: string): number | undefined {
  if (distribution.sampleCount === 0) return undefined;
  switch (name) {
    case 'SampleCount':
      return distribution.sampleCount;
    case 'Sum':
      return distribution.sum;
    case 'Average':
      return distribution.average;
    case 'Minimum':
      return distribution.minimum;
    case 'Maximum':
      return distribution.maximum;
    default:
      return distribution.percentile(Number(name.slice(1)));
  }
}
