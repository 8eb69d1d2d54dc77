import type { AlarmDefinition } from './alarm-definition.ts';
import type { AlarmState, Judgement } from './alarm-judgement.ts';

const COMPARISONS: Readonly<Record<AlarmDefinition['ComparisonOperator'], string>> = {
  GreaterThanOrEqualToThreshold: 'greater than or equal to',
  GreaterThanThreshold: 'greater than',
  LessThanOrEqualToThreshold: 'less than or equal to',
  LessThanThreshold: 'less than',
};

/** The sentence that AWS gives for a change of state. */
export function reasonOf(definition: AlarmDefinition, judgement: Judgement): string {
  const { state, datapoints, missing } = judgement;
  if (state === 'INSUFFICIENT_DATA')
    return `Insufficient Data: ${counted(missing, 'datapoint')} ${were(missing)} unknown.`;
  const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods, TreatMissingData } = definition;
  if (datapoints.length === 0) {
    const treated = state === 'ALARM' ? 'Breaching' : 'NonBreaching';
    return `Threshold Crossed: no datapoints were received for ${counted(missing, 'period')} and ${counted(missing, 'missing datapoint')} ${were(missing)} treated as [${treated}].`;
  }
  const values = datapoints.map(({ value, atMs }) => `${decimal(value)} (${minute(atMs)})`).join(', ');
  const treated =
    missing > 0 &&
    (TreatMissingData === 'breaching') === (state === 'ALARM') &&
    TreatMissingData?.endsWith('reaching')
      ? ` and ${counted(missing, 'missing datapoint')} ${were(missing)} treated as [${state === 'ALARM' ? 'Breaching' : 'NonBreaching'}]`
      : '';
  const needed = state === 'ALARM' ? DatapointsToAlarm : EvaluationPeriods - DatapointsToAlarm + 1;
  const transition = state === 'ALARM' ? 'OK -> ALARM' : 'ALARM -> OK';
  return (
    `Threshold Crossed: ${datapoints.length} out of the last ${counted(EvaluationPeriods, 'datapoint', true)} [${values}] ` +
    `${were(datapoints.length)} ${state === 'ALARM' ? '' : 'not '}${COMPARISONS[definition.ComparisonOperator]} ` +
    `the threshold (${decimal(definition.Threshold)})${treated} (minimum ${counted(needed, 'datapoint')} for ${transition} transition).`
  );
}

/** What DescribeAlarms gives as `StateReasonData`: the same for programs. */
export function reasonDataOf(definition: AlarmDefinition, judgement: Judgement, nowMs: number): string {
  const { Statistic, ExtendedStatistic, Period, Threshold } = definition;
  return JSON.stringify({
    version: '1.0',
    queryDate: timestamp(nowMs),
    ...(Statistic && { statistic: Statistic }),
    ...(ExtendedStatistic && { statistic: ExtendedStatistic }),
    ...(Period && { period: Period }),
    recentDatapoints: judgement.datapoints.map(({ value }) => value).reverse(),
    threshold: Threshold,
    evaluatedDatapoints: judgement.datapoints.map(({ atMs, value }) => ({
      timestamp: timestamp(atMs),
      value,
    })),
  });
}

export function summaryOf(from: AlarmState, to: AlarmState): string {
  return `Alarm updated from ${from} to ${to}`;
}

/** ISO 8601 as CloudWatch writes it in its messages: `2026-01-02T03:04:05.678+0000`. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '+0000');
}

/** `24/11/26 18:44:00`. */
function minute(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(8, 10)}/${iso.slice(5, 7)}/${iso.slice(2, 4)} ${iso.slice(11, 19)}`;
}

/** With a decimal point, as Java writes a double. */
function decimal(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function were(count: number): string {
  return count === 1 ? 'was' : 'were';
}

function counted(count: number, noun: string, plural = count !== 1): string {
  return `${count} ${noun}${plural ? 's' : ''}`;
}
