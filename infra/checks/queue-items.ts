import { Stack } from 'aws-cdk-lib';
import { maxReceiveCount } from '../../shared/jobs/define-job.ts';
import type { AppResource, AppResources } from './app-resources.ts';
import { contractOf } from './contract-of.ts';

export interface Refusal {
  readonly item: string;
  /** The construct that lacks it. */
  readonly path: string;
  /** What it lacks, and what follows. */
  readonly lacks: string;
  /** What to do. */
  readonly mend: string;
}

interface QueueItem {
  readonly item: string;
  readonly refuse: (mapping: AppResource, resources: AppResources) => readonly Omit<Refusal, 'item'>[];
}

const QUEUE = 'AWS::SQS::Queue';
const FUNCTION = 'AWS::Lambda::Function';
const ALARM = 'AWS::CloudWatch::Alarm';

/** What the items look at. */
export const READ_TYPES: readonly string[] = [QUEUE, FUNCTION, ALARM, 'AWS::Lambda::EventSourceMapping'];

/**
 * Times the function's timeout, besides the batch window: while a throttled mapping tries again, the message must stay hidden.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export const FUNCTION_TIMEOUTS_HIDDEN = 6;

/** What CloudFormation takes where the template says nothing. */
const DEFAULT_VISIBILITY_SECONDS = 30;
const DEFAULT_FUNCTION_SECONDS = 3;

/** The metrics of SQS that must each have an alarm, of which queue, and what nobody hears of without it. */
const WATCHED = [
  ['ApproximateNumberOfMessagesVisible', 'dead', 'jobs that were given up on'],
  ['ApproximateAgeOfOldestMessage', 'own', 'jobs that wait too long, or until SQS deletes them'],
  [
    'ApproximateNumberOfMessagesNotVisible',
    'own',
    'the number in flight at which SQS silently stops delivering',
  ],
] as const;

/** What each queue that feeds a function must have. */
export const QUEUE_ITEMS: readonly QueueItem[] = [
  {
    item: 'dead-letter queue',
    refuse: onQueue((queue, _mapping, resources) => {
      const { maxReceiveCount: receives } = queue.properties.RedrivePolicy ?? {};
      const job = contractOf(queue.construct);
      if (receives === undefined)
        return {
          lacks: 'has none, so SQS deletes a job that always fails when its retention ends, without a trace',
          mend: 'give it deadLetterQueue: { queue, maxReceiveCount }, or make it with JobQueue',
        };
      const needed = job && contractSchedule(job) ? maxReceiveCount(job) : 1;
      if (Number(receives) < needed)
        return {
          lacks: `moves a job there at receive ${receives}, before the schedule of "${job?.type}" is over`,
          mend: `set maxReceiveCount to ${needed} or more`,
        };
      if (deadLetterQueue(queue, resources) === undefined)
        return {
          lacks: 'names a dead-letter queue that is not of this app, so nothing can be said of it',
          mend: 'make the dead-letter queue in this app',
        };
      return undefined;
    }),
  },
  {
    item: 'jitter',
    refuse: onQueue((queue) => {
      const job = contractOf(queue.construct);
      return job && contractSchedule(job)
        ? undefined
        : {
            lacks: `${job ? `has the contract "${job.type}" without a schedule` : 'has no contract'}, so jobs that failed together come back together`,
            mend: job ? 'define the contract with defineJob' : TELL_CONTRACT,
          };
    }),
  },
  {
    item: 'key',
    refuse: onQueue((queue) => {
      const job = contractOf(queue.construct);
      return typeof (job as { readonly key?: unknown } | undefined)?.key === 'function'
        ? undefined
        : {
            lacks: `${job ? `has the contract "${job.type}" without a key` : 'has no contract'}, so a message that comes twice is work done twice`,
            mend: job ? 'define the contract with defineJob, which requires a key' : TELL_CONTRACT,
          };
    }),
  },
  {
    item: 'partial batch responses',
    refuse: ({ path, properties }) =>
      [properties.FunctionResponseTypes ?? []].flat().includes('ReportBatchItemFailures')
        ? []
        : [
            {
              path,
              lacks: 'reports none, so one failed job makes its whole batch run again',
              mend: 'set reportBatchItemFailures: true, and answer with batchItemFailures',
            },
          ],
  },
  {
    item: 'concurrency bound',
    refuse: ({ path, properties }) =>
      properties.ScalingConfig?.MaximumConcurrency === undefined
        ? [
            {
              path,
              lacks: 'has none, so a full queue takes every concurrent execution of the account',
              mend: 'set maxConcurrency on the mapping (2 to 1,000); not reserved concurrency, whose throttles spend receives',
            },
          ]
        : [],
  },
  {
    item: 'encryption',
    refuse: (mapping, resources) => {
      const queue = queueOf(mapping, resources);
      return [queue, queue && deadLetterQueue(queue, resources)]
        .filter((one) => one !== undefined)
        .filter(
          ({ properties }) =>
            properties.SqsManagedSseEnabled !== true && properties.KmsMasterKeyId === undefined,
        )
        .map(({ path }) => ({
          path,
          lacks: 'says none, so whether bodies lie in the clear depends on the account',
          mend: 'set encryption: QueueEncryption.SQS_MANAGED, which is free',
        }));
    },
  },
  {
    item: 'alarms',
    refuse: (mapping, resources) => {
      const queue = queueOf(mapping, resources);
      if (!queue) return [];
      const watched = { own: queue, dead: deadLetterQueue(queue, resources) };
      return WATCHED.flatMap(([metric, which, unheard]) => {
        const subject = watched[which];
        return subject === undefined || hasAlarm(subject, metric, resources)
          ? []
          : [
              {
                path: subject.path,
                lacks: `has no alarm with an action on ${metric}, so nobody hears of ${unheard}`,
                mend: 'make one that tells the alarm topic, or make the queue with JobQueue',
              },
            ];
      });
    },
  },
  {
    item: 'visibility timeout',
    refuse: onQueue((queue, mapping, resources) => {
      const consumer = functionOf(mapping, resources);
      if (!consumer) return undefined;
      const timeout = Number(consumer.properties.Timeout ?? DEFAULT_FUNCTION_SECONDS);
      const window = Number(mapping.properties.MaximumBatchingWindowInSeconds ?? 0);
      const needed = FUNCTION_TIMEOUTS_HIDDEN * timeout + window;
      const hidden = Number(queue.properties.VisibilityTimeout ?? DEFAULT_VISIBILITY_SECONDS);
      return hidden >= needed
        ? undefined
        : {
            lacks: `hides a message for ${hidden} s, less than ${FUNCTION_TIMEOUTS_HIDDEN} times the ${timeout} s of ${consumer.path}${window > 0 ? ` and its batch window of ${window} s` : ''}, so jobs come again while they run`,
            mend: `set visibilityTimeout to ${needed} s or more`,
          };
    }),
  },
];

const TELL_CONTRACT = 'make the queue with JobQueue, or say what it carries: carries(queue, job)';

/** An item of the queue itself; a mapping of another app's queue passes. */
function onQueue(
  refuse: (
    queue: AppResource,
    mapping: AppResource,
    resources: AppResources,
  ) => Pick<Refusal, 'lacks' | 'mend'> | undefined,
): QueueItem['refuse'] {
  return (mapping, resources) => {
    const queue = queueOf(mapping, resources);
    const refusal = queue && refuse(queue, mapping, resources);
    return refusal ? [{ path: queue.path, ...refusal }] : [];
  };
}

/** A hand-made contract may lack what the type demands. */
function contractSchedule(job: { readonly schedule?: { readonly delaysSeconds?: unknown } }): boolean {
  return Array.isArray(job.schedule?.delaysSeconds);
}

function queueOf({ construct, properties }: AppResource, resources: AppResources): AppResource | undefined {
  return resources.target(properties.EventSourceArn, Stack.of(construct), QUEUE, 'QueueName');
}

function functionOf(
  { construct, properties }: AppResource,
  resources: AppResources,
): AppResource | undefined {
  return resources.target(properties.FunctionName, Stack.of(construct), FUNCTION, 'FunctionName');
}

function deadLetterQueue(
  { construct, properties }: AppResource,
  resources: AppResources,
): AppResource | undefined {
  const arn = properties.RedrivePolicy?.deadLetterTargetArn;
  return arn === undefined ? undefined : resources.target(arn, Stack.of(construct), QUEUE, 'QueueName');
}

interface AlarmMetric {
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}

function hasAlarm(queue: AppResource, metricName: string, resources: AppResources): boolean {
  return resources.ofType(ALARM).some(({ construct, properties }) => {
    if ([properties.AlarmActions ?? []].flat().length === 0) return false;
    const within = ((properties.Metrics ?? []) as { MetricStat?: { Metric: AlarmMetric } }[]).flatMap(
      ({ MetricStat }) => MetricStat?.Metric ?? [],
    );
    return [properties as AlarmMetric, ...within].some(
      ({ MetricName, Dimensions = [] }) =>
        MetricName === metricName &&
        Dimensions.some(
          ({ Name, Value }) =>
            Name === 'QueueName' &&
            resources.target(Value, Stack.of(construct), QUEUE, 'QueueName')?.construct === queue.construct,
        ),
    );
  });
}
