import * as z from 'zod';
import { readInput, validationError } from './errors.ts';
import { MetricQueries } from './metric-queries.ts';
import {
  boolean,
  dimensions,
  extendedStatistic,
  type MetricDataQuery,
  metricDataQuery,
  metricName,
  namespace,
  numberOrText,
  period,
  statistic,
  unit,
} from './metric-schema.ts';

const actions = z
  .array(
    z
      .string()
      .max(1024)
      .regex(/^arn:[\w-]+:sns:/, 'the local cloud runs SNS topics as alarm actions, and no others'),
  )
  .max(5);
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

const evaluations = numberOrText(z.number().int().min(1));

/** PutMetricAlarm's input, which is also what the resource AWS::CloudWatch::Alarm has. */
const alarm = z.strictObject({
  AlarmName: z.string().min(1).max(255),
  AlarmDescription: z.string().max(1024).optional(),
  ActionsEnabled: boolean.default(true),
  AlarmActions: actions.default([]),
  OKActions: actions.default([]),
  InsufficientDataActions: actions.default([]),
  Namespace: namespace.optional(),
  MetricName: metricName.optional(),
  Dimensions: dimensions.optional(),
  Statistic: statistic.optional(),
  ExtendedStatistic: extendedStatistic.optional(),
  Period: period.optional(),
  Unit: unit.optional(),
  Metrics: z.array(metricDataQuery).min(1).max(20).optional(),
  EvaluationPeriods: evaluations,
  DatapointsToAlarm: evaluations.optional(),
  Threshold: numberOrText(z.number()),
  ComparisonOperator: z.enum([
    'GreaterThanOrEqualToThreshold',
    'GreaterThanThreshold',
    'LessThanOrEqualToThreshold',
    'LessThanThreshold',
  ]),
  TreatMissingData: z.enum(['breaching', 'notBreaching', 'ignore', 'missing']).optional(),
  Tags: z.array(z.strictObject({ Key: z.string(), Value: z.string() })).optional(),
});

export type AlarmDefinition = z.output<typeof alarm>;

/** @throws AwsError `ValidationException` */
export function readAlarm(input: unknown): AlarmDefinition {
  const definition = readInput(alarm, input);
  for (const [wrong, message] of problems(definition)) if (wrong) throw validationError(message);
  const { periodSeconds } = queriesOf(definition);
  const seconds = periodSeconds * definition.EvaluationPeriods;
  const limitSeconds = periodSeconds >= HOUR_SECONDS ? 7 * DAY_SECONDS : DAY_SECONDS;
  if (seconds > limitSeconds)
    throw validationError(
      `Period times EvaluationPeriods is ${seconds} s; an alarm with a period of ${periodSeconds} s looks back ${limitSeconds} s at most`,
    );
  return definition;
}

/** What the alarm watches, an alarm on one metric being one on several with a single one. @throws AwsError `ValidationException` */
export function queriesOf(definition: AlarmDefinition): {
  readonly queries: MetricQueries;
  /** Of the query whose data is held against the threshold. */
  readonly id: string;
  readonly periodSeconds: number;
} {
  const metrics = definition.Metrics ?? [ofOneMetric(definition)];
  const queries = new MetricQueries(metrics);
  const id = metrics.find(({ ReturnData }) => ReturnData !== false)?.Id ?? '';
  return { queries, id, periodSeconds: queries.periodSeconds(id) };
}

function ofOneMetric(definition: AlarmDefinition): MetricDataQuery {
  const { Namespace = '', MetricName = '', Dimensions, Period = 0, Unit } = definition;
  const Stat = definition.Statistic ?? definition.ExtendedStatistic ?? '';
  return { Id: 'm1', MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period, Stat, Unit } };
}

const OF_ONE_METRIC = [
  'Namespace',
  'MetricName',
  'Dimensions',
  'Statistic',
  'ExtendedStatistic',
  'Period',
  'Unit',
] as const;

function problems(definition: AlarmDefinition): readonly (readonly [boolean, string])[] {
  const { Metrics, Statistic, ExtendedStatistic, EvaluationPeriods, DatapointsToAlarm } = definition;
  const ofOneMetric = OF_ONE_METRIC.filter((name) => definition[name] !== undefined);
  return [
    [
      Metrics !== undefined && ofOneMetric.length > 0,
      `An alarm with Metrics must not have ${ofOneMetric.join(', ')}`,
    ],
    [
      Metrics === undefined &&
        !['Namespace', 'MetricName', 'Period'].every((name) => ofOneMetric.includes(name as 'Period')),
      'An alarm has either Metrics, or Namespace, MetricName, Period and a statistic',
    ],
    [
      Metrics === undefined && (Statistic === undefined) === (ExtendedStatistic === undefined),
      'An alarm on one metric has either Statistic or ExtendedStatistic',
    ],
    [
      Metrics !== undefined && Metrics.filter(({ ReturnData }) => ReturnData !== false).length !== 1,
      "Exactly one of an alarm's Metrics must return data (ReturnData true)",
    ],
    [
      (DatapointsToAlarm ?? 1) > EvaluationPeriods,
      `DatapointsToAlarm (${DatapointsToAlarm}) must not be more than EvaluationPeriods (${EvaluationPeriods})`,
    ],
  ];
}
