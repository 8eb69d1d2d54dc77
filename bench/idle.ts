import type { Assembly, TemplateResource } from '../local/template/assembly.ts';
import { PER_GB_SECOND_ARM64, PER_MILLION, PER_MONTH, SWEEP } from './prices.ts';

/** What a stage takes in a month in which nobody publishes to it. */
export interface IdleItem {
  readonly what: string;
  readonly number: number;
  /** US dollars. */
  readonly each: number;
}

/** Counted in the templates of a stage. */
export function idleMonth({ stacks }: Assembly): IdleItem[] {
  const resources = stacks.flatMap(({ template }) => Object.values(template.Resources ?? {}));
  const ofType = (type: string): TemplateResource[] => resources.filter(({ Type }) => Type === type);
  const scheduled = ofType('AWS::Events::Rule').filter(({ Properties }) => Properties?.ScheduleExpression);
  const sweep = PER_MILLION.invocations / 1e6 + SWEEP.gb * SWEEP.seconds * PER_GB_SECOND_ARM64;
  const alarmMetrics = ofType('AWS::CloudWatch::Alarm').reduce((all, alarm) => all + metricsOf(alarm), 0);
  return [
    { what: 'metrics of alarms', number: alarmMetrics, each: PER_MONTH.alarmMetric },
    {
      what: 'mappings that poll',
      number: ofType('AWS::Lambda::EventSourceMapping').length,
      each: PER_MONTH.mapping,
    },
    {
      what: 'dashboards (three are free)',
      number: ofType('AWS::CloudWatch::Dashboard').length,
      each: PER_MONTH.dashboard,
    },
    { what: 'secrets', number: ofType('AWS::SecretsManager::Secret').length, each: PER_MONTH.secret },
    { what: 'KMS keys', number: ofType('AWS::KMS::Key').length, each: PER_MONTH.kmsKey },
    { what: 'sweeps for lost ends', number: SWEEP.aMonth * scheduled.length, each: sweep },
  ];
}

/** CloudWatch bills an alarm for each metric that it looks at; the expressions between them are free. */
function metricsOf({ Properties = {} }: TemplateResource): number {
  const { Metrics } = Properties as { readonly Metrics?: readonly { readonly MetricStat?: unknown }[] };
  return Metrics ? Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length : 1;
}
