/**
 * Which messages of a batch failed, as the function's response to ReportBatchItemFailures says.
 *
 * Nothing reported (an empty or null response, an empty or null list) is a success of all; a response that cannot be
 * understood, or names what is not in the batch, is a failure of all.
 *
 * @param response the function's response, JSON
 * @returns the failed messages' ids
 */
export function failedMessageIds(response: string, messageIds: readonly string[]): ReadonlySet<string> {
  const all = new Set(messageIds);
  const none = new Set<string>();
  let parsed: unknown;
  try {
    parsed = JSON.parse(response);
  } catch {
    return all;
  }
  if (parsed === null) return none;
  if (typeof parsed !== 'object' || Array.isArray(parsed)) return all;
  const { batchItemFailures } = parsed as { batchItemFailures?: unknown };
  if (batchItemFailures === undefined || batchItemFailures === null) return none;
  if (!Array.isArray(batchItemFailures)) return all;
  const failed = new Set<string>();
  for (const item of batchItemFailures as readonly unknown[]) {
    const identifier = (item as { itemIdentifier?: unknown } | null)?.itemIdentifier;
    if (typeof identifier !== 'string' || !all.has(identifier)) return all;
    failed.add(identifier);
  }
  return failed;
}
