import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { drained, queueUrlOf } from './jobs-per-second.ts';
import type { Target } from './target.ts';
import { TRIVIAL_QUEUE } from './trivial/queue-name.ts';

const BATCH_SIZE = 10;
/** Enough for the sender not to be what is measured. */
const BATCHES_AT_A_TIME = 4;

/**
 * Sends `count` messages, a multiple of ten, to the trivial mapping's queue and waits until it is empty.
 *
 * @returns messages a second, from the first send to the last deletion
 */
export async function messagesPerSecond({ sqs }: Target, count: number): Promise<number> {
  const QueueUrl = await queueUrlOf(sqs, TRIVIAL_QUEUE);
  const startMs = performance.now();
  let batchesLeft = count / BATCH_SIZE;
  const send = async (): Promise<void> => {
    while (batchesLeft-- > 0) {
      const Entries = Array.from({ length: BATCH_SIZE }, (_, id) => ({
        Id: `${id}`,
        MessageBody: 'trivial',
      }));
      const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      if (Failed[0]) throw new Error(`A message was not taken: ${Failed[0].Message}`);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_A_TIME }, send));
  await drained(sqs, QueueUrl);
  return count / ((performance.now() - startMs) / 1000);
}
