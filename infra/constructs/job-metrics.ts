import { Duration } from 'aws-cdk-lib';
import {
  type IMetric,
  MathExpression,
  type MathExpressionProps,
  Metric,
  type MetricOptions,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { type JobSettings, LONGEST_LYING_SECONDS } from '../../shared/jobs/define-job.ts';
import { METRIC_DIMENSION, type MetricName, metricNamespace } from '../../shared/jobs/metrics.ts';
import { longestHiddenSeconds } from '../../shared/jobs/schedule.ts';

export interface JobMetricsProps {
  readonly stage: string;
  readonly job: JobSettings;
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
  readonly consumer: IFunction;
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

  /** Invocations of the consumer that failed. A job that fails fails none, so this is what kept them all from running. */
  errors(options?: MetricOptions): Metric {
    return this.#props.consumer.metricErrors(options);
  }

  /** Invocations that were refused for lack of concurrency. */
  throttles(options?: MetricOptions): Metric {
    return this.#props.consumer.metricThrottles(options);
  }

  /** Both of them: batches of which none of our code has told anything. */
  failedInvocations(options?: MetricOptions): IMetric {
    return new MathExpression({
      expression: 'FILL(errors, 0) + FILL(throttles, 0)',
      usingMetrics: { errors: this.errors(), throttles: this.throttles() },
      label: 'failed invocations',
      period: FIVE_MINUTES,
      ...options,
    });
  }

  /**
   * The age of the oldest job in seconds: the larger of AWS's, which leaves out what was received three times, and ours, which is
   * silent while nothing is consumed.
   */
  age(options?: MetricOptions): IMetric {
    return this.#oldest('FILL(aws, 0)', 'FILL(own, 0)', { label: 'oldest', ...options });
  }

  /**
   * The same, without the time that a job waits for by its own schedule: one that needs its last attempt is old, not late. Ours is reduced by the
   * longest that one message is hidden for; what waits longer is sent again, and its age begins anew. AWS's counts a message that is hidden or
   * delayed, too, at its first two receives; so it is only taken where a message could be received in each minute, and was not.
   */
  lateness(options?: MetricOptions): IMetric {
    const hidden = Math.min(longestHiddenSeconds(this.#props.job.schedule), LONGEST_LYING_SECONDS);
    return this.#oldest('IF(FILL(visible, 0) >= 1, FILL(aws, 0), 0)', `FILL(own, 0) - ${hidden}`, {
      label: 'oldest, beyond its schedule',
      usingMetrics: { visible: this.depth({ statistic: Stats.MINIMUM }) },
      ...options,
    });
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

  #oldest(
    aws: string,
    own: string,
    { usingMetrics, ...options }: MetricOptions & Pick<MathExpressionProps, 'usingMetrics'>,
  ): IMetric {
    return new MathExpression({
      expression: `MAX([${aws}, ${own}])`,
      usingMetrics: {
        aws: this.#props.queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM }),
        own: this.own('Age', { statistic: Stats.MAXIMUM }),
        ...usingMetrics,
      },
      period: FIVE_MINUTES,
      ...options,
    });
  }
}
