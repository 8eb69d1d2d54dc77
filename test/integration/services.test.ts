import {
  CloudWatchClient,
  GetDashboardCommand,
  GetMetricDataCommand,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetAccountCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { cardProviderSecretName, functionName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { DeployedStage } from './deployed-stage.ts';

/** Scheduler is exact to the minute. */
const SCHEDULED_WITHIN_SECONDS = 75;

/** CloudWatch shows a new metric within a few minutes. */
const METRICS_WITHIN_SECONDS = 180;

let stage: DeployedStage;
beforeAll(async () => {
  stage = await DeployedStage.open();
});
afterAll(() => stage?.close());

describe('what a stage needs of the services around it', () => {
  it('has its dashboard', async () => {
    const { DashboardBody } = await new CloudWatchClient(stage.client).send(
      new GetDashboardCommand({ DashboardName: `honest-jobs-${stage.stage}` }),
    );
    expect(DashboardBody).toContain('process-payment');
  });

  it('has a secret for the card provider, to be filled in', async () => {
    const { SecretString = '' } = await new SecretsManagerClient(stage.client).send(
      new GetSecretValueCommand({ SecretId: cardProviderSecretName(stage.stage) }),
    );
    expect(JSON.parse(SecretString)).toMatchObject({ url: expect.any(String), apiKey: expect.any(String) });
  });

  it('evaluates the expressions that its alarms are made of', async () => {
    const cloudwatch = new CloudWatchClient({ ...stage.client, maxAttempts: 1 });
    const Namespace = 'honest-jobs-integration';
    const Dimensions = [{ Name: 'run', Value: crypto.randomUUID() }];
    await cloudwatch.send(
      new PutMetricDataCommand({
        Namespace,
        MetricData: [
          { MetricName: 'failed', Dimensions, Value: 1 },
          { MetricName: 'attempts', Dimensions, Value: 4 },
        ],
      }),
    );
    const metric = (Id: string, MetricName: string) => ({
      Id,
      ReturnData: false,
      MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period: 60, Stat: 'Sum' },
    });
    await stage.until(
      async () => {
        const { MetricDataResults = [] } = await cloudwatch.send(
          new GetMetricDataCommand({
            StartTime: new Date(Date.now() - 600_000),
            EndTime: new Date(Date.now() + 60_000),
            MetricDataQueries: [
              metric('failed', 'failed'),
              metric('attempts', 'attempts'),
              { Id: 'rate', Expression: 'failed / attempts' },
            ],
          }),
        );
        return MetricDataResults[0]?.Values?.[0] === 0.25;
      },
      () => 'no failure rate of 0.25 was seen',
      METRICS_WITHIN_SECONDS,
    );
  }, 200_000);

  it('sends e-mails by SES version 2', async () => {
    const ses = new SESv2Client({ ...stage.client, maxAttempts: 1 });
    expect(await ses.send(new GetAccountCommand())).toMatchObject({ SendQuota: expect.anything() });
  });

  it('brings a long deferral back by EventBridge Scheduler', async (test) => {
    const job = stage.probe(test);
    const { Environment } = await new LambdaClient(stage.client).send(
      new GetFunctionConfigurationCommand({ FunctionName: functionName(stage.stage, job.type) }),
    );
    const variables = Environment?.Variables ?? {};
    const key = crypto.randomUUID();
    const body = { specversion: '1.0', id: key, source: '/integration', type: job.type };
    await new SchedulerClient(stage.client).send(
      new CreateScheduleCommand({
        Name: key,
        GroupName: variables[ENVIRONMENT.scheduleGroup],
        ScheduleExpression: `at(${new Date(Date.now() + 2000).toISOString().slice(0, 19)})`,
        FlexibleTimeWindow: { Mode: 'OFF' },
        ActionAfterCompletion: 'DELETE',
        Target: {
          Arn: variables[ENVIRONMENT.queueArn],
          RoleArn: variables[ENVIRONMENT.scheduleRoleArn],
          Input: JSON.stringify({ ...body, data: { key, lives: [['return']] } }),
        },
      }),
    );
    await stage.becomes(job, key, 'completed', SCHEDULED_WITHIN_SECONDS);
  }, 100_000);

  it('carries a staged job to its end by Step Functions and EventBridge', async () => {
    const reportId = crypto.randomUUID();
    const day = '2026-01-01';
    await stage.publisher.publish(JOBS.generateReport, {
      reportId,
      title: 'A day without anything',
      period: { from: day, to: day },
      email: 'kim@example.com',
      assets: [],
    });
    await stage.becomes(JOBS.generateReport, reportId, 'completed', 50);
  });
});
