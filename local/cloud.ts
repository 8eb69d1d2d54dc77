import { CloudTime } from './cloud-time.ts';
import { CloudWatch, CloudWatchLogs } from './cloudwatch/index.ts';
import { DynamoDb } from './dynamodb/index.ts';
import { EventBridge } from './events/index.ts';
import { Deliveries, Faults } from './faults/index.ts';
import { Iam } from './iam/index.ts';
import type { RunningClock } from './kernel/clock.ts';
import { LocalCloudError } from './kernel/errors.ts';
import { CloudServer } from './kernel/server.ts';
import type { CloudContext, Service } from './kernel/service.ts';
import { openStore } from './kernel/store.ts';
import { Kms } from './kms/index.ts';
import { Lambda, type LogLine } from './lambda/index.ts';
import { S3 } from './s3/index.ts';
import { Scheduler } from './scheduler/index.ts';
import { SecretsManager } from './secretsmanager/index.ts';
import { Ses } from './ses/index.ts';
import { Sns } from './sns/index.ts';
import { Sqs } from './sqs/index.ts';
import { StepFunctions } from './states/index.ts';
import {
  type Assembly,
  type Deployment,
  deployAssembly,
  readAssembly,
  removeLeftovers,
} from './template/index.ts';

const DEFAULT_REGION = 'us-east-1';
const DEFAULT_ACCOUNT_ID = '000000000000';

export interface LocalCloudOptions {
  /** The folder that `cdk synth` wrote. */
  readonly assembly: string;
  /** Where the state is kept; in memory without one. */
  readonly dataDirectory?: string | undefined;
  /** On 127.0.0.1; 0 takes a free one. @default 0 */
  readonly port?: number | undefined;
  /** A clock of one's own, to move time by hand. @default one that starts now, or where the state's time ended */
  readonly clock?: RunningClock | undefined;
  /** Cloud seconds a real second while no function runs. @default 1 */
  readonly factor?: number | undefined;
  /** How many invocations run at a time. @default 8 */
  readonly maxWorkers?: number | undefined;
  /** Each line that a function or Lambda itself logs. */
  readonly onLog?: ((line: LogLine) => void) | undefined;
  /** Makes the cloud's own random choices repeat. */
  readonly seed?: number | undefined;
}

/** The deployed template, running. */
export interface LocalCloud {
  readonly endpoint: string;
  /**
   * What an AWS SDK or the AWS CLI needs in its environment in order to talk to this cloud. Version 1 of the CLI needs
   * `--endpoint-url` as well: for SQS it ignores the variable (https://github.com/aws/aws-cli/issues/8737).
   */
  readonly environment: Readonly<Record<string, string>>;
  readonly region: string;
  readonly accountId: string;
  readonly clock: RunningClock;
  readonly deployment: Deployment;
  readonly sqs: Sqs;
  readonly dynamodb: DynamoDb;
  readonly lambda: Lambda;
  readonly cloudwatch: CloudWatch;
  readonly logs: CloudWatchLogs;
  readonly ses: Ses;
  readonly sns: Sns;
  readonly s3: S3;
  readonly scheduler: Scheduler;
  readonly states: StepFunctions;
  readonly events: EventBridge;
  readonly secretsManager: SecretsManager;
  readonly iam: Iam;
  readonly faults: Faults;
  /** Nothing runs, no queue with an enabled mapping has a visible message, and no event is due. */
  idle(): boolean;
  /**
   * When the next hidden or delayed message of such a queue becomes visible, the next event of an asynchronous invocation is
   * retried, the next of SES's is published, the next schedule fires, an event is brought to its target, or a wait, retry or time-out of an execution is over (cloud
   * time, ms); `undefined` when nothing will happen
   * by itself.
   */
  nextEventMs(): number | undefined;
  /** Lets running invocations end, keeps the state and closes the port. */
  stop(): Promise<void>;
}

/**
 * Starts the cloud and deploys an assembly into it. State of an earlier run in the same folder goes on.
 *
 * @throws LocalCloudError for what a person must mend: port in use, unknown resource, corrupt state
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const assembly = readAssembly(options.assembly);
  // Functions run in UTC on Lambda. A thread has no time zone of its own: it is the process's.
  process.env.TZ = 'UTC';
  const store = openStore(options.dataDirectory);
  let started: (() => Promise<void>) | undefined;
  try {
    const time = new CloudTime(store, options);
    const { clock } = time;
    let endpoint = '';
    const context: CloudContext = {
      clock,
      store,
      region: only(assembly, 'region') ?? DEFAULT_REGION,
      accountId: only(assembly, 'accountId') ?? DEFAULT_ACCOUNT_ID,
      endpoint: () => endpoint,
      random: options.seed === undefined ? Math.random : seededRandom(options.seed),
    };
    const iam = new Iam(context);
    const sqs = new Sqs(context);
    const dynamodb = new DynamoDb(context);
    const logs = new CloudWatchLogs(context);
    const sns = new Sns(context, {
      sqs,
      lambda: {
        invokeLater: (reference, payload) => lambda.invokeLater(reference, payload),
        permissionsOf: (reference) => lambda.permissionsOf(reference),
      },
    });
    const ses = new Ses(context, { sns });
    const kms = new Kms(context);
    const s3 = new S3(context);
    const secretsManager = new SecretsManager(context);
    const cloudwatch = new CloudWatch(context, { sqs, sns });
    const scheduler = new Scheduler(context, {
      sqs,
      iam,
      onMetric: (metric) => cloudwatch.record(metric),
    });
    const deliveries = new Deliveries(sqs);
    const lambda = new Lambda(context, {
      sqs: deliveries,
      maxWorkers: options.maxWorkers,
      onLog: (line) => {
        logs.append(line.logGroup, line.logStream, line.line, line.atMs);
        cloudwatch.recordEmf(line.line, line.atMs, line.logGroup);
        options.onLog?.(line);
      },
      onMetric: (metric) => cloudwatch.record(metric),
    });
    const events = new EventBridge(context, {
      sqs,
      lambda,
      accountId: context.accountId,
      onMetric: (metric) => cloudwatch.record(metric),
    });
    const states = new StepFunctions(context, {
      iam,
      lambda,
      services: () => services,
      onMetric: (metric) => cloudwatch.record(metric),
      onEvent: (event) => events.accept(event),
    });
    const faults = new Faults({ lambda, deliveries, events });
    const services: readonly Service[] = [
      states,
      events,
      lambda,
      sqs,
      dynamodb,
      cloudwatch,
      logs,
      ses,
      sns,
      s3,
      scheduler,
      secretsManager,
    ];
    const server = new CloudServer(
      services.map((service) => faults.observed(service)),
      clock,
    );
    const stop = async (): Promise<void> => {
      // Those that call functions and the functions first: what still runs needs the services until it ends.
      for (const service of services) await service.stop?.();
      await server.close();
      time.close();
      clock.stop();
      store.close();
    };
    started = stop;
    endpoint = `http://127.0.0.1:${await server.listen(options.port ?? 0)}`;
    const providers = [
      iam,
      sqs,
      dynamodb,
      lambda,
      cloudwatch,
      logs,
      ses,
      sns,
      s3,
      secretsManager,
      scheduler,
      states,
      events,
      kms,
    ].flatMap((room) => room.providers());
    const deployment = deployAssembly(assembly, providers, context);
    removeLeftovers(deployment, providers, store);
    for (const service of services) service.start?.();
    return {
      endpoint,
      environment: {
        AWS_ENDPOINT_URL: endpoint,
        AWS_REGION: context.region,
        // What boto3 and version 1 of the AWS CLI read instead.
        AWS_DEFAULT_REGION: context.region,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
      },
      region: context.region,
      accountId: context.accountId,
      clock,
      deployment,
      sqs,
      dynamodb,
      lambda,
      cloudwatch,
      logs,
      ses,
      sns,
      s3,
      scheduler,
      states,
      events,
      secretsManager,
      iam,
      faults,
      idle: () =>
        !lambda.busy &&
        !ses.busy &&
        !scheduler.busy &&
        !states.busy &&
        !events.busy &&
        mappedQueues(lambda).every((queueArn) => sqs.counts(queueArn).visible === 0),
      nextEventMs: () =>
        earliest([
          lambda.nextEventMs,
          ses.nextEventMs,
          scheduler.nextEventMs,
          states.nextEventMs,
          events.nextEventMs,
          ...mappedQueues(lambda).map((queueArn) => sqs.nextEventMs(queueArn)),
        ]),
      stop,
    };
  } catch (error) {
    await (started?.() ?? store.close());
    throw error;
  }
}

function mappedQueues(lambda: Lambda): readonly string[] {
  return [...lambda.mappings.values()]
    .filter(({ configuration }) => configuration.enabled)
    .map(({ configuration }) => configuration.queueArn);
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** The region or the account that the stacks are bound to. There is one cloud, so they must agree. */
function only(assembly: Assembly, aspect: 'region' | 'accountId'): string | undefined {
  const [value, ...others] = new Set(assembly.stacks.flatMap((stack) => stack[aspect] ?? []));
  if (others.length > 0)
    throw new LocalCloudError(
      'UNSUPPORTED_ENVIRONMENT',
      `The stacks are bound to more than one ${aspect} (${[value, ...others].join(', ')}); the local cloud is one of each.`,
    );
  return value;
}

/** Mulberry32: small, fast, and the same numbers from the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
