import { checkServiceAccess, type ServiceCaller, statementsOf } from '../iam/service-access.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { checkPublish } from './check-publish.ts';
import { deliver, type Endpoints } from './delivery.ts';
import { newUuid } from './ids.ts';
import { snsProviders } from './providers.ts';
import { publishOperations } from './publish-operations.ts';
import { Published, type PublishedMessage, type PublishInput } from './published.ts';
import { handleQuery, type QueryOperation } from './query-protocol.ts';
import { subscriptionOperations } from './subscription-operations.ts';
import { Subscriptions } from './subscriptions.ts';
import { topicOperations } from './topic-operations.ts';
import { Topics } from './topics.ts';

export type SnsOptions = Endpoints;

/** Amazon SNS: standard topics, delivered to SQS queues and Lambda functions. What else subscribes is kept unconfirmed. */
export class Sns implements Service {
  readonly signingName = 'sns';
  readonly topics: Topics;
  readonly subscriptions: Subscriptions;
  readonly #context: CloudContext;
  readonly #published: Published;
  readonly #endpoints: Endpoints;
  readonly #operations: Readonly<Record<string, QueryOperation>>;

  constructor(context: CloudContext, endpoints: SnsOptions) {
    this.#context = context;
    this.#endpoints = endpoints;
    this.topics = new Topics(context);
    this.subscriptions = new Subscriptions(context);
    this.#published = new Published(context);
    this.#operations = {
      ...topicOperations(this.topics, this.subscriptions),
      ...subscriptionOperations(this.topics, this.subscriptions),
      ...publishOperations(this),
    };
  }

  async handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleQuery(request, this.#operations);
  }

  providers(): ResourceProvider[] {
    return snsProviders(this.topics, this.subscriptions);
  }

  /**
   * Publishes as the API's Publish does.
   *
   * @param by a service, which the topic's policy must let in; a topic without one lets in all of its own account
   * @returns the message's id
   * @throws AwsError `NotFound` for a topic that is not there, `InvalidParameter`, `AccessDeniedException`
   */
  publish(topicArn: string, input: PublishInput, by?: Pick<ServiceCaller, 'service' | 'sourceArn'>): string {
    const { Policy } = this.topics.get(topicArn).attributes;
    if (by && Policy)
      checkServiceAccess(statementsOf(Policy), 'sns:Publish', topicArn, {
        ...by,
        accountId: this.#context.accountId,
      });
    checkPublish(input);
    const { subject, message } = input;
    const published: PublishedMessage = {
      messageId: newUuid(this.#context.random),
      topicArn,
      ...(subject !== undefined && { subject }),
      message,
      atMs: Math.floor(this.#context.clock.now()),
    };
    this.#published.add(published);
    for (const subscription of this.subscriptions.ofTopic(topicArn))
      if (!subscription.pending) deliver(subscription, published, input, this.#endpoints);
    return published.messageId;
  }

  /** The last 10,000 messages of all topics, in order, those of earlier runs in the same folder too. */
  published(): PublishedMessage[] {
    return this.#published.all();
  }
}
