import { AwsError } from '../kernel/errors.ts';
import { invalidParameter } from './errors.ts';
import type { Form } from './form.ts';
import { readMessageAttributes } from './message-attributes.ts';
import type { PublishInput } from './published.ts';
import type { QueryOperation } from './query-protocol.ts';
import type { Sns } from './sns.ts';
import type { Subscription } from './subscriptions.ts';
import type { Topic } from './topics.ts';

const PAGE_SIZE = 100;
const BATCH_LIMIT = 10;

/** https://docs.aws.amazon.com/sns/latest/api/API_Operations.html, as far as topics, subscriptions and messages go. */
export function snsOperations(sns: Sns): Record<string, QueryOperation> {
  return { ...topicOperations(sns), ...subscriptionOperations(sns), ...publishOperations(sns) };
}

function topicOperations({ topics, subscriptions }: Sns): Record<string, QueryOperation> {
  return {
    CreateTopic: (form) => ({ TopicArn: topics.create(form.required('Name'), form.map('Attributes')).arn }),
    DeleteTopic(form) {
      const arn = form.required('TopicArn');
      topics.delete(arn);
      for (const subscription of subscriptions.ofTopic(arn)) subscriptions.delete(subscription.arn);
      return undefined;
    },
    ListTopics(form) {
      const { items, NextToken } = page(topics.all(), form);
      return { Topics: { member: items.map(({ arn }) => ({ TopicArn: arn })) }, NextToken };
    },
    GetTopicAttributes(form) {
      const topic = topics.get(form.required('TopicArn'));
      return { Attributes: entries(topicAttributes(topic, subscriptions.ofTopic(topic.arn))) };
    },
    SetTopicAttributes(form) {
      const { name } = topics.get(form.required('TopicArn'));
      topics.put(name, { [form.required('AttributeName')]: form.text('AttributeValue') ?? '' });
      return undefined;
    },
  };
}

function subscriptionOperations({ topics, subscriptions }: Sns): Record<string, QueryOperation> {
  return {
    Subscribe(form) {
      const { arn } = topics.get(form.required('TopicArn'));
      const subscription = subscriptions.put(
        arn,
        form.required('Protocol'),
        form.required('Endpoint'),
        form.map('Attributes'),
      );
      const showsArn = !subscription.pending || form.text('ReturnSubscriptionArn') === 'true';
      return { SubscriptionArn: showsArn ? subscription.arn : 'pending confirmation' };
    },
    Unsubscribe(form) {
      subscriptions.delete(form.required('SubscriptionArn'));
      return undefined;
    },
    ListSubscriptions: (form) => listed(subscriptions.all(), form),
    ListSubscriptionsByTopic: (form) =>
      listed(subscriptions.ofTopic(topics.get(form.required('TopicArn')).arn), form),
    GetSubscriptionAttributes(form) {
      const { arn, topicArn, protocol, endpoint, pending, attributes } = subscriptions.get(
        form.required('SubscriptionArn'),
      );
      return {
        Attributes: entries({
          SubscriptionArn: arn,
          TopicArn: topicArn,
          Owner: ownerOf(topicArn),
          Protocol: protocol,
          Endpoint: endpoint,
          PendingConfirmation: String(pending),
          RawMessageDelivery: 'false',
          ...attributes,
        }),
      };
    },
    SetSubscriptionAttributes(form) {
      const { topicArn, protocol, endpoint } = subscriptions.get(form.required('SubscriptionArn'));
      subscriptions.put(topicArn, protocol, endpoint, {
        [form.required('AttributeName')]: form.text('AttributeValue') ?? '',
      });
      return undefined;
    },
  };
}

function publishOperations(sns: Sns): Record<string, QueryOperation> {
  return {
    Publish(form) {
      const topicArn = form.text('TopicArn') ?? form.text('TargetArn');
      if (topicArn === undefined)
        throw invalidParameter('TopicArn or TargetArn Reason: no value for required parameter');
      return { MessageId: sns.publish(topicArn, readMessage(form)) };
    },
    PublishBatch(form) {
      const { arn } = sns.topics.get(form.required('TopicArn'));
      const items = form.items('PublishBatchRequestEntries', 'member');
      const ids = items.map((item) => item.required('Id'));
      checkBatch(ids);
      const outcomes = items.map((item, index) => attempt(sns, arn, ids[index] ?? '', item));
      return {
        Successful: { member: outcomes.filter((outcome) => 'MessageId' in outcome) },
        Failed: { member: outcomes.filter((outcome) => 'Code' in outcome) },
      };
    },
  };
}

function checkBatch(ids: readonly string[]): void {
  if (ids.length === 0)
    throw new AwsError('EmptyBatchRequest', "The batch request doesn't contain any entries.");
  if (ids.length > BATCH_LIMIT)
    throw new AwsError(
      'TooManyEntriesInBatchRequest',
      `The batch request contains more entries than permissible (${BATCH_LIMIT}).`,
    );
  if (new Set(ids).size < ids.length)
    throw new AwsError(
      'BatchEntryIdsNotDistinct',
      'Two or more batch entries in the request have the same Id.',
    );
}

function attempt(sns: Sns, topicArn: string, Id: string, item: Form) {
  try {
    return { Id, MessageId: sns.publish(topicArn, readMessage(item)) };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { Id, Code: error.code, Message: error.message, SenderFault: true };
  }
}

function readMessage(form: Form): PublishInput {
  const structure = form.text('MessageStructure');
  if (structure !== undefined && structure !== 'json') throw invalidParameter('MessageStructure');
  return {
    subject: form.text('Subject'),
    message: form.text('Message') ?? '',
    attributes: readMessageAttributes(form),
    perProtocol: structure === 'json',
  };
}

function topicAttributes(
  { arn, attributes }: Topic,
  subscriptions: readonly Subscription[],
): Record<string, string> {
  const pending = subscriptions.filter((subscription) => subscription.pending).length;
  return {
    TopicArn: arn,
    Owner: ownerOf(arn),
    DisplayName: '',
    SubscriptionsConfirmed: String(subscriptions.length - pending),
    SubscriptionsPending: String(pending),
    SubscriptionsDeleted: '0',
    ...attributes,
  };
}

function listed(subscriptions: readonly Subscription[], form: Form) {
  const { items, NextToken } = page(subscriptions, form);
  const member = items.map(({ arn, topicArn, protocol, endpoint, pending }) => ({
    SubscriptionArn: pending ? 'PendingConfirmation' : arn,
    Owner: ownerOf(topicArn),
    Protocol: protocol,
    Endpoint: endpoint,
    TopicArn: topicArn,
  }));
  return { Subscriptions: { member }, NextToken };
}

function page<Item>(
  all: readonly Item[],
  form: Form,
): { items: readonly Item[]; NextToken: string | undefined } {
  const start = Number(form.text('NextToken') ?? 0);
  if (!Number.isInteger(start) || start < 0) throw invalidParameter('NextToken');
  const end = start + PAGE_SIZE;
  return { items: all.slice(start, end), NextToken: end < all.length ? String(end) : undefined };
}

function entries(map: Record<string, string>) {
  return { entry: Object.entries(map).map(([key, value]) => ({ key, value })) };
}

function ownerOf(arn: string): string {
  return arn.split(':')[4] ?? '';
}
