/** Whether an error of DynamoDB passes by itself: a throttle, a fault of its own, no answer, or one that cannot be read. */
export function passes(error: unknown): boolean {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return (
    status === undefined ||
    status < 400 ||
    status >= 500 ||
    /Throttl|ThroughputExceeded|LimitExceeded/.test(name ?? '')
  );
}
