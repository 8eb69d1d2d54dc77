import { LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, Provisioned, ResourceIdentity, ResourceProvider } from '../kernel/resources.ts';
import type { Queue } from './queue.ts';
import { changedAttributes, DEFAULT_ATTRIBUTES, type QueueAttributes } from './queue-attributes.ts';
import type { Queues } from './queues.ts';

const NUMBERS = [
  'DelaySeconds',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'ReceiveMessageWaitTimeSeconds',
  'VisibilityTimeout',
];
const POLICIES = ['RedrivePolicy', 'RedriveAllowPolicy'];
const HONOURED = ['QueueName', ...NUMBERS, ...POLICIES, 'SqsManagedSseEnabled', 'Tags'];

/** CloudFormation's `AWS::SQS::Queue` and `AWS::SQS::QueuePolicy`. */
export function queueProviders(
  queues: Queues,
  nowMs: () => number,
  urlOf: (queue: Queue) => string,
): ResourceProvider[] {
  return [
    {
      type: 'AWS::SQS::Queue',
      provision(properties, identity) {
        checkProperties('AWS::SQS::Queue', properties, identity, HONOURED);
        const name = nameOf(properties, identity);
        const attributes = changedAttributes(DEFAULT_ATTRIBUTES, attributesOf(properties));
        const tags = tagsOf(properties);
        const existing = queues.all().find((queue) => queue.name === name);
        const queue = existing ?? queues.create(name, attributes, tags, nowMs());
        if (existing !== undefined) {
          queues.setAttributes(existing, attributes, nowMs());
          queues.setTags(existing, tags);
        }
        return provisioned(queue, urlOf(queue));
      },
    },
    {
      type: 'AWS::SQS::QueuePolicy',
      provision(properties, identity) {
        checkProperties('AWS::SQS::QueuePolicy', properties, identity, ['Queues', 'PolicyDocument']);
        const policy = { Policy: JSON.stringify(properties.PolicyDocument) };
        for (const url of properties.Queues as string[]) {
          const queue = queues.byUrl(url);
          queues.setAttributes(queue, changedAttributes(queue.attributes, policy), nowMs());
        }
        const id = identity.generatedName(128);
        return { ref: id, attributes: { Id: id } };
      },
    },
  ];
}

function provisioned(queue: Queue, url: string): Provisioned {
  return { ref: url, attributes: { Arn: queue.arn, QueueName: queue.name, QueueUrl: url } };
}

function nameOf({ QueueName }: Properties, identity: ResourceIdentity): string {
  if (QueueName === undefined) return identity.generatedName(80);
  if (typeof QueueName === 'string') return QueueName;
  throw new LocalCloudError(
    'INVALID_PROPERTY',
    `${identity.stackName}/${identity.logicalId} (AWS::SQS::Queue) has the QueueName ${JSON.stringify(QueueName)}, which is no string.`,
  );
}

function attributesOf(properties: Properties): QueueAttributes {
  const attributes: Record<string, string> = {};
  for (const name of [...NUMBERS, 'SqsManagedSseEnabled']) {
    if (properties[name] !== undefined) attributes[name] = String(properties[name]);
  }
  for (const name of POLICIES) {
    const policy = properties[name];
    if (policy !== undefined) attributes[name] = typeof policy === 'string' ? policy : JSON.stringify(policy);
  }
  return attributes;
}

function tagsOf({ Tags }: Properties): Record<string, string> {
  const tags = (Tags ?? []) as readonly { readonly Key: string; readonly Value: string }[];
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}
