import { entries, ownerOf, page, startOf } from './answers.ts';
import { nothing, type QueryOperation } from './query-protocol.ts';
import type { Subscription, Subscriptions } from './subscriptions.ts';
import type { Topic, Topics } from './topics.ts';

export function topicOperations(
  topics: Topics,
  subscriptions: Subscriptions,
): Record<string, QueryOperation> {
  return {
    CreateTopic(form) {
      const [name, attributes] = [form.required('Name'), form.map('Attributes')];
      return () => ({ TopicArn: topics.create(name, attributes).arn });
    },
    DeleteTopic(form) {
      const arn = form.required('TopicArn');
      return nothing(() => {
        topics.delete(arn);
        subscriptions.deleteOfTopic(arn);
      });
    },
    ListTopics(form) {
      const start = startOf(form);
      return () => {
        const { items, NextToken } = page(topics.all(), start);
        return { Topics: { member: items.map(({ arn }) => ({ TopicArn: arn })) }, NextToken };
      };
    },
    GetTopicAttributes(form) {
      const topic = topics.get(form.required('TopicArn'));
      return () => ({ Attributes: entries(topicAttributes(topic, subscriptions.ofTopic(topic.arn))) });
    },
    SetTopicAttributes(form) {
      const { name } = topics.get(form.required('TopicArn'));
      const attribute = form.attribute();
      return nothing(() => topics.put(name, attribute));
    },
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
