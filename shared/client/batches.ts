/** 1 MiB for one message and for a whole batch. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
export const LARGEST_BATCH_BYTES = 1_048_576;
const MOST_ENTRIES = 10;

/** Cuts what is to be sent into batches that SQS takes, in the order given. */
export function* batchesOf<Entry extends { readonly bytes: number }>(
  entries: readonly Entry[],
): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (batch.length === MOST_ENTRIES || (batch.length > 0 && bytes + entry.bytes > LARGEST_BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += entry.bytes;
  }
  if (batch.length > 0) yield batch;
}
