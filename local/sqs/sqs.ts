import { LocalCloudError } from '../kernel/errors.ts';
import { handleJson, type Operation } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { checkDraft, readDraft } from './draft.ts';
import { queryErrorHeader } from './errors.ts';
import { SqsEvents, type SqsListener } from './events.ts';
import { Ledger } from './ledger.ts';
import { LongPolls } from './long-polls.ts';
import type { MessageAttributes } from './message-attributes.ts';
import { checkVisibility, messageOperations } from './message-operations.ts';
import { MessageTable } from './message-table.ts';
import { IN_FLIGHT_LIMIT_MESSAGES, Messages, type Sent } from './messages.ts';
import { moveOperations } from './move-operations.ts';
import { MoveTasks } from './move-tasks.ts';
import { Parameters } from './parameters.ts';
import { queueProviders } from './providers.ts';
import { refuseQueryProtocol } from './query-protocol.ts';
import type { Queue, QueueCounts } from './queue.ts';
import type { QueueAttributes, QueueSettings } from './queue-attributes.ts';
import { queueOperations } from './queue-operations.ts';
import { Queues } from './queues.ts';
import { asReceivedMessage, type ReceivedMessage } from './received-message.ts';

export interface SqsOptions {
  /** Messages in flight after which a queue hands out no more, lower in tests. @default 120,000 as on AWS */
  readonly inFlightLimitMessages?: number;
}

export interface SendInput {
  readonly MessageBody: string;
  /** 0 to 900. @default the queue's */
  readonly DelaySeconds?: number;
  readonly MessageGroupId?: string;
  readonly MessageAttributes?: MessageAttributes;
  readonly MessageSystemAttributes?: MessageAttributes;
}

export interface ReceiveOptions {
  /** 1 or more; a Lambda mapping's batch may be larger than the API's 10. @default 10 */
  readonly maxMessages?: number;
  /** @default 0: answer at once */
  readonly waitSeconds?: number;
  /** @default the queue's */
  readonly visibilityTimeoutSeconds?: number;
  /** Once aborted, the receive answers nothing and takes nothing. */
  readonly signal?: AbortSignal;
}

/**
 * Called before each operation, over HTTP or in process, with the API's name and input; what it throws is what the caller
 * gets. In process, where deleting and changing visibility are synchronous, it must be too.
 */
export type Intercept = (operation: string, input: unknown) => void | Promise<void>;

/** Amazon SQS: standard queues over AWS JSON 1.0, and the same in process for the other services. */
export class Sqs implements Service {
  readonly signingName = 'sqs';
  /** For tests and the fault suite. */
  intercept: Intercept | undefined;
  readonly #context: CloudContext;
  readonly #queues: Queues;
  readonly #messages: Messages;
  readonly #polls: LongPolls;
  readonly #tasks: MoveTasks;
  readonly #events = new SqsEvents();
  readonly #operations: Readonly<Record<string, Operation>>;

  constructor(context: CloudContext, { inFlightLimitMessages = IN_FLIGHT_LIMIT_MESSAGES }: SqsOptions = {}) {
    this.#context = context;
    const table = new MessageTable(context.store.db);
    this.#queues = new Queues(context, table);
    const ledger = new Ledger({
      clock: context.clock,
      store: context.store,
      table,
      queues: this.#queues,
      events: this.#events,
      woken: (queue) => this.#polls.wake(queue),
    });
    this.#messages = new Messages(table, this.#queues, ledger, {
      random: () => context.random(),
      inFlightLimitMessages,
    });
    this.#polls = new LongPolls(context.clock, this.#messages);
    this.#tasks = new MoveTasks(context, this.#queues, this.#messages, table);
    this.#operations = this.#intercepted({
      ...queueOperations(this.#queues, this.#messages, this.#polls, (queue) => this.queueUrl(queue.name)),
      ...messageOperations(this.#queues, this.#messages, this.#polls, context.accountId),
      ...moveOperations(this.#tasks),
    });
  }

  async handle(request: ServiceRequest): Promise<ServiceResponse> {
    return (
      refuseQueryProtocol(request) ??
      handleJson(request, { version: '1.0', operations: this.#operations, errorHeaders: queryErrorHeader })
    );
  }

  async stop(): Promise<void> {
    this.#tasks.stop();
    this.#polls.release();
  }

  providers(): ResourceProvider[] {
    return queueProviders(
      this.#queues,
      () => this.#messages.nowMs(),
      (queue) => this.queueUrl(queue.name),
    );
  }

  /** Creates the queue unless it is there. @returns its URL. @throws AwsError `QueueNameExists` for other attributes */
  createQueue(name: string, attributes: QueueAttributes = {}): string {
    return this.queueUrl(this.#queues.create(name, attributes, {}, this.#messages.nowMs()).name);
  }

  arnOf(name: string): string {
    return this.#queues.arnOf(name);
  }

  queueUrl(name: string): string {
    return `${this.#context.endpoint()}/${this.#context.accountId}/${name}`;
  }

  /** The ARNs of all queues. */
  list(): string[] {
    return this.#queues.all().map(({ arn }) => arn);
  }

  /** @throws AwsError `QueueDoesNotExist` */
  attributes(queueArn: string): QueueSettings {
    return this.#queues.byArn(queueArn).settings;
  }

  /** The queue's own policy, JSON; `undefined` where it has none. @throws AwsError `QueueDoesNotExist` */
  policyOf(queueArn: string): string | undefined {
    return this.#queues.byArn(queueArn).attributes.Policy;
  }

  /**
   * Sends one message, named and checked as the API's SendMessage is.
   *
   * @returns the message's id
   * @throws AwsError `QueueDoesNotExist`, `InvalidMessageContents`, `InvalidParameterValueException`
   */
  send(queueArn: string, message: SendInput): string {
    const queue = this.#queues.byArn(queueArn);
    this.#interceptNow('SendMessage', queue, () => message);
    const draft = checkDraft(queue, readDraft(new Parameters(message, 'SendMessage')));
    const [sent] = this.#messages.send(queue, [draft]);
    return (sent as Sent).messageId;
  }

  /** @throws AwsError `QueueDoesNotExist` */
  async receive(queueArn: string, options: ReceiveOptions = {}): Promise<ReceivedMessage[]> {
    const queue = this.#queues.byArn(queueArn);
    const { maxMessages = 10, waitSeconds = 0, signal } = options;
    const visibilitySeconds = options.visibilityTimeoutSeconds ?? queue.settings.visibilityTimeoutSeconds;
    if (this.intercept)
      await this.intercept('ReceiveMessage', {
        QueueUrl: this.queueUrl(queue.name),
        MaxNumberOfMessages: maxMessages,
        WaitTimeSeconds: waitSeconds,
        VisibilityTimeout: visibilitySeconds,
      });
    const found = await this.#polls.receive(queue, { maxMessages, visibilitySeconds, waitSeconds, signal });
    return found.map((delivery) => asReceivedMessage(delivery, this.#context.accountId));
  }

  /** In one transaction. Stale handles do nothing. @throws AwsError `QueueDoesNotExist`, `ReceiptHandleIsInvalid` */
  deleteMessages(queueArn: string, receiptHandles: readonly string[]): void {
    const queue = this.#queues.byArn(queueArn);
    this.#interceptNow('DeleteMessageBatch', queue, () => ({
      Entries: receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle })),
    }));
    this.#messages.delete(queue, receiptHandles);
  }

  /** @throws AwsError `QueueDoesNotExist`, `MessageNotInflight`, `ReceiptHandleIsInvalid`, `InvalidParameterValueException` */
  changeVisibility(queueArn: string, receiptHandle: string, seconds: number): void {
    const queue = this.#queues.byArn(queueArn);
    this.#interceptNow('ChangeMessageVisibility', queue, () => ({
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: seconds,
    }));
    checkVisibility(seconds);
    this.#messages.changeVisibility(queue, receiptHandle, seconds);
  }

  /** @throws AwsError `QueueDoesNotExist` */
  counts(queueArn: string): QueueCounts {
    return this.#messages.counts(this.#queues.byArn(queueArn));
  }

  /** When (cloud time, ms) the next hidden or delayed message becomes visible. @throws AwsError `QueueDoesNotExist` */
  nextEventMs(queueArn: string): number | undefined {
    return this.#messages.nextVisibleMs(this.#queues.byArn(queueArn));
  }

  observe(listener: SqsListener): () => void {
    return this.#events.observe(listener);
  }

  /**
   * Delivers a message once more than it would be: adds a visible copy with the same id, as at-least-once delivery may.
   * Deleting one copy leaves the other.
   *
   * @throws LocalCloudError `UNKNOWN_MESSAGE` when the queue does not hold it
   */
  duplicate(queueArn: string, messageId: string): void {
    if (!this.#messages.duplicate(this.#queues.byArn(queueArn), messageId))
      throw new LocalCloudError(
        'UNKNOWN_MESSAGE',
        `${queueArn} holds no message ${messageId} to deliver twice.`,
      );
  }

  /** Holds a visible message back for so many seconds, as late delivery does; any other message stays as it is. */
  holdBack(queueArn: string, messageId: string, seconds: number): void {
    this.#messages.holdBack(this.#queues.byArn(queueArn), messageId, seconds);
  }

  #intercepted(operations: Record<string, Operation>): Record<string, Operation> {
    return Object.fromEntries(
      Object.entries(operations).map(([name, operation]): [string, Operation] => [
        name,
        (input, ...request) => {
          const intercepting = this.intercept?.(name, input);
          return intercepting
            ? intercepting.then(() => operation(input, ...request))
            : operation(input, ...request);
        },
      ]),
    );
  }

  #interceptNow(operation: string, queue: Queue, input: () => object): void {
    const intercepting = this.intercept?.(operation, { QueueUrl: this.queueUrl(queue.name), ...input() });
    if (intercepting)
      throw new LocalCloudError(
        'ASYNC_INTERCEPT',
        `Sqs.intercept answered a promise for ${operation} called in process, which is synchronous.`,
      );
  }
}
