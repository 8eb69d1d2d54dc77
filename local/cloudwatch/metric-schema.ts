import * as z from 'zod';

/** CloudFormation passes a number as text where a parameter or `Fn::Join` made it. */
export function numberOrText(schema: z.ZodNumber) {
  return z.preprocess(
    (value) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value),
    schema,
  );
}

export const boolean = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean(),
);

/** 1, 5, 10 and 30 are high-resolution periods; every other is a multiple of a minute. */
export const period = numberOrText(z.number().int())
  .refine(
    (seconds) => [1, 5, 10, 20, 30].includes(seconds) || (seconds > 0 && seconds % 60 === 0),
    'a period is 1, 5, 10, 20, 30 or a multiple of 60 seconds',
  )
  .refine(
    (seconds) => seconds >= 60,
    'the local cloud keeps metrics by the minute: give a multiple of 60 seconds',
  );

export const namespace = z.string().min(1).max(255);
export const metricName = z.string().min(1).max(255);

export const dimensions = z
  .array(z.strictObject({ Name: z.string().min(1).max(255), Value: z.string().min(1).max(1024) }))
  .max(30);

export const STATISTICS = ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'] as const;
export const statistic = z.enum(STATISTICS);
/** A percentile such as `p95` or `p99.9`. */
export const extendedStatistic = z
  .string()
  .regex(
    /^p(100|\d{1,2}(\.\d{1,10})?)$/,
    'the local cloud knows percentiles such as p95, of the extended statistics',
  );

export const UNITS = [
  'Seconds',
  'Microseconds',
  'Milliseconds',
  'Bytes',
  'Kilobytes',
  'Megabytes',
  'Gigabytes',
  'Terabytes',
  'Bits',
  'Kilobits',
  'Megabits',
  'Gigabits',
  'Terabits',
  'Percent',
  'Count',
  'Bytes/Second',
  'Kilobytes/Second',
  'Megabytes/Second',
  'Gigabytes/Second',
  'Terabytes/Second',
  'Bits/Second',
  'Kilobits/Second',
  'Megabits/Second',
  'Gigabits/Second',
  'Terabits/Second',
  'Count/Second',
  'None',
] as const;
export const unit = z.enum(UNITS);

const metric = z.strictObject({
  Namespace: namespace,
  MetricName: metricName,
  Dimensions: dimensions.optional(),
});

const metricStat = z.strictObject({
  Metric: metric,
  Period: period,
  Stat: z
    .string()
    .refine(
      (name) => statistic.safeParse(name).success || extendedStatistic.safeParse(name).success,
      `a statistic is ${STATISTICS.join(', ')} or a percentile such as p95; the local cloud knows no other`,
    ),
  Unit: unit.optional(),
});

/** One line of a GetMetricData request or of an alarm on several metrics. */
export const metricDataQuery = z
  .strictObject({
    Id: z
      .string()
      .regex(/^[a-z][a-zA-Z0-9_]{0,254}$/, 'an id begins with a small letter; letters, digits and _ follow'),
    MetricStat: metricStat.optional(),
    Expression: z.string().min(1).max(2048).optional(),
    Label: z.string().optional(),
    ReturnData: boolean.optional(),
  })
  .refine(
    ({ MetricStat, Expression }) => (MetricStat === undefined) !== (Expression === undefined),
    'a query has either MetricStat or Expression',
  );

export type MetricDataQuery = z.output<typeof metricDataQuery>;
export type Metric = z.output<typeof metric>;

/** As the protocols write it (a date, seconds since the epoch, ISO 8601), read as ms since the epoch. */
export const timestampMs = z.union([z.date(), z.number(), z.string()]).transform((value, context) => {
  const ms =
    value instanceof Date ? value.getTime() : typeof value === 'number' ? value * 1000 : Date.parse(value);
  if (Number.isFinite(ms)) return ms;
  context.addIssue({ code: 'custom', message: 'is no point in time' });
  return z.NEVER;
});

/** The API's list of dimensions as a record. */
export function asRecord(list: z.output<typeof dimensions> = []): Readonly<Record<string, string>> {
  return Object.fromEntries(list.map(({ Name, Value }) => [Name, Value]));
}
