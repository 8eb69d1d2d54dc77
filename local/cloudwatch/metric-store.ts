import type { Clock } from '../kernel/clock.ts';
import { Distribution } from './distribution.ts';
import { MetricSeries } from './metric-series.ts';

/** Metrics beyond these push out the one that has been silent longest: a dimension with an id in it must not eat the memory. */
const METRICS_LIMIT = 10_000;

export interface MetricIdentity {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface MetricDatum extends MetricIdentity {
  readonly value?: number;
  readonly values?: readonly number[];
  /** How often each of `values` occurred. @default once */
  readonly counts?: readonly number[];
  /** Values of which only the summary is known. */
  readonly summary?: { sampleCount: number; sum: number; minimum: number; maximum: number };
  /** As CloudWatch names it. @default None */
  readonly unit?: string | undefined;
  /** Cloud time, ms since the epoch. */
  readonly atMs: number;
}

interface Metric {
  readonly identity: MetricIdentity;
  readonly byUnit: Map<string, MetricSeries>;
}

/** All metrics, in memory: what CloudWatch would aggregate, no more. */
export class MetricStore {
  readonly #clock: Clock;
  readonly #metrics = new Map<string, Metric>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  record(datum: MetricDatum): void {
    const distribution = this.#series(datum, datum.unit ?? 'None').at(datum.atMs, this.#clock.now());
    if (datum.value !== undefined) distribution.add(datum.value);
    datum.values?.forEach((value, index) => {
      distribution.add(value, datum.counts?.[index] ?? 1);
    });
    if (datum.summary) {
      const { sampleCount, sum, minimum, maximum } = datum.summary;
      distribution.addSummary(sampleCount, sum, minimum, maximum);
    }
  }

  /** What was recorded in [fromMs, toMs), over all units or in one. */
  read(identity: MetricIdentity, fromMs: number, toMs: number, unit?: string): Distribution {
    const distribution = new Distribution();
    for (const [name, series] of this.#metrics.get(keyOf(identity))?.byUnit ?? [])
      if (unit === undefined || unit === name) series.read(fromMs, toMs, distribution);
    return distribution;
  }

  units(identity: MetricIdentity): readonly string[] {
    return [...(this.#metrics.get(keyOf(identity))?.byUnit.keys() ?? [])];
  }

  /** The start of the youngest minute with data; minus infinity without any. */
  latestMs(identity: MetricIdentity): number {
    const metric = this.#metrics.get(keyOf(identity));
    return metric ? latestOf(metric) : Number.NEGATIVE_INFINITY;
  }

  /** The metrics that have data at or after a time. */
  list(sinceMs: number): readonly MetricIdentity[] {
    return [...this.#metrics.values()]
      .filter((metric) => latestOf(metric) >= sinceMs)
      .map(({ identity }) => identity);
  }

  #series(identity: MetricIdentity, unit: string): MetricSeries {
    const key = keyOf(identity);
    let metric = this.#metrics.get(key);
    if (!metric) {
      if (this.#metrics.size >= METRICS_LIMIT) this.#dropSilent();
      const { namespace, metricName, dimensions } = identity;
      metric = { identity: { namespace, metricName, dimensions }, byUnit: new Map() };
      this.#metrics.set(key, metric);
    }
    let series = metric.byUnit.get(unit);
    if (!series) {
      series = new MetricSeries();
      metric.byUnit.set(unit, series);
    }
    return series;
  }

  /** A tenth at once, or each new metric would search all of them. */
  #dropSilent(): void {
    const bySilence = [...this.#metrics].sort(([, one], [, other]) => latestOf(one) - latestOf(other));
    for (const [key] of bySilence.slice(0, METRICS_LIMIT / 10)) this.#metrics.delete(key);
  }
}

function latestOf({ byUnit }: Metric): number {
  let latestMs = Number.NEGATIVE_INFINITY;
  for (const series of byUnit.values()) latestMs = Math.max(latestMs, series.latestMs);
  return latestMs;
}

/** Separated by a character that no name may hold, so that no two metrics share a key. */
function keyOf({ namespace, metricName, dimensions }: MetricIdentity): string {
  const names = Object.keys(dimensions);
  if (names.length > 1) names.sort();
  let key = `${namespace}\0${metricName}`;
  for (const name of names) key += `\0${name}\0${dimensions[name]}`;
  return key;
}
