import { AwsError } from '../kernel/errors.ts';
import {
  asEventAttributes,
  type EventMessageAttribute,
  type MessageAttributes,
  md5OfAttributes,
  selectAttributes,
} from './message-attributes.ts';
import type { Delivery } from './messages.ts';

/** A message as an in-process consumer gets it: what a Lambda event holds of it, in camel case. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly md5OfBody: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, EventMessageAttribute>>;
  readonly md5OfMessageAttributes?: string;
}

const SYSTEM_ATTRIBUTES = [
  'SenderId',
  'SentTimestamp',
  'ApproximateReceiveCount',
  'ApproximateFirstReceiveTimestamp',
  'AWSTraceHeader',
  'MessageGroupId',
  'DeadLetterQueueSourceArn',
];
/** Known to the API, never there on a standard queue. */
const FIFO_ATTRIBUTES = ['MessageDeduplicationId', 'SequenceNumber'];
const ASKABLE = new Set(['All', 'SqsManagedSseEnabled', ...SYSTEM_ATTRIBUTES, ...FIFO_ATTRIBUTES]);

/** @throws AwsError `InvalidAttributeName` */
export function checkSystemAttributeNames(names: readonly string[]): void {
  for (const name of names) {
    if (!ASKABLE.has(name)) throw new AwsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
  }
}

export function asApiMessage(
  delivery: Delivery,
  systemNames: readonly string[],
  attributeNames: readonly string[],
  senderId: string,
): object {
  const all = systemAttributes(delivery, senderId);
  const system = systemNames.includes('All')
    ? all
    : Object.fromEntries(Object.entries(all).filter(([name]) => systemNames.includes(name)));
  const attributes = selectAttributes(messageAttributes(delivery), attributeNames);
  return {
    MessageId: delivery.messageId,
    ReceiptHandle: delivery.receiptHandle,
    MD5OfBody: delivery.bodyMd5,
    Body: delivery.body,
    ...(Object.keys(system).length > 0 && { Attributes: system }),
    ...(Object.keys(attributes).length > 0 && {
      MessageAttributes: attributes,
      MD5OfMessageAttributes: md5OfAttributes(attributes),
    }),
  };
}

export function asReceivedMessage(delivery: Delivery, senderId: string): ReceivedMessage {
  const attributes = messageAttributes(delivery);
  const md5 = md5OfAttributes(attributes);
  return {
    messageId: delivery.messageId,
    receiptHandle: delivery.receiptHandle,
    body: delivery.body,
    md5OfBody: delivery.bodyMd5,
    attributes: systemAttributes(delivery, senderId),
    messageAttributes: asEventAttributes(attributes),
    ...(md5 !== undefined && { md5OfMessageAttributes: md5 }),
  };
}

function messageAttributes({ attributes }: Delivery): MessageAttributes {
  return attributes === null ? {} : (JSON.parse(attributes) as MessageAttributes);
}

function systemAttributes(delivery: Delivery, senderId: string): Record<string, string> {
  const { traceHeader, groupId, sourceArn } = delivery;
  return {
    SenderId: senderId,
    SentTimestamp: String(delivery.sentMs),
    ApproximateReceiveCount: String(delivery.receiveCount),
    ApproximateFirstReceiveTimestamp: String(delivery.firstReceivedMs),
    ...(traceHeader !== null && { AWSTraceHeader: traceHeader }),
    ...(groupId !== null && { MessageGroupId: groupId }),
    ...(sourceArn !== null && { DeadLetterQueueSourceArn: sourceArn }),
  };
}
