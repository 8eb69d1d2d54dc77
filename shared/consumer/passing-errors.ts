import { HonestJobsError } from '../jobs/honest-jobs-error.ts';

/** Whether an error of DynamoDB passes by itself: a throttle, a transaction on the same item, a fault of its own, no answer, or one that cannot be read. */
export function passes(error: unknown): boolean {
  // Ours says what DynamoDB answered.
  if (error instanceof HonestJobsError) return false;
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return (
    status === undefined ||
    status < 400 ||
    status >= 500 ||
    /Throttl|ThroughputExceeded|LimitExceeded|TransactionConflict/.test(name ?? '')
  );
}
