import * as z from 'zod';
import { dimensions, metricName, namespace, unit } from './metric-schema.ts';
import type { MetricDatum } from './metric-store.ts';

const VALUES_LIMIT = 100;

const directive = z.object({
  Namespace: namespace,
  Dimensions: z.array(z.array(z.string()).max(30)),
  Metrics: z
    .array(
      z.object({
        Name: metricName,
        Unit: unit.optional(),
        StorageResolution: z.union([z.literal(1), z.literal(60)]).optional(),
      }),
    )
    .max(100),
});

const metadata = z.object({
  Timestamp: z.number().int().nonnegative(),
  CloudWatchMetrics: z.array(directive).min(1),
});

/** What a log line says in the Embedded Metric Format. */
export type EmbeddedMetrics =
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'metrics'; readonly data: readonly MetricDatum[] };

/**
 * Reads a log line as CloudWatch Logs does: every metric of every directive, once for each of its dimension sets.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function readEmbeddedMetrics(line: string): EmbeddedMetrics {
  // Nearly all lines are not: do not parse them.
  if (!line.includes('"_aws"')) return { kind: 'none' };
  const root = parsed(line);
  if (root === undefined || !Object.hasOwn(root, '_aws')) return { kind: 'none' };
  const read = metadata.safeParse(root._aws);
  if (!read.success) {
    // Other users of `_aws` write no metrics, and are no error.
    if (!Object.hasOwn((root._aws ?? {}) as object, 'CloudWatchMetrics')) return { kind: 'none' };
    const [issue] = read.error.issues;
    return { kind: 'invalid', reason: `_aws.${issue?.path.join('.')}: ${issue?.message}` };
  }
  const data: MetricDatum[] = [];
  for (const { Namespace, Dimensions, Metrics } of read.data.CloudWatchMetrics) {
    const sets: Record<string, string>[] = [];
    for (const names of Dimensions.length === 0 ? [[]] : Dimensions) {
      const set = dimensionsOf(root, names);
      if (typeof set === 'string') return { kind: 'invalid', reason: set };
      sets.push(set);
    }
    for (const { Name, Unit } of Metrics) {
      const values = valuesOf(root[Name]);
      if (!values)
        return {
          kind: 'invalid',
          reason: `the metric "${Name}" is no number and no list of up to ${VALUES_LIMIT}`,
        };
      for (const set of sets)
        data.push({
          namespace: Namespace,
          metricName: Name,
          dimensions: set,
          values,
          unit: Unit,
          atMs: read.data.Timestamp,
        });
    }
  }
  return { kind: 'metrics', data };
}

/** By hand: this runs for each metric of each invocation. */
function valuesOf(value: unknown): readonly number[] | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.length <= VALUES_LIMIT && values.every(Number.isFinite) ? (values as number[]) : undefined;
}

/** The values of the named dimensions, or why there are none. */
function dimensionsOf(
  root: Record<string, unknown>,
  names: readonly string[],
): Record<string, string> | string {
  const pairs = names.map((Name) => ({ Name, Value: root[Name] }));
  const read = dimensions.safeParse(pairs);
  if (read.success) return Object.fromEntries(read.data.map(({ Name, Value }) => [Name, Value]));
  const wrong = pairs.find(({ Value }) => typeof Value !== 'string') ?? pairs[0];
  return `the dimension "${wrong?.Name}" has no text of 1 to 1,024 characters`;
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
