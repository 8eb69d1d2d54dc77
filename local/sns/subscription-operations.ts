import { entries, ownerOf, page, startOf } from './answers.ts';
import { nothing, type QueryOperation } from './query-protocol.ts';
import type { Subscription, Subscriptions } from './subscriptions.ts';
import type { Topics } from './topics.ts';

export function subscriptionOperations(
  topics: Topics,
  subscriptions: Subscriptions,
): Record<string, QueryOperation> {
  return {
    Subscribe(form) {
      const { arn } = topics.get(form.required('TopicArn'));
      const [protocol, endpoint] = [form.required('Protocol'), form.required('Endpoint')];
      const attributes = form.map('Attributes');
      const wantsArn = form.text('ReturnSubscriptionArn') === 'true';
      return () => {
        const subscription = subscriptions.put(arn, protocol, endpoint, attributes);
        const showsArn = wantsArn || !subscription.pending;
        return { SubscriptionArn: showsArn ? subscription.arn : 'pending confirmation' };
      };
    },
    Unsubscribe(form) {
      const arn = form.required('SubscriptionArn');
      return nothing(() => subscriptions.delete(arn));
    },
    ListSubscriptions(form) {
      const start = startOf(form);
      return () => listed(subscriptions.all(), start);
    },
    ListSubscriptionsByTopic(form) {
      const { arn } = topics.get(form.required('TopicArn'));
      const start = startOf(form);
      return () => listed(subscriptions.ofTopic(arn), start);
    },
    GetSubscriptionAttributes(form) {
      const subscription = subscriptions.get(form.required('SubscriptionArn'));
      return () => ({ Attributes: entries(subscriptionAttributes(subscription)) });
    },
    SetSubscriptionAttributes(form) {
      const { topicArn, protocol, endpoint } = subscriptions.get(form.required('SubscriptionArn'));
      const attribute = form.attribute();
      return nothing(() => subscriptions.put(topicArn, protocol, endpoint, attribute));
    },
  };
}

function subscriptionAttributes(subscription: Subscription): Record<string, string> {
  const { arn, topicArn, protocol, endpoint, pending, attributes } = subscription;
  return {
    SubscriptionArn: arn,
    TopicArn: topicArn,
    Owner: ownerOf(topicArn),
    Protocol: protocol,
    Endpoint: endpoint,
    PendingConfirmation: String(pending),
    RawMessageDelivery: 'false',
    ...attributes,
  };
}

function listed(subscriptions: readonly Subscription[], start: number) {
  const { items, NextToken } = page(subscriptions, start);
  const member = items.map(({ arn, topicArn, protocol, endpoint, pending }) => ({
    SubscriptionArn: pending ? 'PendingConfirmation' : arn,
    Owner: ownerOf(topicArn),
    Protocol: protocol,
    Endpoint: endpoint,
    TopicArn: topicArn,
  }));
  return { Subscriptions: { member }, NextToken };
}
