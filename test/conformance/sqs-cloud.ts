import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  type ListMessageMoveTasksResultEntry,
  type Message,
  type QueueAttributeName,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageCommand,
  SQSClient,
  type SQSServiceException,
} from '@aws-sdk/client-sqs';
import type { TestContext } from 'vitest';
import { Sqs } from '../../local/sqs/index.ts';
import { target } from './endpoint.ts';

/** The longest that a test against a cloud whose clock cannot be moved sleeps. */
const LONGEST_SLEEP_SECONDS = 5;
/** Few, so that a test can reach it; no other cloud lets itself be set so. */
const EMBEDDED_IN_FLIGHT_LIMIT = 20;

export type Attributes = Partial<Record<QueueAttributeName, string>>;

/** SQS at the target, with the few steps that nearly every test of the suite takes. */
export class SqsCloud {
  readonly client: SQSClient;
  readonly kind: string;
  readonly #target: Awaited<ReturnType<typeof target>>;
  readonly #made: string[] = [];

  constructor(reached: Awaited<ReturnType<typeof target>>) {
    this.#target = reached;
    this.kind = reached.kind;
    this.client = new SQSClient({ ...reached.client, maxAttempts: 1 });
  }

  static async open(): Promise<SqsCloud> {
    return new SqsCloud(
      await target((context) => [new Sqs(context, { inFlightLimitMessages: EMBEDDED_IN_FLIGHT_LIMIT })]),
    );
  }

  async close(): Promise<void> {
    if (this.kind !== 'embedded') for (const QueueUrl of this.#made) await this.#delete(QueueUrl);
    this.client.destroy();
    await this.#target.stop();
  }

  async #delete(QueueUrl: string): Promise<void> {
    try {
      await this.client.send(new DeleteQueueCommand({ QueueUrl }));
    } catch (error) {
      // A test has deleted it.
      if (!(error instanceof QueueDoesNotExist)) throw error;
    }
  }

  /** The in-flight limit, or a skip where it is too far off to be reached. */
  inFlightLimit(test: TestContext): number {
    if (this.kind !== 'embedded')
      test.skip('filling a queue with 120,000 messages in flight takes too long here');
    return EMBEDDED_IN_FLIGHT_LIMIT;
  }

  uniqueName(): string {
    return `conformance-${crypto.randomUUID()}`;
  }

  async queue(attributes: Attributes = {}): Promise<string> {
    const { QueueUrl = '' } = await this.client.send(
      new CreateQueueCommand({ QueueName: this.uniqueName(), Attributes: attributes }),
    );
    this.#made.push(QueueUrl);
    return QueueUrl;
  }

  /** A queue with a dead-letter queue after `maxReceiveCount` receives. */
  async pair(maxReceiveCount: number, attributes: Attributes = {}, deadLetterAttributes: Attributes = {}) {
    const deadLetterUrl = await this.queue(deadLetterAttributes);
    const deadLetterArn = await this.arn(deadLetterUrl);
    const url = await this.queue({
      VisibilityTimeout: '0',
      ...attributes,
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetterArn, maxReceiveCount }),
    });
    return { url, arn: await this.arn(url), deadLetterUrl, deadLetterArn };
  }

  async attributes(url: string): Promise<Attributes> {
    const { Attributes = {} } = await this.client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
    );
    return Attributes;
  }

  async arn(url: string): Promise<string> {
    return (await this.attributes(url)).QueueArn ?? '';
  }

  /** @returns the message's id */
  async send(url: string, body: string): Promise<string> {
    const { MessageId = '' } = await this.client.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: body }),
    );
    return MessageId;
  }

  /** All system attributes are asked for unless the test names some. */
  async receive(url: string, options: Omit<ReceiveMessageCommandInput, 'QueueUrl'> = {}): Promise<Message[]> {
    const { Messages = [] } = await this.client.send(
      new ReceiveMessageCommand({ QueueUrl: url, MessageSystemAttributeNames: ['All'], ...options }),
    );
    return Messages;
  }

  /** Receives one message that must be there; a distributed queue may need a moment to find it. */
  async receiveOne(
    url: string,
    options: Omit<ReceiveMessageCommandInput, 'QueueUrl'> = {},
  ): Promise<Message> {
    const [message] = await this.receive(url, {
      ...(this.kind !== 'embedded' && { WaitTimeSeconds: 5 }),
      ...options,
    });
    if (message === undefined) throw new Error(`nothing to receive from ${url}`);
    return message;
  }

  /** Sends a message and receives it until the redrive policy has moved it. */
  async deadLetter(pair: { url: string; deadLetterUrl: string }, body: string): Promise<void> {
    await this.send(pair.url, body);
    while ((await this.receive(pair.url, { VisibilityTimeout: 0 })).length > 0);
  }

  /** Lets `seconds` pass: at once by moving the clock where there is one, really where that is short, else skips. */
  async pass(seconds: number, test: TestContext): Promise<void> {
    if (this.#target.clock) return this.#target.clock.advance(seconds * 1000);
    if (seconds > LONGEST_SLEEP_SECONDS)
      test.skip(`needs ${seconds} s to pass, and only the embedded cloud's clock can be moved`);
    await sleep(seconds * 1000);
  }

  /** The newest message-move task of a dead-letter queue once it is over. */
  async endedTask(sourceArn: string): Promise<ListMessageMoveTasksResultEntry> {
    for (;;) {
      const { Results = [] } = await this.client.send(
        new ListMessageMoveTasksCommand({ SourceArn: sourceArn }),
      );
      const [task] = Results;
      if (task === undefined) throw new Error(`${sourceArn} has no message-move task`);
      if (task.Status !== 'RUNNING' && task.Status !== 'CANCELLING') return task;
      if (this.#target.clock) await this.#target.clock.advance(100);
      else await sleep(1000);
    }
  }
}

/** The error code of a request that must fail, as SDKs of every language show it. */
export async function failure(request: Promise<unknown>): Promise<string> {
  try {
    await request;
  } catch (error) {
    return (error as SQSServiceException & { Code?: string }).Code ?? (error as Error).name;
  }
  throw new Error('the request succeeded');
}
