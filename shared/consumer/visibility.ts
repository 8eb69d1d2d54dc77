import { ChangeMessageVisibilityBatchCommand } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { Runtime } from './runtime.ts';

/** SQS hides a message for at most 12 h from its receive; a bit less, since some of them have passed. */
const LONGEST_VISIBILITY_SECONDS = 12 * 3600 - 900;

/** Two such calls must fit into what the function has beyond its job's timeout. */
const LONGEST_WAIT_MS = 3000;

/**
 * Sets for how long messages stay hidden, in one request. A message whose change is refused comes back on its former timeout:
 * the record's not-before still holds, so this is only a matter of when it looks again, and never throws.
 */
export async function changeVisibility(
  changes: readonly { readonly record: SQSRecord; readonly seconds: number }[],
  { sqs, queueUrl, logger }: Runtime,
): Promise<void> {
  if (changes.length === 0) return;
  const abortSignal = AbortSignal.timeout(LONGEST_WAIT_MS);
  try {
    const { Failed = [] } = await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: queueUrl,
        Entries: changes.map(({ record, seconds }, index) => ({
          Id: String(index),
          ReceiptHandle: record.receiptHandle,
          VisibilityTimeout: Math.min(Math.max(0, Math.ceil(seconds)), LONGEST_VISIBILITY_SECONDS),
        })),
      }),
      { abortSignal },
    );
    for (const { Id, Code, Message } of Failed)
      logger.warn('SQS refused to change a visibility timeout; the message comes back on its former one.', {
        messageId: changes[Number(Id)]?.record.messageId,
        code: Code,
        reason: Message,
      });
  } catch (error) {
    logger.warn(
      'Visibility timeouts could not be changed; the messages come back on their former ones.',
      error as Error,
    );
  }
}
