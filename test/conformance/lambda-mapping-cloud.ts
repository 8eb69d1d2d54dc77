import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingRequest,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { PurgeQueueCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { TestContext } from 'vitest';
import { Lambda } from '../../local/lambda/index.ts';
import { Sqs } from '../../local/sqs/index.ts';
import { type Target, target } from './endpoint.ts';
import { createFunction, deployFunction, type SuiteFunction } from './functions.ts';
import { type Attributes, SqsCloud } from './sqs-cloud.ts';

const LONGEST_WAIT_SECONDS = 120;

export interface MappedOptions {
  readonly mapping?: Omit<CreateEventSourceMappingRequest, 'EventSourceArn' | 'FunctionName'>;
  readonly queue?: Attributes;
  readonly timeoutSeconds?: number;
  readonly reservedConcurrency?: number;
}

export interface Mapped {
  readonly queueUrl: string;
  readonly functionName: string;
  readonly uuid: string;
}

/** A queue that is mapped to the suite's function, at the target. */
export class MappingCloud {
  readonly sqs: SqsCloud;
  readonly client: LambdaClient;
  readonly #target: Target;
  readonly #embedded: Lambda | undefined;
  readonly #made: Mapped[] = [];
  #quiet = 0;

  private constructor(reached: Target, embedded: Lambda | undefined) {
    this.#target = reached;
    this.#embedded = embedded;
    this.sqs = new SqsCloud(reached);
    this.client = new LambdaClient({ ...reached.client, maxAttempts: 1 });
  }

  static async open(): Promise<MappingCloud> {
    let embedded: Lambda | undefined;
    const reached = await target((context) => {
      const sqs = new Sqs(context);
      embedded = new Lambda(context, { sqs });
      // Lambda first: it stops before the queues that it polls.
      return [embedded, sqs];
    });
    return new MappingCloud(reached, embedded);
  }

  async close(): Promise<void> {
    if (!this.#embedded)
      for (const { uuid, functionName } of this.#made) {
        await this.client.send(new DeleteEventSourceMappingCommand({ UUID: uuid }));
        await this.client.send(new DeleteFunctionCommand({ FunctionName: functionName }));
      }
    this.client.destroy();
    await this.sqs.close();
  }

  /** Empties the queues that the last test mapped, so that what fails for ever in them does not run on. */
  async quiet(): Promise<void> {
    for (const { queueUrl } of this.#made.slice(this.#quiet))
      await this.sqs.client.send(new PurgeQueueCommand({ QueueUrl: queueUrl }));
    this.#quiet = this.#made.length;
  }

  /** The embedded Lambda, or a skip where the cloud cannot be looked into. */
  inside(test: TestContext): Lambda {
    if (!this.#embedded) test.skip('this cloud does not show how many invocations run');
    return this.#embedded as Lambda;
  }

  async mapped(options: MappedOptions = {}): Promise<Mapped> {
    const queueUrl = await this.sqs.queue({ VisibilityTimeout: '30', ...options.queue });
    const functionName = this.sqs.uniqueName();
    const queueArn = await this.sqs.arn(queueUrl);
    const uuid = this.#embedded
      ? deploy(this.#embedded, functionName, queueArn, options)
      : await this.#create(functionName, queueArn, options);
    const made = { queueUrl, functionName, uuid };
    this.#made.push(made);
    return made;
  }

  /** Sends messages in one request, so that they are received together. */
  async send({ queueUrl }: Mapped, bodies: readonly object[]): Promise<void> {
    await this.sqs.client.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: bodies.map((body, index) => ({
          Id: String(index),
          MessageBody: JSON.stringify(body),
          MessageAttributes: { colour: { DataType: 'String', StringValue: 'red' } },
        })),
      }),
    );
  }

  /** Waits until the queue holds so many messages, visible and in flight, and nothing runs. */
  async leaves(mapped: Mapped, visible: number, inFlight: number): Promise<void> {
    await this.until(async () => {
      const found = await this.sqs.attributes(mapped.queueUrl);
      return (
        Number(found.ApproximateNumberOfMessages) === visible &&
        Number(found.ApproximateNumberOfMessagesNotVisible) === inFlight &&
        !this.#embedded?.busy
      );
    });
  }

  /** Waits, without moving time. */
  async until(condition: () => Promise<boolean> | boolean): Promise<void> {
    const pauseMs = this.#embedded ? 2 : 1000;
    for (let left = (LONGEST_WAIT_SECONDS * 1000) / pauseMs; !(await condition()); left--) {
      if (left <= 0) throw new Error(`not within ${LONGEST_WAIT_SECONDS} seconds`);
      await sleep(pauseMs);
    }
  }

  /** Lets time pass; an invocation that runs, or begins meanwhile, has all the time that it needs. */
  async pass(seconds: number): Promise<void> {
    if (this.#target.clock) await this.#target.clock.pass(seconds * 1000);
    else await sleep(seconds * 1000);
  }

  /** Lets so much time pass where the clock can be moved; elsewhere the wait for what follows takes as long as it takes. */
  async passUpTo(seconds: number): Promise<void> {
    await this.#target.clock?.pass(seconds * 1000);
  }

  async #create(functionName: string, queueArn: string, options: MappedOptions): Promise<string> {
    await createFunction(this.client, suiteFunction(functionName, options));
    const { UUID = '' } = await this.client.send(
      new CreateEventSourceMappingCommand({
        ...options.mapping,
        FunctionName: functionName,
        EventSourceArn: queueArn,
      }),
    );
    return UUID;
  }
}

/** The embedded cloud's functions come from its template. */
function deploy(lambda: Lambda, functionName: string, queueArn: string, options: MappedOptions): string {
  const provision = deployFunction(lambda, suiteFunction(functionName, options));
  const mapping = { ...options.mapping, FunctionName: functionName, EventSourceArn: queueArn };
  return provision('AWS::Lambda::EventSourceMapping', mapping).ref;
}

function suiteFunction(name: string, { timeoutSeconds, reservedConcurrency }: MappedOptions): SuiteFunction {
  return { name, folder: 'lambda-mapping-handler', timeoutSeconds, reservedConcurrency };
}
