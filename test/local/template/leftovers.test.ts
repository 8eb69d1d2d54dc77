import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.ts';
import { writeAssembly } from './write-assembly.ts';

const KEPT = {
  Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue' } },
  MayDeliver: {
    Type: 'AWS::SQS::QueuePolicy',
    Properties: {
      Queues: [{ Ref: 'Queue' }],
      PolicyDocument: {
        Statement: {
          Effect: 'Allow',
          Principal: { Service: ['events.amazonaws.com', 'sns.amazonaws.com'] },
          Action: 'sqs:SendMessage',
          Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] },
        },
      },
    },
  },
};
const QUEUE_ARN = { 'Fn::GetAtt': ['Queue', 'Arn'] };

/** What the template holds under other ids after a construct was renamed. */
const named = (id: string) => ({
  [`${id}Rule`]: {
    Type: 'AWS::Events::Rule',
    Properties: { ScheduleExpression: 'rate(1 minute)', Targets: [{ Id: 'queue', Arn: QUEUE_ARN }] },
  },
  [`${id}Topic`]: { Type: 'AWS::SNS::Topic', Properties: {} },
  [`${id}Subscription`]: {
    Type: 'AWS::SNS::Subscription',
    Properties: { TopicArn: { Ref: `${id}Topic` }, Protocol: 'sqs', Endpoint: QUEUE_ARN },
  },
  [`${id}Alarm`]: {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      Namespace: 'jobs',
      MetricName: 'Failed',
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    },
  },
  [`${id}Dashboard`]: { Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardBody: '{"widgets":[]}' } },
  [`${id}Data`]: { Type: 'AWS::SQS::Queue', Properties: {} },
});

const deploy = (dataDirectory: string, ...stacks: object[]) =>
  startLocalCloud({
    dataDirectory,
    assembly: writeAssembly(
      Object.fromEntries(stacks.map((Resources, index) => [`App${index}`, { template: { Resources } }])),
    ),
  });

async function holding(cloud: LocalCloud) {
  const { events, sns, cloudwatch } = cloud;
  return {
    rules: events.rules.all().map(({ name }) => name.split('-')[1]),
    topics: sns.topics.all().map(({ name }) => name.split('-')[1]),
    subscriptions: sns.subscriptions.all().map(({ topicArn }) => topicArn.split('-').at(-2)),
    alarms: cloudwatch.alarms.all().map(({ definition }) => definition.AlarmName.split('-')[1]),
    dashboards: cloudwatch.dashboards.all().map(({ name }) => name.split('-')[1]),
  };
}

const only = (id: string) => ({
  rules: [`${id}Rule`],
  topics: [`${id}Topic`],
  subscriptions: [`${id}Topic`],
  alarms: [`${id}Alarm`],
  dashboards: [`${id}Dashboard`],
});

it('what the template holds no more stops working at the next deployment, and data stays', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'state-'));
  const first = await deploy(directory, { ...KEPT, ...named('Old') });
  const dataQueue = first.deployment
    .ofType('AWS::SQS::Queue')
    .map(({ attributes }) => attributes.Arn ?? '')[1];
  first.sqs.send(dataQueue ?? '', { MessageBody: 'kept' });
  expect(await holding(first)).toEqual(only('Old'));
  await first.stop();

  const second = await deploy(directory, { ...KEPT, ...named('New') });
  expect(await holding(second)).toEqual(only('New'));
  expect(second.sqs.counts(dataQueue ?? '').visible).toBe(1);
  await second.clock.advance(60_500);
  await new Promise((turn) => setTimeout(turn, 50));
  expect(second.sqs.counts(second.sqs.arnOf('queue')).visible).toBe(1);
  await second.stop();

  const third = await deploy(directory, KEPT);
  expect(Object.values(await holding(third)).flat()).toEqual([]);
  await third.stop();
});

it('what was made through an API stays, and what moved to another stack under its name', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'state-'));
  const topic = { Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'told' } } };
  const first = await deploy(directory, { ...KEPT, ...topic });
  first.sns.topics.create('by-hand', {});
  await first.stop();
  const second = await deploy(directory, KEPT, topic);
  expect(second.sns.topics.all().map(({ name }) => name)).toEqual(['by-hand', 'told']);
  await second.stop();
});
