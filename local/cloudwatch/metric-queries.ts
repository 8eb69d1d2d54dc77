import { validationError } from './errors.ts';
import { evaluate, type SeriesValues } from './math/evaluate.ts';
import { type Expression, parseExpression } from './math/syntax.ts';
import { checkExpression, idsOf } from './math/types.ts';
import { asRecord, type MetricDataQuery } from './metric-schema.ts';
import type { MetricIdentity, MetricStore } from './metric-store.ts';
import { statisticOf } from './statistics.ts';

type MetricStat = NonNullable<MetricDataQuery['MetricStat']>;

type Query =
  | { readonly kind: 'metric'; readonly stat: MetricStat; readonly identity: MetricIdentity }
  | { readonly kind: 'expression'; readonly expression: Expression; readonly text: string };

/** Metrics and expressions that name each other by id: an alarm's `Metrics`, or a GetMetricData request. */
export class MetricQueries {
  /** Of all metrics, whether they are returned or only used. */
  readonly identities: readonly MetricIdentity[];
  readonly #queries = new Map<string, Query>();
  readonly #periods = new Map<string, number>();

  /** @throws AwsError `ValidationException` for what cannot be evaluated */
  constructor(queries: readonly MetricDataQuery[]) {
    for (const query of queries) {
      if (this.#queries.has(query.Id)) throw validationError(`The id "${query.Id}" is given more than once`);
      this.#queries.set(query.Id, asQuery(query));
    }
    for (const { Id } of queries) this.#check(Id, []);
    this.identities = [...this.#queries.values()].flatMap((query) =>
      query.kind === 'metric' ? [query.identity] : [],
    );
  }

  /** Of a metric, or of the metrics that an expression is made of. */
  periodSeconds(id: string): number {
    return this.#periods.get(id) as number;
  }

  /** The values of the periods that lie in [fromMs, toMs) whole, oldest first. */
  values(id: string, store: MetricStore, fromMs: number, toMs: number): SeriesValues {
    const periodSeconds = this.periodSeconds(id);
    const length = Math.max(0, Math.floor((toMs - fromMs) / (periodSeconds * 1000)));
    const query = this.#queries.get(id) as Query;
    if (query.kind === 'expression') {
      const value = (each: string) => this.values(each, store, fromMs, toMs);
      return evaluate(query.expression, { periodSeconds, length, value }) as SeriesValues;
    }
    const { identity, stat } = query;
    return Array.from({ length }, (_, index) => {
      const startMs = fromMs + index * periodSeconds * 1000;
      const found = store.read(identity, startMs, startMs + periodSeconds * 1000, stat.Unit);
      return statisticOf(found, stat.Stat);
    });
  }

  /** Finds cycles, unknown ids, mixed periods, and expressions that answer a single number. */
  #check(id: string, path: readonly string[]): void {
    if (this.#periods.has(id)) return;
    const query = this.#queries.get(id);
    if (query === undefined) return;
    if (path.includes(id))
      throw validationError(`The expressions ${[...path, id].join(' → ')} depend on each other`);
    if (query.kind === 'metric') {
      this.#periods.set(id, query.stat.Period);
      return;
    }
    const ids = new Set(idsOf(query.expression));
    for (const each of ids) this.#check(each, [...path, id]);
    const typeOf = (each: string) => (this.#queries.has(each) ? 'series' : undefined);
    if (checkExpression(query.expression, query.text, typeOf) !== 'series')
      throw validationError(
        `The expression "${query.text}" answers a single number; a time series is needed`,
      );
    const [periodSeconds, ...others] = new Set([...ids].map((each) => this.#periods.get(each) as number));
    if (periodSeconds === undefined || others.length > 0)
      throw validationError(
        `The expression "${query.text}" mixes the periods ${[periodSeconds, ...others].join(', ')} s; the local cloud evaluates metrics of one period`,
      );
    this.#periods.set(id, periodSeconds);
  }
}

function asQuery({ MetricStat, Expression }: MetricDataQuery): Query {
  if (!MetricStat) {
    const text = Expression as string;
    return { kind: 'expression', expression: parseExpression(text), text };
  }
  const { Namespace, MetricName, Dimensions } = MetricStat.Metric;
  const identity = { namespace: Namespace, metricName: MetricName, dimensions: asRecord(Dimensions) };
  return { kind: 'metric', stat: MetricStat, identity };
}
