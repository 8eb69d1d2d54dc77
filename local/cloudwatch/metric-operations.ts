import * as z from 'zod';
import type { Clock } from '../kernel/clock.ts';
import type { Operation } from '../kernel/json-protocol.ts';
import { invalidCombination, invalidValue, readInput, validationError } from './errors.ts';
import { MetricQueries } from './metric-queries.ts';
import {
  asRecord,
  dimensions,
  extendedStatistic,
  metricDataQuery,
  metricName,
  namespace,
  period,
  statistic,
  timestampMs,
  unit,
} from './metric-schema.ts';
import { MINUTE_MS } from './metric-series.ts';
import type { MetricDatum, MetricStore } from './metric-store.ts';
import { pageOf } from './pages.ts';
import { statisticOf } from './statistics.ts';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** GetMetricStatistics answers no more at a time. */
const DATAPOINTS_LIMIT = 1440;
/** GetMetricData answers no more at a time. */
const DATA_LIMIT = 100_800;
const LISTED_METRICS_PAGE = 500;

const values = z.array(z.number()).min(1).max(150);

const putMetricData = z.strictObject({
  Namespace: namespace,
  MetricData: z
    .array(
      z
        .strictObject({
          MetricName: metricName,
          Dimensions: dimensions.optional(),
          Timestamp: timestampMs.optional(),
          Value: z.number().optional(),
          Values: values.optional(),
          Counts: values.optional(),
          StatisticValues: z
            .strictObject({
              SampleCount: z.number().positive(),
              Sum: z.number(),
              Minimum: z.number(),
              Maximum: z.number(),
            })
            .optional(),
          Unit: unit.optional(),
          StorageResolution: z.union([z.literal(1), z.literal(60)]).optional(),
        })
        .refine(
          ({ Value, Values, StatisticValues }) =>
            [Value, Values, StatisticValues].filter((each) => each !== undefined).length === 1,
          'a datum has one of Value, Values and StatisticValues',
        )
        .refine(
          ({ Values, Counts }) => Counts === undefined || Counts.length === Values?.length,
          'Counts has as many entries as Values',
        ),
    )
    .min(1)
    .max(1000),
});

const getMetricStatistics = z.strictObject({
  Namespace: namespace,
  MetricName: metricName,
  Dimensions: dimensions.optional(),
  StartTime: timestampMs,
  EndTime: timestampMs,
  Period: period,
  Statistics: z.array(statistic).min(1).max(5).optional(),
  ExtendedStatistics: z.array(extendedStatistic).min(1).max(10).optional(),
  Unit: unit.optional(),
});

const getMetricData = z.strictObject({
  MetricDataQueries: z.array(metricDataQuery).min(1).max(500),
  StartTime: timestampMs,
  EndTime: timestampMs,
  ScanBy: z.enum(['TimestampDescending', 'TimestampAscending']).optional(),
  MaxDatapoints: z.int().min(1).max(DATA_LIMIT).optional(),
  NextToken: z.string().optional(),
});

const listMetrics = z.strictObject({
  Namespace: namespace.optional(),
  MetricName: metricName.optional(),
  Dimensions: z.array(z.strictObject({ Name: z.string(), Value: z.string().optional() })).optional(),
  RecentlyActive: z.literal('PT3H').optional(),
  NextToken: z.string().optional(),
});

export function metricOperations(
  store: MetricStore,
  clock: Clock,
  record: (datum: MetricDatum) => void,
): Readonly<Record<string, Operation>> {
  return {
    PutMetricData(input) {
      const { Namespace, MetricData } = readInput(putMetricData, input);
      const nowMs = clock.now();
      const data = MetricData.map((datum): MetricDatum => {
        const { Timestamp: atMs = nowMs, Values, Counts, Value, StatisticValues: summary } = datum;
        if (atMs < nowMs - 14 * DAY_MS || atMs > nowMs + 2 * HOUR_MS)
          throw invalidValue(
            `The timestamp ${new Date(atMs).toISOString()} of ${datum.MetricName} is not within two weeks before and two hours after now (${new Date(nowMs).toISOString()})`,
          );
        return {
          namespace: Namespace,
          metricName: datum.MetricName,
          dimensions: asRecord(datum.Dimensions),
          ...(Value !== undefined && { value: Value }),
          ...(Values !== undefined && { values: Values }),
          ...(Counts !== undefined && { counts: Counts }),
          ...(summary !== undefined && {
            summary: {
              sampleCount: summary.SampleCount,
              sum: summary.Sum,
              minimum: summary.Minimum,
              maximum: summary.Maximum,
            },
          }),
          unit: datum.Unit,
          atMs,
        };
      });
      for (const datum of data) record(datum);
    },

    GetMetricStatistics(input) {
      const request = readInput(getMetricStatistics, input);
      const { Statistics = [], ExtendedStatistics = [], Unit } = request;
      if (Statistics.length + ExtendedStatistics.length === 0)
        throw invalidCombination('Give Statistics, ExtendedStatistics or both');
      const [fromMs, toMs] = wholeMinutes(request.StartTime, request.EndTime);
      const periodMs = request.Period * 1000;
      const slots = Math.ceil((toMs - fromMs) / periodMs);
      if (slots > DATAPOINTS_LIMIT)
        throw invalidCombination(
          `You have requested up to ${slots} datapoints, which exceeds the limit of ${DATAPOINTS_LIMIT}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.`,
        );
      const identity = {
        namespace: request.Namespace,
        metricName: request.MetricName,
        dimensions: asRecord(request.Dimensions),
      };
      const datapoints = [];
      for (const each of Unit ? [Unit] : store.units(identity))
        for (let startMs = fromMs; startMs < toMs; startMs += periodMs) {
          const found = store.read(identity, startMs, Math.min(startMs + periodMs, toMs), each);
          if (found.sampleCount === 0) continue;
          const named = (names: readonly string[]) =>
            Object.fromEntries(names.map((name) => [name, statisticOf(found, name)]));
          datapoints.push({
            Timestamp: new Date(startMs),
            ...named(Statistics),
            ...(ExtendedStatistics.length > 0 && { ExtendedStatistics: named(ExtendedStatistics) }),
            Unit: each,
          });
        }
      return { Label: request.MetricName, Datapoints: datapoints };
    },

    GetMetricData(input) {
      const request = readInput(getMetricData, input);
      const { MetricDataQueries, MaxDatapoints = DATA_LIMIT, NextToken, ScanBy } = request;
      const queries = new MetricQueries(MetricDataQueries);
      const [fromMs, toMs] = wholeMinutes(request.StartTime, request.EndTime);
      const returned = MetricDataQueries.filter(({ ReturnData }) => ReturnData !== false);
      if (returned.length === 0) throw validationError('No query has ReturnData true');
      for (const { Id } of MetricDataQueries) {
        const slots = (toMs - fromMs) / (queries.periodSeconds(Id) * 1000);
        if (slots > DATA_LIMIT)
          throw validationError(
            `The query "${Id}" asks for ${Math.ceil(slots)} periods; ${DATA_LIMIT} is the most: give a shorter range or a longer period`,
          );
      }
      // A datapoint each, so that a page may end in the middle of a metric.
      const datapoints = returned.flatMap(({ Id }) => {
        const periodMs = queries.periodSeconds(Id) * 1000;
        const endMs = fromMs + Math.ceil((toMs - fromMs) / periodMs) * periodMs;
        const found = queries
          .values(Id, store, fromMs, endMs)
          .flatMap((value, index) =>
            value === undefined ? [] : [{ Id, at: new Date(fromMs + index * periodMs), value }],
          );
        return ScanBy === 'TimestampAscending' ? found : found.reverse();
      });
      const { page, next } = pageOf(datapoints, NextToken, MaxDatapoints);
      return {
        MetricDataResults: returned.map(({ Id, Label, MetricStat }) => {
          const own = page.filter((each) => each.Id === Id);
          return {
            Id,
            Label: Label ?? MetricStat?.Metric.MetricName ?? Id,
            Timestamps: own.map(({ at }) => at),
            Values: own.map(({ value }) => value),
            StatusCode: next === undefined ? 'Complete' : 'PartialData',
          };
        }),
        Messages: [],
        NextToken: next,
      };
    },

    ListMetrics(input) {
      const request = readInput(listMetrics, input);
      const sinceMs = clock.now() - (request.RecentlyActive ? 3 * HOUR_MS : 14 * DAY_MS);
      const found = store.list(sinceMs).filter(
        (metric) =>
          (request.Namespace === undefined || metric.namespace === request.Namespace) &&
          (request.MetricName === undefined || metric.metricName === request.MetricName) &&
          (request.Dimensions ?? []).every(({ Name, Value }) => {
            const own = metric.dimensions[Name];
            return own !== undefined && (Value === undefined || Value === own);
          }),
      );
      const { page, next } = pageOf(found, request.NextToken, LISTED_METRICS_PAGE);
      return {
        Metrics: page.map((metric) => ({
          Namespace: metric.namespace,
          MetricName: metric.metricName,
          Dimensions: Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value })),
        })),
        NextToken: next,
      };
    },
  };
}

/** As AWS rounds a range: down to whole minutes, and it must not be empty. */
function wholeMinutes(startMs: number, endMs: number): readonly [number, number] {
  if (startMs >= endMs)
    throw validationError('The parameter StartTime must be less than the parameter EndTime.');
  const fromMs = Math.floor(startMs / MINUTE_MS) * MINUTE_MS;
  return [fromMs, Math.max(Math.ceil(endMs / MINUTE_MS) * MINUTE_MS, fromMs + MINUTE_MS)];
}
