import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceProvider } from '../kernel/resources.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Topics } from './topics.ts';

const TOPIC = 'AWS::SNS::Topic';
const SUBSCRIPTION = 'AWS::SNS::Subscription';
const TOPIC_POLICY = 'AWS::SNS::TopicPolicy';

/** Encryption, logs and traces of AWS's own side. */
const INERT_OF_TOPIC = [
  'DataProtectionPolicy',
  'DeliveryStatusLogging',
  'KmsMasterKeyId',
  'SignatureVersion',
  'Tags',
  'TracingConfig',
];

export function snsProviders(topics: Topics, subscriptions: Subscriptions): ResourceProvider[] {
  const subscribe = (topicArn: string, properties: Properties) => {
    const { RawMessageDelivery, RedrivePolicy } = properties;
    return subscriptions.put(topicArn, String(properties.Protocol), String(properties.Endpoint), {
      ...(RawMessageDelivery !== undefined && { RawMessageDelivery: String(RawMessageDelivery) }),
      ...(RedrivePolicy !== undefined && { RedrivePolicy: JSON.stringify(RedrivePolicy) }),
    });
  };
  return [
    {
      type: TOPIC,
      provision(properties, identity) {
        const honoured = ['TopicName', 'DisplayName', 'Subscription'];
        checkProperties(TOPIC, properties, identity, honoured, INERT_OF_TOPIC);
        const { arn, name } = topics.put(
          (properties.TopicName as string | undefined) ?? identity.generatedName(256),
          // The policy is another resource's, which comes after its topic, if there is one.
          { DisplayName: String(properties.DisplayName ?? ''), Policy: '' },
        );
        for (const subscription of (properties.Subscription ?? []) as readonly Properties[]) {
          checkProperties(`${TOPIC}, in Subscription`, subscription, identity, ['Protocol', 'Endpoint']);
          subscribe(arn, subscription);
        }
        return { ref: arn, attributes: { TopicArn: arn, TopicName: name } };
      },
      remove(arn) {
        topics.delete(arn);
        subscriptions.deleteOfTopic(arn);
      },
    },
    {
      type: SUBSCRIPTION,
      provision(properties, identity) {
        const honoured = ['TopicArn', 'Protocol', 'Endpoint', 'RawMessageDelivery', 'RedrivePolicy'];
        checkProperties(SUBSCRIPTION, properties, identity, honoured);
        const { arn } = subscribe(topics.get(String(properties.TopicArn)).arn, properties);
        return { ref: arn, attributes: { Arn: arn } };
      },
      remove: (arn) => subscriptions.delete(arn),
    },
    {
      type: TOPIC_POLICY,
      provision(properties, identity) {
        checkProperties(TOPIC_POLICY, properties, identity, ['Topics', 'PolicyDocument']);
        for (const arn of properties.Topics as readonly string[])
          topics.put(topics.get(arn).name, { Policy: JSON.stringify(properties.PolicyDocument) });
        const id = identity.generatedName(128);
        return { ref: id, attributes: { Id: id } };
      },
    },
  ];
}
