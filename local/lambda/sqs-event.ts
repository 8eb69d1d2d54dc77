import type { ReceivedMessage } from '../sqs/index.ts';
import { PAYLOAD_LIMIT_BYTES } from './invocation.ts';

const HEAD = '{"Records":[';
const TAIL = ']}';

/** As many of the messages, from the first on, as fit into one invocation, and the invocation's payload. */
export function sqsEvent(
  messages: readonly ReceivedMessage[],
  queueArn: string,
  region: string,
): { readonly included: readonly ReceivedMessage[]; readonly payload: string } {
  const records: string[] = [];
  let sizeBytes = HEAD.length + TAIL.length;
  for (const message of messages) {
    const record = recordOf(message, queueArn, region);
    sizeBytes += Buffer.byteLength(record) + 1;
    if (sizeBytes > PAYLOAD_LIMIT_BYTES && records.length > 0) break;
    records.push(record);
  }
  return { included: messages.slice(0, records.length), payload: `${HEAD}${records.join(',')}${TAIL}` };
}

function recordOf(message: ReceivedMessage, queueArn: string, region: string): string {
  return JSON.stringify({
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: message.attributes,
    messageAttributes: message.messageAttributes,
    md5OfBody: message.md5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  });
}
