import { GetDashboardCommand, ListDashboardsCommand } from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Properties, Provisioned } from '../../../local/kernel/resources.ts';
import { type CloudWatchLab, callJson, openCloudWatch } from './cloudwatch-lab.ts';

let lab: CloudWatchLab;
beforeAll(async () => {
  lab = await openCloudWatch();
});
afterAll(() => lab[Symbol.asyncDispose]());

function provision(type: string, properties: Properties): Provisioned {
  const provider = [...lab.cloudwatch.providers(), ...lab.logs.providers()].find(
    (each) => each.type === type,
  );
  if (!provider) throw new Error(`nothing provides ${type}`);
  return provider.provision(properties, {
    stackName: 'Stack',
    logicalId: 'Resource',
    metadata: {},
    generatedName: () => 'generated',
    assetDirectory: () => '',
  });
}

const alarm = {
  Namespace: 'jobs',
  MetricName: 'Failed',
  Statistic: 'Sum',
  Period: 60,
  EvaluationPeriods: '2',
  Threshold: '1',
  ComparisonOperator: 'GreaterThanThreshold',
};

describe('a template', () => {
  it('makes alarms, whose numbers may be text', () => {
    expect(provision('AWS::CloudWatch::Alarm', alarm)).toEqual({
      ref: 'generated',
      attributes: { Arn: 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:generated' },
    });
    expect(lab.cloudwatch.alarms.get('generated').definition).toMatchObject({
      EvaluationPeriods: 2,
      Threshold: 1,
    });
  });

  it.each([
    [{ ...alarm, Threshholds: 1 }, 'Threshholds'],
    [
      {
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanThreshold',
        Metrics: [{ Id: 'e', Expression: 'ANOMALY_DETECTION_BAND(m)' }],
      },
      'ANOMALY_DETECTION_BAND',
    ],
  ])('is refused for what an alarm has that is not known', (properties, named) => {
    expect(() => provision('AWS::CloudWatch::Alarm', properties)).toThrow(
      expect.objectContaining({
        name: 'AwsError',
        message: expect.stringContaining(named),
      }),
    );
  });

  it('makes dashboards, which the API gives back as they are', async () => {
    const DashboardBody = JSON.stringify({ widgets: [] });
    expect(provision('AWS::CloudWatch::Dashboard', { DashboardName: 'jobs', DashboardBody })).toEqual({
      ref: 'jobs',
      attributes: { DashboardArn: 'arn:aws:cloudwatch::000000000000:dashboard/jobs' },
    });
    expect(await lab.client.send(new GetDashboardCommand({ DashboardName: 'jobs' }))).toMatchObject({
      DashboardBody,
    });
    const { DashboardEntries } = await lab.client.send(new ListDashboardsCommand({}));
    expect(DashboardEntries).toMatchObject([{ DashboardName: 'jobs', Size: DashboardBody.length }]);
    await expect(lab.client.send(new GetDashboardCommand({ DashboardName: 'none' }))).rejects.toMatchObject({
      Code: 'ResourceNotFound',
    });
  });

  it('is refused for a dashboard whose body is no JSON', () => {
    expect(() =>
      provision('AWS::CloudWatch::Dashboard', { DashboardName: 'jobs', DashboardBody: '{' }),
    ).toThrow('The dashboard body is not a JSON object');
  });

  it('makes log groups with their retention', async () => {
    expect(provision('AWS::Logs::LogGroup', { LogGroupName: '/jobs', RetentionInDays: 7 })).toEqual({
      ref: '/jobs',
      attributes: { Arn: 'arn:aws:logs:us-east-1:000000000000:log-group:/jobs:*' },
    });
    const { body } = await callJson(lab, 'logs', 'DescribeLogGroups', { logGroupNamePrefix: '/jobs' });
    expect(body).toMatchObject({ logGroups: [{ logGroupName: '/jobs', retentionInDays: 7 }] });
  });
});
