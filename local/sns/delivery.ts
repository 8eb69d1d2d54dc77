import { checkServiceAccess, statementsOf } from '../iam/service-access.ts';
import { AwsError } from '../kernel/errors.ts';
import type { Lambda } from '../lambda/index.ts';
import type { Sqs } from '../sqs/index.ts';
import { lambdaEvent } from './lambda-event.ts';
import { notificationAttributes } from './message-attributes.ts';
import type { PublishedMessage, PublishInput } from './published.ts';
import { deadLetterQueueOf, type Subscription } from './subscriptions.ts';

/** Who is delivered to. */
export interface Endpoints {
  readonly sqs: Pick<Sqs, 'policyOf' | 'send'>;
  /** Absent where no functions are. */
  readonly lambda?: Pick<Lambda, 'invokeLater' | 'permissionsOf'>;
}

/**
 * Hands a message to a subscribed queue or function. As on AWS an endpoint that does not take it (a queue or a function that is gone, or
 * whose own policy does not let SNS in) is not tried again: the message goes to the subscription's dead-letter queue, or nowhere. What a function does with an event that it
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
      : () => send(endpoint, message, published, endpoints),
    ...(deadLetterQueue === undefined ? [] : [() => send(deadLetterQueue, message, published, endpoints)]),
  ];
  for (const way of ways)
    try {
      way();
      return;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
    }
}

function send(
  queueArn: string,
  message: Parameters<Endpoints['sqs']['send']>[1],
  published: PublishedMessage,
  { sqs }: Endpoints,
): void {
  checkServiceAccess(statementsOf(sqs.policyOf(queueArn)), 'sqs:SendMessage', queueArn, caller(published));
  sqs.send(queueArn, message);
}

function caller({ topicArn }: PublishedMessage) {
  return {
    service: 'sns.amazonaws.com',
    sourceArn: topicArn,
    accountId: topicArn.split(':')[4] ?? '',
  };
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
  const permissions = lambda.permissionsOf(subscription.endpoint);
  checkServiceAccess(permissions, 'lambda:InvokeFunction', subscription.endpoint, caller(published));
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
