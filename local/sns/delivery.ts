import { AwsError } from '../kernel/errors.ts';
import type { Sqs } from '../sqs/index.ts';
import { notificationAttributes } from './message-attributes.ts';
import type { PublishedMessage, PublishInput } from './published.ts';
import { deadLetterQueueOf, type Subscription } from './subscriptions.ts';

export type Queues = Pick<Sqs, 'send'>;

/**
 * Puts a message into a subscribed queue. As on AWS a queue that does not take it is not tried again: the message goes to the
 * subscription's dead-letter queue, or nowhere.
 */
export function deliver(
  subscription: Subscription,
  published: PublishedMessage,
  input: PublishInput,
  queues: Queues,
): void {
  const raw = subscription.attributes.RawMessageDelivery === 'true';
  const message = {
    MessageBody: raw ? textFor('sqs', input) : notification(published, input),
    ...(raw && input.attributes && { MessageAttributes: input.attributes }),
  };
  for (const queueArn of [subscription.endpoint, deadLetterQueueOf(subscription)]) {
    if (queueArn === undefined) return;
    try {
      queues.send(queueArn, message);
      return;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
    }
  }
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html; nothing here signs it. */
function notification({ messageId, topicArn, subject, atMs }: PublishedMessage, input: PublishInput): string {
  const { attributes = {} } = input;
  return JSON.stringify({
    Type: 'Notification',
    MessageId: messageId,
    TopicArn: topicArn,
    ...(subject !== undefined && { Subject: subject }),
    Message: textFor('sqs', input),
    Timestamp: new Date(atMs).toISOString(),
    ...(Object.keys(attributes).length > 0 && { MessageAttributes: notificationAttributes(attributes) }),
  });
}

function textFor(protocol: string, { message, perProtocol }: PublishInput): string {
  if (!perProtocol) return message;
  const texts = JSON.parse(message) as Record<string, string>;
  return texts[protocol] ?? texts.default ?? '';
}
