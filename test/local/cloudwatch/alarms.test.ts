import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteAlarmsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  DisableAlarmActionsCommand,
  EnableAlarmActionsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from 'vitest';
import { type CloudWatchLab, MINUTE_MS, NOON_MS, openCloudWatch } from './cloudwatch-lab.ts';

/** A topic of the lab's SNS. @returns its ARN */
function topic({ sns }: CloudWatchLab, name = 'alarms'): string {
  return sns.topics.create(name, {}).arn;
}

const failed: PutMetricAlarmCommandInput = {
  AlarmName: 'failed',
  Namespace: 'jobs',
  MetricName: 'Failed',
  Statistic: 'Sum',
  Period: 60,
  EvaluationPeriods: 3,
  DatapointsToAlarm: 2,
  Threshold: 1,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
};

async function put({ client }: CloudWatchLab, changes: Partial<PutMetricAlarmCommandInput> = {}) {
  await client.send(new PutMetricAlarmCommand({ ...failed, ...changes }));
}

async function described({ client }: CloudWatchLab, name = 'failed') {
  const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
  return MetricAlarms?.[0];
}

async function history({ client }: CloudWatchLab, HistoryItemType: 'StateUpdate' | 'Action') {
  const { AlarmHistoryItems = [] } = await client.send(
    new DescribeAlarmHistoryCommand({ AlarmName: 'failed', HistoryItemType }),
  );
  return AlarmHistoryItems.map(({ HistorySummary }) => HistorySummary);
}

/** Records a value in each of the coming minutes, and lets them pass. */
async function pass({ cloudwatch, clock }: CloudWatchLab, ...values: (number | undefined)[]) {
  for (const value of values) {
    if (value !== undefined)
      cloudwatch.record({
        namespace: 'jobs',
        metricName: 'Failed',
        dimensions: {},
        value,
        atMs: clock.now(),
      });
    await clock.advance(MINUTE_MS);
  }
}

/** Lets one service publish for the alarms of the account. */
const policyFor = (service: string) =>
  JSON.stringify({
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: service },
        Action: 'sns:Publish',
        Resource: '*',
        Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:*' } },
      },
    ],
  });

describe('an alarm', () => {
  it('goes to ALARM and back as its datapoints say, with the reason', async () => {
    await using lab = await openCloudWatch();
    await put(lab);
    expect(await described(lab)).toMatchObject({ StateValue: 'INSUFFICIENT_DATA' });
    await pass(lab, 0, 4, 1);
    expect(await described(lab)).toMatchObject({
      StateValue: 'ALARM',
      StateReason:
        'Threshold Crossed: 2 out of the last 3 datapoints [1.0 (01/01/26 12:02:00), 4.0 (01/01/26 12:01:00)] were greater ' +
        'than or equal to the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition).',
      StateTransitionedTimestamp: new Date(NOON_MS + 3 * MINUTE_MS),
    });
    await pass(lab, 0, 0);
    expect(await described(lab)).toMatchObject({ StateValue: 'OK' });
    expect(await history(lab, 'StateUpdate')).toEqual([
      'Alarm updated from ALARM to OK',
      'Alarm updated from OK to ALARM',
      'Alarm updated from INSUFFICIENT_DATA to OK',
    ]);
  });

  it('goes to INSUFFICIENT_DATA once its whole range is silent, and then costs no more timers', async () => {
    await using lab = await openCloudWatch();
    await put(lab);
    await pass(lab, 0);
    expect(await described(lab)).toMatchObject({ StateValue: 'OK' });
    await pass(lab, undefined, undefined, undefined, undefined);
    expect(await described(lab)).toMatchObject({ StateValue: 'OK' });
    await pass(lab, undefined);
    expect(await described(lab)).toMatchObject({
      StateValue: 'INSUFFICIENT_DATA',
      StateReason: 'Insufficient Data: 3 datapoints were unknown.',
    });
    const timers = lab.timersSet();
    await pass(lab, ...Array(60));
    expect(lab.timersSet()).toBe(timers);
    await pass(lab, 4, 4);
    expect(await described(lab)).toMatchObject({ StateValue: 'ALARM' });
  });

  it('looks at five minutes that slide on by one', async () => {
    await using lab = await openCloudWatch();
    await put(lab, {
      Period: 300,
      EvaluationPeriods: 1,
      DatapointsToAlarm: 1,
      Threshold: 10,
      TreatMissingData: 'notBreaching',
    });
    await pass(lab, 0, 0, 0, 6, 0, 0, 4);
    expect(await described(lab)).toMatchObject({
      StateValue: 'ALARM',
      StateReason: expect.stringContaining('[10.0 (01/01/26 12:02:00)]'),
    });
  });

  it('on an expression takes a rate only where there is volume enough', async () => {
    await using lab = await openCloudWatch();
    const metric = (Id: string, MetricName: string) => ({
      Id,
      MetricStat: { Metric: { Namespace: 'jobs', MetricName }, Period: 60, Stat: 'Sum' },
      ReturnData: false,
    });
    await lab.client.send(
      new PutMetricAlarmCommand({
        AlarmName: 'failed',
        Metrics: [
          {
            Id: 'rate',
            Expression: 'IF(FILL(f, 0) + FILL(c, 0) >= 10, FILL(f, 0) / (FILL(f, 0) + FILL(c, 0)), 0)',
          },
          metric('f', 'Failed'),
          metric('c', 'Completed'),
        ],
        EvaluationPeriods: 1,
        Threshold: 0.2,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      }),
    );
    await pass(lab, 9);
    expect(await described(lab)).toMatchObject({ StateValue: 'OK' });
    await pass(lab, 10);
    expect(await described(lab)).toMatchObject({ StateValue: 'ALARM' });
  });

  it('publishes each change of state to the topics named for it', async () => {
    await using lab = await openCloudWatch();
    const [alarms, calm] = [topic(lab), topic(lab, 'calm')];
    await put(lab, { AlarmActions: [alarms], OKActions: [calm], AlarmDescription: 'jobs fail' });
    await pass(lab, 0, 4, 4);
    const published = lab.sns.published();
    expect(published.map(({ topicArn, subject }) => [topicArn, subject])).toEqual([
      [calm, 'OK: "failed" in US East (N. Virginia)'],
      [alarms, 'ALARM: "failed" in US East (N. Virginia)'],
    ]);
    expect(JSON.parse(published[1]?.message ?? '')).toMatchObject({
      AlarmName: 'failed',
      AlarmDescription: 'jobs fail',
      AWSAccountId: '000000000000',
      NewStateValue: 'ALARM',
      OldStateValue: 'OK',
      StateChangeTime: '2026-01-01T12:03:00.000+0000',
      Trigger: { MetricName: 'Failed', Statistic: 'SUM', Period: 60, DatapointsToAlarm: 2, Dimensions: [] },
    });
    expect(await history(lab, 'Action')).toEqual([
      `Successfully executed action ${alarms}`,
      `Successfully executed action ${calm}`,
    ]);
  });

  it('notes in its history that a topic is not there', async () => {
    await using lab = await openCloudWatch();
    const gone = 'arn:aws:sns:us-east-1:000000000000:gone';
    await put(lab, { OKActions: [gone] });
    await pass(lab, 0);
    expect(await history(lab, 'Action')).toEqual([`Failed to execute action ${gone}`]);
  });

  it('notes in its history that the policy of a topic does not let CloudWatch in, and tells nobody', async () => {
    await using lab = await openCloudWatch();
    const closed = lab.sns.topics.put('closed', { Policy: policyFor('ses.amazonaws.com') }).arn;
    const open = lab.sns.topics.put('open', { Policy: policyFor('cloudwatch.amazonaws.com') }).arn;
    await put(lab, { OKActions: [closed, open] });
    await pass(lab, 0);
    expect(await history(lab, 'Action')).toEqual([
      `Successfully executed action ${open}`,
      `Failed to execute action ${closed}`,
    ]);
    expect(lab.sns.published().map(({ topicArn }) => topicArn)).toEqual([open]);
  });

  it('tells nobody while its actions are disabled', async () => {
    await using lab = await openCloudWatch();
    await put(lab, { AlarmActions: [topic(lab)] });
    await lab.client.send(new DisableAlarmActionsCommand({ AlarmNames: ['failed'] }));
    await pass(lab, 4, 4);
    expect(await described(lab)).toMatchObject({ StateValue: 'ALARM', ActionsEnabled: false });
    expect(lab.sns.published()).toEqual([]);
    await lab.client.send(new EnableAlarmActionsCommand({ AlarmNames: ['failed'] }));
    await pass(lab, 0, 0, 4, 4);
    expect(lab.sns.published()).toHaveLength(1);
  });

  it('can be set by hand, tells of it once, and finds its own state at the next minute', async () => {
    await using lab = await openCloudWatch();
    await put(lab, { AlarmActions: [topic(lab)] });
    await pass(lab, 0);
    const drill = { AlarmName: 'failed', StateValue: 'ALARM', StateReason: 'a drill' } as const;
    for (const _ of ['first', 'again']) await lab.client.send(new SetAlarmStateCommand(drill));
    expect(await described(lab)).toMatchObject({ StateValue: 'ALARM', StateReason: 'a drill' });
    expect(lab.sns.published()).toHaveLength(1);
    await pass(lab, 0);
    expect(await described(lab)).toMatchObject({ StateValue: 'OK' });
  });

  it('keeps its state and history over a restart, and does not tell again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'alarms-'));
    {
      await using lab = await openCloudWatch({ directory });
      await put(lab, { AlarmActions: [topic(lab)], TreatMissingData: 'ignore' });
      await pass(lab, 4, 4);
    }
    await using lab = await openCloudWatch({ directory, startMs: NOON_MS + 2 * MINUTE_MS });
    expect(await described(lab)).toMatchObject({ StateValue: 'ALARM' });
    await put(lab, { AlarmActions: [topic(lab)], TreatMissingData: 'ignore' });
    await pass(lab, 4, 4);
    expect(lab.sns.published()).toHaveLength(1);
    expect(await history(lab, 'StateUpdate')).toEqual(['Alarm updated from INSUFFICIENT_DATA to ALARM']);
  });

  it('is found by prefix, state and action, in pages, and is gone once deleted', async () => {
    await using lab = await openCloudWatch();
    const arn = topic(lab);
    for (const AlarmName of ['mail-age', 'mail-depth', 'payment-age'])
      await put(lab, { AlarmName, ...(AlarmName.startsWith('mail') && { AlarmActions: [arn] }) });
    const names = async (input: object) => {
      const { MetricAlarms = [], NextToken } = await lab.client.send(new DescribeAlarmsCommand(input));
      return [...MetricAlarms.map(({ AlarmName }) => AlarmName), ...(NextToken ? ['…'] : [])];
    };
    expect(await names({ AlarmNamePrefix: 'mail-' })).toEqual(['mail-age', 'mail-depth']);
    expect(await names({ ActionPrefix: 'arn:aws:sns' })).toEqual(['mail-age', 'mail-depth']);
    expect(await names({ StateValue: 'ALARM' })).toEqual([]);
    expect(await names({ MaxRecords: 2 })).toEqual(['mail-age', 'mail-depth', '…']);
    await lab.client.send(new DeleteAlarmsCommand({ AlarmNames: ['mail-age', 'never-there'] }));
    expect(await names({})).toEqual(['mail-depth', 'payment-age']);
  });
});

describe('an alarm is refused', () => {
  it.each<[string, Partial<PutMetricAlarmCommandInput>, RegExp]>([
    ['with a period of ten seconds', { Period: 10 }, /keeps metrics by the minute/],
    ['with more datapoints to alarm than periods', { DatapointsToAlarm: 4 }, /must not be more than/],
    ['that looks back two days by the minute', { EvaluationPeriods: 2880 }, /looks back 86400 s at most/],
    ['with a statistic of neither kind', { Statistic: undefined }, /either Statistic or ExtendedStatistic/],
    ['with a trimmed mean', { Statistic: undefined, ExtendedStatistic: 'tm90' }, /percentiles such as p95/],
    ['on an anomaly band', { ThresholdMetricId: 'band' }, /ThresholdMetricId/],
    [
      'that would stop an instance',
      { AlarmActions: ['arn:aws:automate:us-east-1:ec2:stop'] },
      /SNS topics as alarm actions/,
    ],
    [
      'that returns two series',
      {
        Metrics: ['m1', 'm2'].map((Id) => ({
          Id,
          MetricStat: { Metric: { Namespace: 'N', MetricName: Id }, Period: 60, Stat: 'Sum' },
        })),
        Namespace: undefined,
        MetricName: undefined,
        Statistic: undefined,
        Period: undefined,
      },
      /Exactly one of an alarm's Metrics/,
    ],
  ])('%s', async (_, changes, message) => {
    await using lab = await openCloudWatch();
    await expect(put(lab, changes)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(message),
    });
  });
});
