import { type CfnResource, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Dashboard, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { Code, EventSourceMapping, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { IConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { carries } from '../../../infra/checks/contract-of.ts';
import { QUEUE_ITEMS } from '../../../infra/checks/queue-items.ts';
import { settingsOf } from '../../../infra/config.ts';
import { AlarmTopic } from '../../../infra/constructs/alarm-topic.ts';
import { JobPlatform } from '../../../infra/constructs/job-platform.ts';
import { JobQueue } from '../../../infra/constructs/job-queue.ts';
import { RunbookAlarm } from '../../../infra/constructs/runbook-alarm.ts';
import { StateStack } from '../../../infra/stacks/state.ts';
import { newApp } from '../../../infra/stage.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';

const sendReceipt = defineJob({
  type: 'send-receipt',
  payload: z.object({ orderId: z.string() }),
  key: ({ orderId }) => orderId,
  timeoutSeconds: 60,
  schedule: schedule([10, 20]),
});
const offline = { context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false };

/** What synthesis says of an app, line by line; nothing where it passes. */
function refusals(construct: IConstruct): string[] {
  try {
    Template.fromStack(Stack.of(construct));
    return [];
  } catch (error) {
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

/** A job queue of the app's own construct, with something taken away afterwards. */
function jobQueueWithout(takeAway: (made: JobQueue) => void): string[] {
  const app = newApp(offline);
  const settings = settingsOf('dev');
  const state = new StateStack(app, 'State', { settings });
  const stack = new Stack(app, 'Jobs');
  new JobPlatform(stack, 'Platform', {
    settings,
    state,
    alarmTopic: new AlarmTopic(stack, 'Topic'),
    dashboard: new Dashboard(stack, 'Dashboard'),
  });
  const made = new JobQueue(stack, 'SendReceipt', { job: sendReceipt, entry: 'functions/any.ts' });
  takeAway(made);
  return refusals(made);
}

const resourceOf = (construct: IConstruct, id = 'Resource'): CfnResource =>
  construct.node.findChild(id) as CfnResource;
const mappingOf = (made: JobQueue): CfnResource => resourceOf(made.node.findChild('Mapping'));

interface HandMade {
  readonly queue?: QueueProps;
  /** `null`: none. */
  readonly contract?: object | null;
  readonly watched?: (queue: Queue, dead: Queue) => readonly IMetric[];
}

const allMetrics = (queue: Queue, dead: Queue): IMetric[] => [
  dead.metricApproximateNumberOfMessagesVisible(),
  queue.metricApproximateAgeOfOldestMessage(),
  queue.metricApproximateNumberOfMessagesNotVisible(),
];

/** A queue beside `JobQueue` that feeds a function, with all that it must have unless `changes` say otherwise. */
function handMade({ queue: props, contract = sendReceipt, watched = allMetrics }: HandMade): string[] {
  const app = newApp(offline);
  // In another stack than the mapping: what leads from one to the other is an export.
  const queues = new Stack(app, 'Queues');
  const encryption = QueueEncryption.SQS_MANAGED;
  const dead = new Queue(queues, 'Dead', { encryption });
  const queue = new Queue(queues, 'Queue', {
    encryption,
    visibilityTimeout: Duration.seconds(60),
    deadLetterQueue: { queue: dead, maxReceiveCount: 11 },
    ...props,
  });
  if (contract) carries(queue, contract as Parameters<typeof carries>[1]);
  const topic = new AlarmTopic(queues, 'Topic');
  for (const [index, metric] of watched(queue, dead).entries())
    new RunbookAlarm(queues, `Alarm${index}`, {
      subject: 'hand-made',
      name: `alarm-${index}`,
      severity: 'warning',
      says: 'something is the case',
      runbook: 'docs/runbook.md',
      metric,
      threshold: 1,
      topic,
    });
  const functions = new Stack(app, 'Functions');
  const consumer = new LambdaFunction(functions, 'Consumer', {
    code: Code.fromInline('//'),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    timeout: Duration.seconds(10),
  });
  new EventSourceMapping(functions, 'Mapping', {
    target: consumer,
    eventSourceArn: queue.queueArn,
    reportBatchItemFailures: true,
    maxConcurrency: 2,
  });
  return refusals(consumer);
}

describe('synthesis refuses a job queue', () => {
  test('without a dead-letter queue', () => {
    expect(
      jobQueueWithout(({ queue }) => resourceOf(queue).addPropertyDeletionOverride('RedrivePolicy')),
    ).toContain(
      '[Jobs/SendReceipt/Mapping/Resource] dead-letter queue: Jobs/SendReceipt/Queue/Resource has none, so SQS deletes a job that always fails when its retention ends, without a trace. Mend: give it deadLetterQueue: { queue, maxReceiveCount }, or make it with JobQueue.',
    );
  });

  test('that dead-letters before its schedule is over', () => {
    expect(
      jobQueueWithout(({ queue }) =>
        resourceOf(queue).addPropertyOverride('RedrivePolicy.maxReceiveCount', 3),
      ),
    ).toEqual([
      '[Jobs/SendReceipt/Mapping/Resource] dead-letter queue: Jobs/SendReceipt/Queue/Resource moves a job there at receive 3, before the schedule of "send-receipt" is over. Mend: set maxReceiveCount to 11 or more.',
    ]);
  });

  test('whose contract has no schedule, and so no jitter', () => {
    expect(handMade({ contract: { type: 'send-receipt', key: sendReceipt.key } })).toEqual([
      '[Functions/Mapping/Resource] jitter: Queues/Queue/Resource has the contract "send-receipt" without a schedule, so jobs that failed together come back together. Mend: define the contract with defineJob.',
    ]);
  });

  test('whose contract has no key', () => {
    const { key: _key, ...keyless } = sendReceipt;
    expect(handMade({ contract: keyless })).toEqual([
      '[Functions/Mapping/Resource] key: Queues/Queue/Resource has the contract "send-receipt" without a key, so a message that comes twice is work done twice. Mend: define the contract with defineJob, which requires a key.',
    ]);
  });

  test('without a contract: nothing says its key or its schedule', () => {
    const refused = handMade({ contract: null });
    expect(refused).toHaveLength(2);
    expect(refused[0]).toContain('jitter: Queues/Queue/Resource has no contract');
    expect(refused[1]).toContain('key: Queues/Queue/Resource has no contract');
    expect(refused[1]).toContain(
      'Mend: make the queue with JobQueue, or say what it carries: carries(queue, job).',
    );
  });

  test('without partial batch responses', () => {
    expect(
      jobQueueWithout((made) => mappingOf(made).addPropertyDeletionOverride('FunctionResponseTypes')),
    ).toEqual([
      '[Jobs/SendReceipt/Mapping/Resource] partial batch responses: Jobs/SendReceipt/Mapping/Resource reports none, so one failed job makes its whole batch run again. Mend: set reportBatchItemFailures: true, and answer with batchItemFailures.',
    ]);
  });

  test('without a bound on concurrency', () => {
    expect(jobQueueWithout((made) => mappingOf(made).addPropertyDeletionOverride('ScalingConfig'))).toEqual([
      '[Jobs/SendReceipt/Mapping/Resource] concurrency bound: Jobs/SendReceipt/Mapping/Resource has none, so a full queue takes every concurrent execution of the account. Mend: set maxConcurrency on the mapping (2 to 1,000); not reserved concurrency, whose throttles spend receives.',
    ]);
  });

  test.each(['queue', 'deadLetterQueue'] as const)('whose %s is not encrypted', (which) => {
    const [refused, ...others] = jobQueueWithout((made) =>
      resourceOf(made[which]).addPropertyDeletionOverride('SqsManagedSseEnabled'),
    );
    expect(refused).toMatch(
      /^\[Jobs\/SendReceipt\/Mapping\/Resource\] encryption: Jobs\/SendReceipt\/\w+\/Resource says none, .+ Mend: set encryption: QueueEncryption.SQS_MANAGED, which is free\.$/,
    );
    expect(refused?.toLowerCase()).toContain(`sendreceipt/${which.toLowerCase()}/`);
    expect(others).toEqual([]);
  });

  test('whose alarms are taken away, one line for each that is missing', () => {
    const refused = jobQueueWithout(({ node }) => node.tryRemoveChild('Alarms'));
    expect(refused).toEqual([
      expect.stringContaining(
        'alarms: Jobs/SendReceipt/DeadLetterQueue/Resource has no alarm with an action on ApproximateNumberOfMessagesVisible, so nobody hears of jobs that were given up on. Mend: make one that tells the alarm topic',
      ),
      expect.stringContaining('Queue/Resource has no alarm with an action on ApproximateAgeOfOldestMessage'),
      expect.stringContaining('no alarm with an action on ApproximateNumberOfMessagesNotVisible'),
    ]);
  });

  test('whose alarms tell nobody', () => {
    const refused = jobQueueWithout(({ node }) => {
      for (const alarm of node.findChild('Alarms').node.children)
        resourceOf(alarm).addPropertyDeletionOverride('AlarmActions');
    });
    expect(refused.filter((line) => line.includes('] alarms: '))).toHaveLength(3);
  });

  test('that hides a message for less than six times its function’s timeout', () => {
    expect(
      jobQueueWithout(({ queue }) => resourceOf(queue).addPropertyOverride('VisibilityTimeout', 449)),
    ).toEqual([
      '[Jobs/SendReceipt/Mapping/Resource] visibility timeout: Jobs/SendReceipt/Queue/Resource hides a message for 449 s, less than 6 times the 75 s of Jobs/SendReceipt/Consumer/Resource, so jobs come again while they run. Mend: set visibilityTimeout to 450 s or more.',
    ]);
  });

  test('that hides a message for less than its batch window beyond that', () => {
    expect(
      jobQueueWithout((made) => mappingOf(made).addPropertyOverride('MaximumBatchingWindowInSeconds', 5)),
    ).toEqual([
      expect.stringContaining(
        'and its batch window of 5 s, so jobs come again while they run. Mend: set visibilityTimeout to 455 s',
      ),
    ]);
  });

  test('made by hand beside JobQueue, of every item at once', () => {
    const app = newApp(offline);
    const stack = new Stack(app, 'Alone');
    const queue = new Queue(stack, 'Queue', { encryption: QueueEncryption.UNENCRYPTED });
    const consumer = new LambdaFunction(stack, 'Consumer', {
      code: Code.fromInline('//'),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      timeout: Duration.seconds(10),
    });
    new EventSourceMapping(stack, 'Mapping', { target: consumer, eventSourceArn: queue.queueArn });
    const found = new Set(refusals(stack).map((line) => /\] ([a-z -]+):/.exec(line)?.[1]));
    expect([...found]).toEqual(QUEUE_ITEMS.map(({ item }) => item));
  });
});

describe('synthesis takes a job queue', () => {
  test('of the construct as it stands', () => {
    expect(jobQueueWithout(() => {})).toEqual([]);
  });

  test('made by hand that has all of it, also in another stack than its function', () => {
    expect(handMade({})).toEqual([]);
  });

  test('of which another app is the maker, but for what its mapping lacks', () => {
    const stack = new Stack(newApp(offline), 'Guest');
    const consumer = new LambdaFunction(stack, 'Consumer', {
      code: Code.fromInline('//'),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
    });
    new EventSourceMapping(stack, 'Mapping', {
      target: consumer,
      eventSourceArn: 'arn:aws:sqs:eu-west-1:123456789012:theirs',
      reportBatchItemFailures: true,
    });
    expect(refusals(stack)).toEqual([expect.stringContaining('concurrency bound: Guest/Mapping/Resource')]);
  });
});
