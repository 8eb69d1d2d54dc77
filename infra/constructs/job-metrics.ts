import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { type JobSettings, LONGEST_LYING_SECONDS } from '../../shared/jobs/define-job.ts';
import { METRIC_DIMENSION, type MetricName, metricNamespace } from '../../shared/jobs/metrics.ts';
import { longestHiddenSeconds } from '../../shared/jobs/schedule.ts';

export interface JobMetricsProps {
  readonly stage: string;
  readonly job: JobSettings;
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
}

const FIVE_MINUTES = Duration.minutes(5);

/**
 * What a job type reports, ours and AWS's. Missing data counts as 0 wherever two metrics meet: SQS falls silent six hours after a
 * queue's last message, our own as soon as nothing is consumed, and an expression over one silent metric would be silent too.
 */
export class JobMetrics {
  readonly #props: JobMetricsProps;

  constructor(props: JobMetricsProps) {
    this.#props = props;
  }

  /** One of our own. @default a sum over five minutes */
  own(metricName: MetricName, options: MetricOptions = {}): Metric {
    return new Metric({
      namespace: metricNamespace(this.#props.stage),
      metricName,
      dimensionsMap: { [METRIC_DIMENSION]: this.#props.job.type },
      statistic: Stats.SUM,
      period: FIVE_MINUTES,
      ...options,
    });
  }

  /** Messages that could be received now. */
  depth(options?: MetricOptions): Metric {
    return this.#props.queue.metricApproximateNumberOfMessagesVisible({
      statistic: Stats.MAXIMUM,
      ...options,
    });
  }

  /** Messages that run or are hidden until their next attempt. */
  inFlight(options?: MetricOptions): Metric {
    return this.#props.queue.metricApproximateNumberOfMessagesNotVisible({
      statistic: Stats.MAXIMUM,
      ...options,
    });
  }

  deadLetters(options?: MetricOptions): Metric {
    return this.#props.deadLetterQueue.metricApproximateNumberOfMessagesVisible({
      statistic: Stats.MAXIMUM,
      ...options,
    });
  }

  /** Counts from the move into the queue, while retention counts from the first enqueue. */
  deadLetterAge(options?: MetricOptions): Metric {
    return this.#props.deadLetterQueue.metricApproximateAgeOfOldestMessage({
      statistic: Stats.MAXIMUM,
      ...options,
    });
  }

  /**
   * The age of the oldest job in seconds: the larger of AWS's, which leaves out what was received three times, and ours, which is
   * silent while nothing is consumed.
   */
  age(options?: MetricOptions): IMetric {
    return this.#oldest(0, options);
  }

  /**
   * The same, without the time that the job's own schedule hides one message for: a job that needs its last attempt is old, not late. Only
   * our part is reduced, since AWS's drops a job before the long waits begin. What waits longer is sent again, and its age begins anew.
   */
  lateness(options?: MetricOptions): IMetric {
    const hidden = longestHiddenSeconds(this.#props.job.schedule);
    return this.#oldest(Math.min(hidden, LONGEST_LYING_SECONDS), options);
  }

  /** Runs of the handler that ended, well or badly. */
  attempts(options?: MetricOptions): IMetric {
    return new MathExpression({
      expression: 'FILL(completed, 0) + FILL(failed, 0)',
      usingMetrics: { completed: this.own('Completed'), failed: this.own('Failed') },
      label: 'attempts',
      period: FIVE_MINUTES,
      ...options,
    });
  }

  /** Failed attempts among all, from 0 to 1; 0 where there were fewer than `minimumVolume` in the period. */
  failureRate(minimumVolume: number, options?: MetricOptions): IMetric {
    const failed = 'FILL(failed, 0)';
    const attempts = `(FILL(completed, 0) + ${failed})`;
    return new MathExpression({
      expression: `IF(${attempts} >= ${minimumVolume}, ${failed} / ${attempts}, 0)`,
      usingMetrics: { completed: this.own('Completed'), failed: this.own('Failed') },
      label: 'failure rate',
      period: FIVE_MINUTES,
      ...options,
    });
  }

  #oldest(waitsSeconds: number, options?: MetricOptions): IMetric {
    const own = waitsSeconds === 0 ? 'FILL(own, 0)' : `FILL(own, 0) - ${waitsSeconds}`;
    return new MathExpression({
      expression: `MAX([FILL(aws, 0), ${own}])`,
      usingMetrics: {
        aws: this.#props.queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM }),
        own: this.own('Age', { statistic: Stats.MAXIMUM }),
      },
      label: waitsSeconds === 0 ? 'oldest' : 'oldest, beyond its schedule',
      period: FIVE_MINUTES,
      ...options,
    });
  }
}
