import { AwsError } from '../kernel/errors.ts';
import type { Lambda } from '../lambda/index.ts';
import type { Sqs } from '../sqs/index.ts';
import { lambdaEvent } from './lambda-event.ts';
import { notificationAttributes } from './message-attributes.ts';
import type { PublishedMessage, PublishInput } from './published.ts';
import { deadLetterQueueOf, type Subscription } from './subscriptions.ts';

/** Who is delivered to. */
export interface Endpoints {
  readonly sqs: Pick<Sqs, 'send'>;
  /** Absent where no functions are. */
  readonly lambda?: Pick<Lambda, 'invokeLater'>;
}

/**
 * Hands a message to a subscribed queue or function. As on AWS an endpoint that does not take it (a queue or a function that is gone)
 * is not tried again: the message goes to the subscription's dead-letter queue, or nowhere. What a function does with an event that it
 * took is Lambda's matter: asynchronous invocations have retries of their own.
 */
export function deliver(
  subscription: Subscription,
  published: PublishedMessage,
  input: PublishInput,
  endpoints: Endpoints,
): void {
  const raw = subscription.attributes.RawMessageDelivery === 'true';
  const { protocol, endpoint } = subscription;
  const message = {
    MessageBody: raw ? textFor(protocol, input) : notification(protocol, published, input),
    ...(raw && input.attributes && { MessageAttributes: input.attributes }),
  };
  const deadLetterQueue = deadLetterQueueOf(subscription);
  const ways = [
    protocol === 'lambda'
      ? () => invoke(subscription, published, input, endpoints)
      : () => endpoints.sqs.send(endpoint, message),
    ...(deadLetterQueue === undefined ? [] : [() => endpoints.sqs.send(deadLetterQueue, message)]),
  ];
  for (const way of ways)
    try {
      way();
      return;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
    }
}

function invoke(
  subscription: Subscription,
  published: PublishedMessage,
  input: PublishInput,
  { lambda }: Endpoints,
): void {
  if (!lambda)
    throw new AwsError('ResourceNotFoundException', `Function not found: ${subscription.endpoint}`, 404);
  const event = lambdaEvent(
    subscription,
    { ...published, message: textFor('lambda', input) },
    input.attributes,
  );
  lambda.invokeLater(subscription.endpoint, event);
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html; nothing here signs it. */
function notification(
  protocol: string,
  { messageId, topicArn, subject, atMs }: PublishedMessage,
  input: PublishInput,
): string {
  const { attributes = {} } = input;
  return JSON.stringify({
    Type: 'Notification',
    MessageId: messageId,
    TopicArn: topicArn,
    ...(subject !== undefined && { Subject: subject }),
    Message: textFor(protocol, input),
    Timestamp: new Date(atMs).toISOString(),
    ...(Object.keys(attributes).length > 0 && { MessageAttributes: notificationAttributes(attributes) }),
  });
}

function textFor(protocol: string, { message, perProtocol }: PublishInput): string {
  if (!perProtocol) return message;
  const texts = JSON.parse(message) as Record<string, string>;
  return texts[protocol] ?? texts.default ?? '';
}
