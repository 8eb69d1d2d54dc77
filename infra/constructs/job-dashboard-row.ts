import { Duration } from 'aws-cdk-lib';
import {
  Color,
  GraphWidget,
  type IMetric,
  type IWidget,
  Stats,
  TextWidget,
  TextWidgetBackground,
  type YAxisProps,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { JobSettings } from '../../shared/jobs/define-job.ts';
import { horizonSeconds } from '../../shared/jobs/schedule.ts';
import type { JobMetrics } from './job-metrics.ts';

/** The dashboard is a grid of 24 columns: six graphs a row. */
const COLUMNS = 24;
const GRAPH_COLUMNS = 4;
const MINUTE = { period: Duration.minutes(1) };
export const FROM_ZERO: YAxisProps = { min: 0, showUnits: false };

/**
 * The five metrics that every queue needs, left to right as a job passes them: queue length, waiting time, duration, failure
 * rate, retry volume; and its dead letters. Under a line that says whose they are.
 */
export function jobDashboardRow(job: JobSettings, metrics: JobMetrics): readonly IWidget[][] {
  const ms = { ...FROM_ZERO, label: 'ms' };
  return [
    [
      rowTitle(
        job.type,
        `Outlives an outage of ${horizonSeconds(job.schedule)} s. One attempt may take ${job.timeoutSeconds} s.`,
      ),
    ],
    [
      graph('Queue length', FROM_ZERO, [
        metrics.depth({ ...MINUTE, label: 'waiting' }),
        metrics.inFlight({ ...MINUTE, label: 'running or backing off' }),
      ]),
      graph('Waiting time', ms, [
        metrics.own('WaitingTime', { statistic: Stats.p(50), label: 'p50' }),
        metrics.own('WaitingTime', { statistic: Stats.p(95), label: 'p95' }),
      ]),
      graph('Duration', ms, [
        metrics.own('Duration', { statistic: Stats.p(95), label: 'p95' }),
        metrics.own('Duration', { statistic: Stats.MAXIMUM, label: 'longest' }),
      ]),
      // Of every volume: a graph has the eye to judge what an alarm would need a minimum for.
      graph(
        'Failure rate',
        { ...FROM_ZERO, max: 1 },
        [metrics.failureRate(1, { color: Color.RED })],
        [
          metrics.errors({ label: 'invocations failed' }),
          metrics.throttles({ label: 'throttled' }),
          metrics.own('Unreachable', { label: 'records unreachable' }),
        ],
      ),
      graph('Retries', FROM_ZERO, [
        metrics.own('Retried', { label: 'retried' }),
        metrics.own('Waited', { label: 'waited for its key' }),
        metrics.own('Duplicates', { label: 'duplicates' }),
      ]),
      graph('Dead letters', FROM_ZERO, [
        metrics.deadLetters({ ...MINUTE, label: 'in the queue', color: Color.RED }),
        metrics.own('DeadLettered', { label: 'given up on' }),
      ]),
    ],
  ];
}

/** The line above a row that says whose its graphs are. */
export function rowTitle(name: string, says: string): TextWidget {
  return new TextWidget({
    markdown: `### ${name}\n${says}`,
    width: COLUMNS,
    height: 1,
    background: TextWidgetBackground.TRANSPARENT,
  });
}

/** @param right what is counted beside it, on an axis of its own */
export function graph(
  title: string,
  leftYAxis: YAxisProps,
  left: IMetric[],
  right: IMetric[] = [],
): GraphWidget {
  const size = { width: GRAPH_COLUMNS, height: 6 };
  return new GraphWidget({ title, left, leftYAxis, right, rightYAxis: FROM_ZERO, ...size });
}
