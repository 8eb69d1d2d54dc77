import type { MessageAttributes } from '../sqs/index.ts';
import { notificationAttributes } from './message-attributes.ts';
import type { PublishedMessage } from './published.ts';
import type { Subscription } from './subscriptions.ts';

/**
 * The event that a subscribed function is invoked with. https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
 * Nothing here signs it, so the signature's fields are empty.
 */
export function lambdaEvent(
  { arn }: Subscription,
  { messageId, topicArn, subject, message, atMs }: PublishedMessage,
  attributes: MessageAttributes = {},
): string {
  return JSON.stringify({
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn: arn,
        Sns: {
          Type: 'Notification',
          MessageId: messageId,
          TopicArn: topicArn,
          Subject: subject ?? null,
          Message: message,
          Timestamp: new Date(atMs).toISOString(),
          SignatureVersion: '1',
          Signature: '',
          SigningCertUrl: '',
          UnsubscribeUrl: '',
          MessageAttributes: notificationAttributes(attributes),
        },
      },
    ],
  });
}
