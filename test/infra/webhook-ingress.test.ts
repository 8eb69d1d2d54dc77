import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { webhookSecretName } from '../../shared/jobs/names.ts';
import { WEBHOOK_PROVIDERS } from '../../shared/webhooks/providers.ts';
import { synthesized } from './synthesized.ts';

const prod = synthesized({ stage: 'prod' });
const { jobs, state } = prod.template;
const [receiver] = [...prod.resources('AWS::Lambda::Function')].find(
  ([, { Properties }]) => Properties.FunctionName === 'honest-jobs-prod-webhook-ingress',
) ?? ['none'];
const target = { 'Fn::GetAtt': [receiver, 'Arn'] };

describe('the ingress of webhooks', () => {
  test('has a URL that anybody may call, in both ways that AWS asks for, and by its URL alone', () => {
    jobs.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE', TargetFunctionArn: target });
    jobs.resourceCountIs('AWS::Lambda::Url', 1);
    const open = [...prod.resources('AWS::Lambda::Permission').values()]
      .map(({ Properties }) => Properties)
      .filter(({ Principal }) => Principal === '*');
    expect(open).toHaveLength(2);
    expect(open).toEqual(
      expect.arrayContaining([
        {
          Action: 'lambda:InvokeFunctionUrl',
          FunctionName: target,
          FunctionUrlAuthType: 'NONE',
          Principal: '*',
        },
        {
          Action: 'lambda:InvokeFunction',
          FunctionName: target,
          InvokedViaFunctionUrl: true,
          Principal: '*',
        },
      ]),
    );
  });

  test('tells its URL by an output', () => {
    jobs.hasOutput('WebhookUrl', { Value: { 'Fn::GetAtt': [Match.stringLikeRegexp('Url'), 'FunctionUrl'] } });
  });

  test('is bounded by the stage: a URL takes ten times its reserved concurrency in requests a second', () => {
    const reserved = ({ resources }: typeof prod) =>
      [...resources('AWS::Lambda::Function').values()]
        .filter(({ Properties }) => Properties.FunctionName.endsWith('-webhook-ingress'))
        .map(({ Properties }) => Properties.ReservedConcurrentExecutions);
    expect(reserved(prod)).toEqual([20]);
    expect(reserved(synthesized({ stage: 'prod', webhookConcurrency: 3 }))).toEqual([3]);
    // A new account may have nothing to reserve.
    expect(reserved(synthesized({ stage: 'dev' }))).toEqual([undefined]);
  });

  test('no other function is: it would spend receives of jobs that never ran', () => {
    const others = [...prod.resources('AWS::Lambda::Function')]
      .filter(([id]) => id !== receiver)
      .filter(([, { Properties }]) => Properties.ReservedConcurrentExecutions !== undefined);
    expect(others).toEqual([]);
  });

  test.each(WEBHOOK_PROVIDERS.map(({ name }) => name))(
    'has a secret for %s that is kept, and in which nothing is a signing secret until somebody fills it in',
    (name) => {
      state.hasResource('AWS::SecretsManager::Secret', {
        Properties: {
          Name: webhookSecretName('prod', name),
          GenerateSecretString: { SecretStringTemplate: '{"secrets":[]}', GenerateStringKey: 'notFilledIn' },
        },
        DeletionPolicy: 'RetainExceptOnCreate',
      });
    },
  );

  test.each([
    ['webhook-errors', 'AWS/Lambda', 'Url5xxCount', 1],
    ['webhook-throttles', 'AWS/Lambda', 'Throttles', 1],
    ['webhook-signatures', 'honest-jobs/prod', 'WebhooksRefused', 10],
  ])('has the alarm %s, on %s %s', (name, Namespace, MetricName, Threshold) => {
    jobs.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: `honest-jobs-prod-webhook-ingress-${name}-warning`,
      Namespace,
      MetricName,
      Statistic: 'Sum',
      Threshold,
    });
  });
});

test.each(WEBHOOK_PROVIDERS.map(({ name }) => name))(
  'a webhook of %s whose signature does not fit is told of where none of its own was taken for an hour',
  (name) => {
    const found = [...prod.resources('AWS::CloudWatch::Alarm').values()].find(({ Properties }) =>
      Properties.AlarmName.endsWith(`-webhook-ingress-${name}-no-signature-fits-warning`),
    );
    const metrics = found?.Properties.Metrics as {
      readonly Expression?: string;
      readonly MetricStat?: { readonly Period: number; readonly Metric: { readonly Dimensions: unknown } };
    }[];
    expect(metrics.map(({ Expression }) => Expression).filter(Boolean)).toEqual([
      'IF(FILL(received, 0) < 1, FILL(refused, 0), 0)',
    ]);
    for (const { MetricStat } of metrics.filter((metric) => metric.MetricStat))
      expect(MetricStat).toMatchObject({
        Period: 3600,
        Metric: {
          Dimensions: [
            { Name: 'provider', Value: name },
            { Name: 'service', Value: 'webhook-ingress' },
          ],
        },
      });
  },
);

test('the dashboard has a row of the ingress: requests, webhooks, latency, rate and, the other way, endpoints', () => {
  const [{ Properties } = { Properties: {} }] = prod.resources('AWS::CloudWatch::Dashboard').values();
  const body = JSON.stringify(Properties.DashboardBody);
  const row = body.slice(body.indexOf('### webhook-ingress'), body.indexOf('### generate-report'));
  for (const metric of [
    'UrlRequestCount',
    'Url5xxCount',
    'WebhooksReceived',
    'WebhooksRefused',
    'UrlRequestLatency',
    'EndpointsDisabled',
    'Throttles',
  ])
    expect(row).toContain(metric);
});

test('a provider has a name of its own, which is good for a path, a secret and a key', () => {
  const names = WEBHOOK_PROVIDERS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9-]{0,30}$/);
});
