import { Readable } from 'node:stream';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateScheduleGroupCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { DynamoDb } from '../../local/dynamodb/index.ts';
import type { CloudContext, Service, ServiceResponse } from '../../local/kernel/service.ts';
import { openStore, type Store } from '../../local/kernel/store.ts';
import type { InvocationResult } from '../../local/lambda/invocation.ts';
import { S3 } from '../../local/s3/index.ts';
import { Scheduler } from '../../local/scheduler/index.ts';
import { Sqs } from '../../local/sqs/index.ts';
import { type ServiceEvent, StepFunctions } from '../../local/states/index.ts';
import { CLIENT_DEFAULTS } from '../../shared/consumer/default-runtime.ts';
import { JOB_ID_INDEX, tableName } from '../../shared/jobs/names.ts';
import { currentProcess, type Process, runIn, type VirtualClock } from './virtual-time.ts';

export const REGION = 'us-east-1';
export const ACCOUNT_ID = '000000000000';
export const SCHEDULE_GROUP = 'simulation';
export const STAGE = 'simulation';
export const BUCKET = 'simulation';
export const TABLES = {
  jobs: tableName(STAGE, 'jobs'),
  entries: 'entries',
  accounts: 'accounts',
  states: 'states',
  endpoints: 'endpoints',
  deliveries: 'deliveries',
} as const;

/** A call of an SDK client on its way to the cloud. */
export interface Call {
  readonly service: 'sqs' | 'dynamodb' | 'scheduler' | 'states' | 's3';
  readonly operation: string;
  readonly process: Process | undefined;
  /** JSON, or an object of S3; what arrives may be another. */
  body: string;
  /** Of S3: the bucket and the object's key. */
  readonly path: string;
}

/** What befalls a call. Everything absent: nothing. */
export interface Fate {
  /** The caller dies `before` the request leaves it, or `after` the cloud has done it and before its answer comes. */
  readonly dies?: 'before' | 'after';
  /** Answered with this instead of being done (`before`), or done and answered with this (`after`). */
  readonly fails?: {
    readonly moment: 'before' | 'after';
    readonly status: number;
    readonly code: string;
    readonly details?: object;
  };
  /** No answer ever comes; it was done nevertheless (`after`) or was not. */
  readonly silent?: 'before' | 'after';
  /** Changes an answer. */
  readonly answers?: (response: ServiceResponse) => ServiceResponse;
  /** On its way there and back. */
  readonly travelMs: readonly [number, number];
}

export interface Network {
  fate(call: Call): Fate;
  /** About to be done. */
  arrives(call: Call): void;
  done(call: Call, response: ServiceResponse): void;
  /** The scheduler is about to send this. */
  scheduled(body: string): void;
  kill(process: Process): void;
  /** A state machine calls a function. @throws AwsError */
  invoke(functionArn: string, payload: string): Promise<InvocationResult>;
  /** An execution has begun, or ended. */
  execution(event: ServiceEvent): void;
}

/** The local cloud's own models of the services, and the real SDK clients on top of them, without a socket between. */
export class SimulatedCloud {
  readonly store: Store;
  readonly sqs: Sqs;
  readonly dynamo: DynamoDb;
  readonly context: CloudContext;
  readonly scheduler: Scheduler;
  readonly states: StepFunctions;
  readonly s3: S3;
  readonly clients: {
    readonly sqs: SQSClient;
    readonly dynamo: DynamoDBDocumentClient;
    readonly scheduler: SchedulerClient;
    readonly sfn: SFNClient;
    readonly s3: S3Client;
  };
  readonly #services: Readonly<Record<Call['service'], Service>>;
  readonly #clock: VirtualClock;
  readonly #network: Network;

  private constructor(
    clock: VirtualClock,
    random: () => number,
    network: Network,
    inFlightLimitMessages: number | undefined,
  ) {
    this.#clock = clock;
    this.#network = network;
    this.store = openStore();
    this.context = {
      clock,
      store: this.store,
      region: REGION,
      accountId: ACCOUNT_ID,
      endpoint: () => 'http://simulation',
      random,
    };
    this.sqs = new Sqs(this.context, inFlightLimitMessages === undefined ? {} : { inFlightLimitMessages });
    this.dynamo = new DynamoDb(this.context);
    this.scheduler = new Scheduler(this.context, {
      sqs: {
        arnOf: (name) => this.sqs.arnOf(name),
        send: (queueArn, message) => {
          network.scheduled(message.MessageBody);
          return this.sqs.send(queueArn, message);
        },
      },
      iam: EVERYTHING_ALLOWED,
    });
    this.states = new StepFunctions(this.context, {
      iam: EVERYTHING_ALLOWED,
      lambda: {
        function: (arn: string) => ({ arn }),
        invoke: (arn: string, payload: string) => network.invoke(arn, payload),
      } as never,
      services: () => [],
      onEvent: (event) => network.execution(event),
    });
    this.s3 = new S3(this.context);
    this.#services = {
      sqs: this.sqs,
      dynamodb: this.dynamo,
      scheduler: this.scheduler,
      states: this.states,
      s3: this.s3,
    };
    const client = (service: Call['service']) => ({
      region: REGION,
      endpoint: 'http://simulation',
      // Its rules would say the same, and are asked at each call.
      endpointProvider: () => ENDPOINT,
      credentials: { accessKeyId: 'simulation', secretAccessKey: 'simulation' },
      maxAttempts: CLIENT_DEFAULTS.maxAttempts,
      requestHandler: {
        handle: (request: HttpRequestLike, options?: RequestOptions) =>
          this.#handle(service, request, options),
      } as never,
      // Nobody checks signatures here, and each costs as much as the rest of a call.
      signer: { sign: async (request: unknown) => request } as never,
    });
    this.clients = {
      sqs: new SQSClient(client('sqs')),
      dynamo: DynamoDBDocumentClient.from(new DynamoDBClient(client('dynamodb')), {
        marshallOptions: { removeUndefinedValues: true },
      }),
      scheduler: new SchedulerClient(client('scheduler')),
      sfn: new SFNClient(client('states')),
      s3: new S3Client({
        ...client('s3'),
        endpointProvider: ({ Bucket }: { Bucket?: string }) =>
          Bucket === undefined ? ENDPOINT : { url: new URL(`http://simulation/${Bucket}`) },
      } as never),
    };
    for (const { middlewareStack } of Object.values(this.clients))
      for (const name of UNREAD) middlewareStack.remove(name);
  }

  static async start(
    clock: VirtualClock,
    random: () => number,
    network: Network,
    inFlightLimitMessages?: number,
  ): Promise<SimulatedCloud> {
    const cloud = new SimulatedCloud(clock, random, network, inFlightLimitMessages);
    const hash = (name: string) => ({ AttributeName: name, KeyType: 'HASH' });
    const text = (name: string) => ({ AttributeName: name, AttributeType: 'S' });
    const create = (input: object) =>
      cloud.dynamo.execute('CreateTable', { BillingMode: 'PAY_PER_REQUEST', ...input });
    await create({
      TableName: TABLES.jobs,
      AttributeDefinitions: [text('pk'), text('sk'), text('jobId')],
      KeySchema: [hash('pk'), { AttributeName: 'sk', KeyType: 'RANGE' }],
      GlobalSecondaryIndexes: [
        { IndexName: JOB_ID_INDEX, KeySchema: [hash('jobId')], Projection: { ProjectionType: 'KEYS_ONLY' } },
      ],
    });
    await create({ TableName: TABLES.entries, AttributeDefinitions: [text('pk')], KeySchema: [hash('pk')] });
    await create({
      TableName: TABLES.accounts,
      AttributeDefinitions: [text('accountId')],
      KeySchema: [hash('accountId')],
    });
    await create({
      TableName: TABLES.states,
      AttributeDefinitions: [text('subject')],
      KeySchema: [hash('subject')],
    });
    for (const [TableName, sort] of [
      [TABLES.endpoints, 'endpointId'],
      [TABLES.deliveries, 'delivery'],
    ] as const)
      await create({
        TableName,
        AttributeDefinitions: [text('tenant'), text(sort)],
        KeySchema: [hash('tenant'), { AttributeName: sort, KeyType: 'RANGE' }],
      });
    await cloud.dynamo.execute('UpdateTimeToLive', {
      TableName: TABLES.jobs,
      TimeToLiveSpecification: { AttributeName: 'expiration', Enabled: true },
    });
    await cloud.#warmUp();
    cloud.dynamo.start();
    cloud.scheduler.start();
    return cloud;
  }

  async stop(): Promise<void> {
    await this.sqs.stop();
    await this.dynamo.stop();
    await this.scheduler.stop();
    this.clients.scheduler.destroy();
    this.clients.sqs.destroy();
    this.clients.dynamo.destroy();
    this.clients.sfn.destroy();
    this.clients.s3.destroy();
    this.store.close();
  }

  /** The clients' first calls read their settings from disk, which takes real time: that must not fall into the world's. */
  async #warmUp(): Promise<void> {
    this.#cold = true;
    await this.clients.sqs.send(new ListQueuesCommand({}));
    await this.clients.dynamo.send(new GetCommand({ TableName: TABLES.entries, Key: { pk: 'none' } }));
    await this.clients.scheduler.send(new CreateScheduleGroupCommand({ Name: SCHEDULE_GROUP }));
    await this.clients.sfn.send(new ListStateMachinesCommand({}));
    await this.clients.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await this.clients.s3.send(new HeadBucketCommand({ Bucket: BUCKET }));
    this.#cold = false;
  }

  #cold = false;

  async #handle(service: Call['service'], request: HttpRequestLike, { abortSignal }: RequestOptions = {}) {
    const target = request.headers['x-amz-target'];
    const call: Call = {
      service,
      operation: target?.slice(target.lastIndexOf('.') + 1) ?? operationOf(service, request),
      process: currentProcess(),
      body: textOf(request.body),
      path: request.path,
    };
    if (this.#cold) return answer(await this.#serve(request, call), service);
    return this.#travel(request, call, abortSignal);
  }

  #travel(
    request: HttpRequestLike,
    call: Call,
    abortSignal: AbortSignal | undefined,
  ): Promise<{ response: object }> {
    const { process } = call;
    const fate = this.#network.fate(call);
    return new Promise((resolve, reject) => {
      if (abortSignal?.aborted) return reject(aborted());
      if (fate.dies === 'before' && process) return this.#network.kill(process);
      const timeout = setTimeout(
        () => reject(Object.assign(new Error('The request timed out.'), { name: 'TimeoutError' })),
        CLIENT_DEFAULTS.requestHandler.requestTimeout,
      );
      const onAbort = () => {
        clearTimeout(timeout);
        reject(aborted());
      };
      abortSignal?.addEventListener('abort', onAbort, { once: true });
      const end = (response: ServiceResponse) => {
        clearTimeout(timeout);
        abortSignal?.removeEventListener('abort', onAbort);
        resolve(answer(response, call.service));
      };
      const [thereMs, backMs] = fate.travelMs;
      this.#clock.after(thereMs, async () => {
        if (fate.silent === 'before') return;
        let response: ServiceResponse;
        if (fate.fails?.moment === 'before') response = failure(fate.fails, call.service);
        else {
          this.#network.arrives(call);
          response = await this.#serve(request, call);
          this.#network.done(call, response);
          if (fate.dies === 'after' && process) return this.#network.kill(process);
          if (fate.silent === 'after') return;
          if (fate.fails) response = failure(fate.fails, call.service);
          if (fate.answers) response = fate.answers(response);
        }
        this.#clock.schedule(backMs, () => end(response), process);
      });
    });
  }

  /** In the caller's name, so that whoever watches the tables sees who writes. */
  #serve({ method, path, headers, query = {} }: HttpRequestLike, call: Call): Promise<ServiceResponse> {
    const body = Buffer.from(call.body);
    return runIn(call.process, () =>
      this.#services[call.service].handle({
        method,
        path,
        query: call.service === 's3' ? new URLSearchParams(query) : NO_QUERY,
        headers,
        body,
        signal: NEVER,
      }),
    );
  }
}

interface HttpRequestLike {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly body?: unknown;
}

interface RequestOptions {
  readonly abortSignal?: AbortSignal;
}

const ENDPOINT = { url: new URL('http://simulation') };
const EVERYTHING_ALLOWED = { allows: () => true, mayAssume: () => true };
/** What the clients add to a request that nobody here reads. */
const UNREAD = ['getUserAgentMiddleware', 'loggerMiddleware', 'recursionDetectionMiddleware'];
const NO_QUERY = new URLSearchParams();
const NEVER = new AbortController().signal;

function answer({ status, headers, body }: ServiceResponse, service: Call['service']): { response: object } {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return {
    response: { statusCode: status, headers, body: service === 's3' ? Readable.from([bytes]) : bytes },
  };
}

function operationOf(service: Call['service'], { method }: HttpRequestLike): string {
  if (service === 's3') return method === 'PUT' ? 'PutObject' : 'GetObject';
  return 'CreateSchedule';
}

function textOf(body: unknown): string {
  if (!(body instanceof Uint8Array)) return String(body ?? '');
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
}

function failure(
  { status, code, details }: NonNullable<Fate['fails']>,
  service: Call['service'],
): ServiceResponse {
  if (service === 's3')
    return {
      status,
      headers: { 'content-type': 'application/xml' },
      body: `<Error><Code>${code}</Code><Message>The simulation says so.</Message></Error>`,
    };
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': code },
    body: JSON.stringify({ __type: code, message: 'The simulation says so.', ...details }),
  };
}

function aborted(): Error {
  return Object.assign(new Error('Request aborted'), { name: 'AbortError' });
}
