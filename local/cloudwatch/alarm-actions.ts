import type { CloudContext } from '../kernel/service.ts';
import type { AlarmDefinition } from './alarm-definition.ts';
import { timestamp } from './alarm-reason.ts';
import type { AlarmRecord } from './alarm-store.ts';

/** Where alarms publish: the cloud's SNS. */
export interface Topics {
  publish(
    topicArn: string,
    notification: { readonly subject: string; readonly message: string },
    by: { readonly service: string; readonly sourceArn: string },
  ): unknown;
}

/** SNS names the region in words. */
const REGION_NAMES: Readonly<Record<string, string>> = {
  'ap-northeast-1': 'Asia Pacific (Tokyo)',
  'ap-southeast-1': 'Asia Pacific (Singapore)',
  'ap-southeast-2': 'Asia Pacific (Sydney)',
  'eu-central-1': 'EU (Frankfurt)',
  'eu-north-1': 'EU (Stockholm)',
  'eu-west-1': 'EU (Ireland)',
  'eu-west-2': 'EU (London)',
  'us-east-1': 'US East (N. Virginia)',
  'us-east-2': 'US East (Ohio)',
  'us-west-2': 'US West (Oregon)',
};

export function actionsFor({ definition, state }: AlarmRecord): readonly string[] {
  if (!definition.ActionsEnabled) return [];
  const { AlarmActions, OKActions, InsufficientDataActions } = definition;
  return { ALARM: AlarmActions, OK: OKActions, INSUFFICIENT_DATA: InsufficientDataActions }[state];
}

/** What subscribers of the topic read, as CloudWatch writes it. */
export function notificationOf(
  { region, accountId }: Pick<CloudContext, 'region' | 'accountId'>,
  alarm: AlarmRecord,
  oldState: string,
): { readonly subject: string; readonly message: string } {
  const { definition, state, reason, configuredMs, stateChangedMs } = alarm;
  const place = REGION_NAMES[region] ?? region;
  const message = {
    AlarmName: definition.AlarmName,
    AlarmDescription: definition.AlarmDescription ?? null,
    AWSAccountId: accountId,
    AlarmConfigurationUpdatedTimestamp: timestamp(configuredMs),
    NewStateValue: state,
    NewStateReason: reason,
    StateChangeTime: timestamp(stateChangedMs),
    Region: place,
    AlarmArn: alarm.arn,
    OldStateValue: oldState,
    OKActions: definition.OKActions,
    AlarmActions: definition.AlarmActions,
    InsufficientDataActions: definition.InsufficientDataActions,
    Trigger: triggerOf(definition),
  };
  // SNS takes subjects of up to 100 characters.
  const subject = `${state}: "${definition.AlarmName}" in ${place}`.slice(0, 100);
  return { subject, message: JSON.stringify(message) };
}

function triggerOf(definition: AlarmDefinition): object {
  const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods, Metrics } = definition;
  const metrics = Metrics?.map(({ Id, Label, ReturnData = true, Expression, MetricStat }) => ({
    ...(Expression !== undefined && { Expression }),
    Id,
    ...(Label !== undefined && { Label }),
    ...(MetricStat && {
      MetricStat: {
        ...MetricStat,
        Metric: { ...MetricStat.Metric, Dimensions: dimensionsOf(MetricStat.Metric.Dimensions) },
      },
    }),
    ReturnData,
  }));
  const one = {
    MetricName: definition.MetricName,
    Namespace: definition.Namespace,
    StatisticType: definition.Statistic ? 'Statistic' : 'ExtendedStatistic',
    ...(definition.Statistic
      ? { Statistic: definition.Statistic.replace(/(?<=[a-z])(?=[A-Z])/, '_').toUpperCase() }
      : { ExtendedStatistic: definition.ExtendedStatistic }),
    Unit: definition.Unit ?? null,
    Dimensions: dimensionsOf(definition.Dimensions),
    Period: definition.Period,
  };
  return {
    ...(metrics ? { Metrics: metrics } : one),
    EvaluationPeriods,
    DatapointsToAlarm,
    ComparisonOperator: definition.ComparisonOperator,
    Threshold: definition.Threshold,
    TreatMissingData: definition.TreatMissingData ?? 'missing',
    EvaluateLowSampleCountPercentile: '',
  };
}

/** In small letters, unlike everywhere else. */
function dimensionsOf(list: AlarmDefinition['Dimensions'] = []): readonly object[] {
  return list.map(({ Name, Value }) => ({ value: Value, name: Name }));
}
