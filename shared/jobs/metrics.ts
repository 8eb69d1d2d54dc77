/** What the consumers report, as CloudWatch embedded metrics. One dimension keeps the bill small: a metric costs by the month. */
export const METRIC_NAMESPACE_PREFIX = 'honest-jobs';
/** The only dimension: the job type. Powertools sets it from POWERTOOLS_SERVICE_NAME. */
export const METRIC_DIMENSION = 'service';

/** Each stage has a namespace of its own, so that stages of one account do not add up. */
export function metricNamespace(stage: string): string {
  return `${METRIC_NAMESPACE_PREFIX}/${stage}`;
}

/** name on CloudWatch → unit and meaning. */
export const METRICS = {
  /** Jobs that ended well. */
  Completed: 'Count',
  /** Staged jobs handed over to an execution. */
  Started: 'Count',
  /** Attempts that failed, the last ones too. */
  Failed: 'Count',
  /** Failed attempts that will be tried again: the retry volume. */
  Retried: 'Count',
  /** Verdicts: jobs given up on. Counted once a job, when the verdict is recorded. */
  DeadLettered: 'Count',
  /** Messages that had nothing left to do: the job had completed, expired or been cancelled, or an execution or a later message carries it. */
  Duplicates: 'Count',
  /** Attempts whose handler asked for later. */
  Deferred: 'Count',
  /** Jobs that were not started before their `expirytime`. */
  Expired: 'Count',
  /** Jobs whose cancellation took effect. */
  Cancelled: 'Count',
  /** Messages re-sent because their receives, or half of their days on the queue, ran out before their job was decided. */
  Renewed: 'Count',
  /** Receives without an attempt that ended: the key is claimed or backing off, little time is left, or the records did not answer. */
  Waited: 'Count',
  /** Those of them at which the records did not answer: nothing ran, or how it ended could not be written. */
  Unreachable: 'Count',
  /** From the enqueue to the first receive, which begins what there is to do at once; not of a message that was sent again. */
  WaitingTime: 'Milliseconds',
  /** One run of the handler; of a staged job, from its start to the end of its execution. */
  Duration: 'Milliseconds',
  /** Age of each message received, from its enqueue: AWS's own age leaves out what was received three times or more. */
  Age: 'Seconds',
} as const;

/** Counts the ends of executions that no event told of and the sweep found; its service is the recorder of ends, for all staged jobs. */
export const ENDS_SWEPT = 'EndsSwept';

export type MetricName = keyof typeof METRICS;
