import type { AlarmDefinition } from './alarm-definition.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/**
 * An alarm looks back further than its evaluation periods, in order to have data where some is missing. AWS states the range
 * of its example (5 for 3 evaluation periods) and no rule, so 2 more it is.
 */
const EXTRA_PERIODS = 2;

export function evaluationRange({ EvaluationPeriods }: Pick<AlarmDefinition, 'EvaluationPeriods'>): number {
  return EvaluationPeriods + EXTRA_PERIODS;
}

export interface Datapoint {
  /** Start of its period. */
  readonly atMs: number;
  /** `undefined`: missing. */
  readonly value: number | undefined;
}

export interface Judgement {
  readonly state: AlarmState;
  /** The datapoints that speak for this state, youngest first. */
  readonly datapoints: readonly { readonly atMs: number; readonly value: number }[];
  /** How many of the evaluation periods had no data. */
  readonly missing: number;
}

type Rule = Pick<
  AlarmDefinition,
  'EvaluationPeriods' | 'DatapointsToAlarm' | 'Threshold' | 'ComparisonOperator' | 'TreatMissingData'
>;

/**
 * The state that data calls for, `undefined` where the present one is to be kept.
 *
 * Evaluated are the youngest real datapoints of the range; only where they are fewer than the evaluation periods does it matter
 * how missing ones are treated. Breaching ones amid silence raise the alarm too, once the oldest is as old as the datapoints
 * to alarm ("avoiding premature transitions to alarm state"); until then they speak for no state.
 *
 * @param range as many as {@link evaluationRange}, youngest first
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export function judge(rule: Rule, range: readonly Datapoint[]): Judgement | undefined {
  const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods, TreatMissingData = 'missing' } = rule;
  const real = range
    .flatMap(({ atMs, value }, age) =>
      value === undefined ? [] : [{ atMs, value, age, breaching: isBreaching(rule, value) }],
    )
    .slice(0, EvaluationPeriods);
  const breaching = real.filter((datapoint) => datapoint.breaching);
  const missing = EvaluationPeriods - real.length;
  const alarm: Judgement = { state: 'ALARM', datapoints: breaching, missing };
  const ok: Judgement = { state: 'OK', datapoints: real.filter((each) => !each.breaching), missing };

  if (breaching.length >= DatapointsToAlarm) return alarm;
  if (missing === 0) return ok;
  switch (TreatMissingData) {
    case 'breaching':
      return breaching.length + missing >= DatapointsToAlarm ? alarm : ok;
    case 'notBreaching':
      return ok;
    default: {
      const oldest = real.at(-1);
      if (!oldest)
        return TreatMissingData === 'ignore'
          ? undefined
          : { state: 'INSUFFICIENT_DATA', datapoints: [], missing };
      if (breaching.length < real.length) return ok;
      const early = oldest.age + 1 < DatapointsToAlarm;
      return early || TreatMissingData === 'ignore' ? undefined : alarm;
    }
  }
}

function isBreaching({ ComparisonOperator, Threshold }: Rule, value: number): boolean {
  switch (ComparisonOperator) {
    case 'GreaterThanOrEqualToThreshold':
      return value >= Threshold;
    case 'GreaterThanThreshold':
      return value > Threshold;
    case 'LessThanOrEqualToThreshold':
      return value <= Threshold;
    case 'LessThanThreshold':
      return value < Threshold;
  }
}
