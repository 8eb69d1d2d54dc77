import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricStatisticsCommand,
} from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { sendEmail } from '../../../shared/jobs/send-email.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

const DEAD_LETTERS = `honest-jobs-${STAGE}-send-email-dead-letters-warning`;

let lab: Lab;
let client: CloudWatchClient;

beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  client = new CloudWatchClient({
    endpoint: lab.cloud.endpoint,
    region: lab.cloud.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
});
afterAll(async () => {
  client.destroy();
  await lab.stop();
});

async function stateOf(alarmName: string) {
  const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: [alarmName] }));
  return MetricAlarms?.[0]?.StateValue;
}

it('the deployed alarm on dead letters rises when there are some, tells its topic, and falls when they are gone', async () => {
  await lab.advance(120);
  expect(await stateOf(DEAD_LETTERS)).toBe('OK');

  await lab.send(sendEmail, 'no JSON at all');
  await lab.drain();
  await lab.advance(120);
  expect(await stateOf(DEAD_LETTERS)).toBe('ALARM');
  expect(lab.cloud.sns.published()).toContainEqual(
    expect.objectContaining({
      subject: `ALARM: "${DEAD_LETTERS}" in US East (N. Virginia)`,
      topicArn: lab.cloud.deployment.output(`HonestJobs-${STAGE}-Jobs`, 'AlarmTopicArn'),
    }),
  );

  const dead = lab.cloud.sqs
    .list()
    .find((arn) => arn.includes('send-email') && arn !== lab.queueArn(sendEmail));
  const [letter] = await lab.cloud.sqs.receive(dead ?? '');
  lab.cloud.sqs.deleteMessages(dead ?? '', [letter?.receiptHandle ?? '']);
  await lab.advance(120);
  expect(await stateOf(DEAD_LETTERS)).toBe('OK');
});

it('the deployed consumers report their own metrics through their logs', async () => {
  const { Datapoints = [] } = await client.send(
    new GetMetricStatisticsCommand({
      Namespace: `honest-jobs/${STAGE}`,
      MetricName: 'DeadLettered',
      Dimensions: [{ Name: 'service', Value: 'send-email' }],
      StartTime: new Date(lab.cloud.clock.now() - 3600_000),
      EndTime: new Date(lab.cloud.clock.now()),
      Period: 3600,
      Statistics: ['Sum'],
    }),
  );
  expect(Datapoints.reduce((total, { Sum = 0 }) => total + Sum, 0)).toBe(1);
});

it('Lambda measures the invocations of each function', () => {
  const identity = {
    namespace: 'AWS/Lambda',
    metricName: 'Invocations',
    dimensions: { FunctionName: `honest-jobs-${STAGE}-send-email` },
  };
  expect(lab.cloud.cloudwatch.metrics.read(identity, 0, lab.cloud.clock.now() + 60_000).sum).toBeGreaterThan(
    0,
  );
});

it('the functions write into the log groups of the template', () => {
  const { groups } = lab.cloud.logs;
  const group = groups.get(`/aws/lambda/honest-jobs-${STAGE}-send-email`);
  expect(groups.events(group).length).toBeGreaterThan(0);
});
