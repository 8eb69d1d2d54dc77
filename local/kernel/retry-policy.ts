/** What becomes of a delivery that fails, with EventBridge and with its Scheduler. */
export interface RetryPolicy {
  readonly MaximumEventAgeInSeconds: number;
  readonly MaximumRetryAttempts: number;
}

/**
 * The longest of each, and what holds where none is given.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
 * https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
 */
export const RETRIES: RetryPolicy = { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 };

/** Failed deliveries come back after 1 s, doubling up to 10 min: in a day, fewer times than the policy allows. AWS's own times are not published. */
const BACKOFF_SECONDS = { first: 1, longest: 600 };

export interface FailedDelivery {
  /** When it was due first (cloud time, ms). */
  readonly dueMs: number;
  /** How often it had failed before. */
  readonly failures: number;
}

/** When it is tried again (cloud time, ms); `undefined` once the policy is exhausted. */
export function retryMs(
  { dueMs, failures }: FailedDelivery,
  { MaximumEventAgeInSeconds, MaximumRetryAttempts }: RetryPolicy,
  nowMs: number,
): number | undefined {
  const { first, longest } = BACKOFF_SECONDS;
  const nextMs = nowMs + Math.min(first * 2 ** failures, longest) * 1000;
  const tooOld = nextMs > dueMs + MaximumEventAgeInSeconds * 1000;
  return failures >= MaximumRetryAttempts || tooOld ? undefined : nextMs;
}
