import { describe, expect, it } from 'vitest';
import { readEmbeddedMetrics } from '../../../local/cloudwatch/embedded-metrics.ts';
import { NOON_MS, openCloudWatch } from './cloudwatch-lab.ts';

const directive = {
  Namespace: 'jobs',
  Dimensions: [['service'], ['service', 'tenant']],
  Metrics: [{ Name: 'Duration', Unit: 'Milliseconds' }, { Name: 'Completed' }],
};

function line(changes: Record<string, unknown> = {}, directives: unknown = [directive]): string {
  return JSON.stringify({
    _aws: { Timestamp: NOON_MS, CloudWatchMetrics: directives },
    service: 'mail',
    tenant: 'acme',
    Duration: [120, 80],
    Completed: 1,
    ...changes,
  });
}

describe('a log line in the Embedded Metric Format', () => {
  it('gives each metric once for each of its dimension sets, with all values of a list', () => {
    expect(readEmbeddedMetrics(line())).toEqual({
      kind: 'metrics',
      data: [
        {
          namespace: 'jobs',
          metricName: 'Duration',
          dimensions: { service: 'mail' },
          values: [120, 80],
          unit: 'Milliseconds',
          atMs: NOON_MS,
        },
        {
          namespace: 'jobs',
          metricName: 'Duration',
          dimensions: { service: 'mail', tenant: 'acme' },
          values: [120, 80],
          unit: 'Milliseconds',
          atMs: NOON_MS,
        },
        {
          namespace: 'jobs',
          metricName: 'Completed',
          dimensions: { service: 'mail' },
          values: [1],
          atMs: NOON_MS,
        },
        {
          namespace: 'jobs',
          metricName: 'Completed',
          dimensions: { service: 'mail', tenant: 'acme' },
          values: [1],
          atMs: NOON_MS,
        },
      ],
    });
  });

  it('may hold several directives, and one without dimensions', () => {
    const bare = { Namespace: 'all', Dimensions: [[]], Metrics: [{ Name: 'Completed' }] };
    const read = readEmbeddedMetrics(line({}, [directive, bare]));
    expect(read.kind === 'metrics' && read.data.at(-1)).toEqual({
      namespace: 'all',
      metricName: 'Completed',
      dimensions: {},
      values: [1],
      unit: undefined,
      atMs: NOON_MS,
    });
  });

  it.each([
    'plain text',
    '{"level":"INFO","message":"about \\"_aws\\" in words"}',
    '{"_aws": {"durable": true}}',
    '"_aws"',
    '{"_aws": cut off',
  ])('is none of these: %s', (other) => {
    expect(readEmbeddedMetrics(other)).toEqual({ kind: 'none' });
  });

  it.each([
    [line({ Completed: 'one' }), 'the metric "Completed" is no number and no list of up to 100'],
    [line({ Completed: undefined }), 'the metric "Completed" is no number and no list of up to 100'],
    [line({ tenant: 7 }), 'the dimension "tenant" has no text of 1 to 1,024 characters'],
    [line({ service: '' }), 'the dimension "service" has no text of 1 to 1,024 characters'],
  ])('is refused with the reason: %s', (wrong, reason) => {
    expect(readEmbeddedMetrics(wrong)).toEqual({ kind: 'invalid', reason });
  });

  it('is counted where it is refused, by log group', async () => {
    await using lab = await openCloudWatch();
    const { cloudwatch } = lab;
    expect(cloudwatch.recordEmf(line(), NOON_MS, '/mail')).toBe(true);
    expect(cloudwatch.recordEmf(line({ Completed: 'one' }), NOON_MS, '/mail')).toBe(false);
    expect(cloudwatch.recordEmf('plain', NOON_MS, '/mail')).toBe(false);
    const read = (metricName: string, namespace: string, dimensions: Record<string, string>) =>
      cloudwatch.metrics.read({ namespace, metricName, dimensions }, NOON_MS, NOON_MS + 60_000).sum;
    expect(read('Duration', 'jobs', { service: 'mail' })).toBe(200);
    expect(read('EMFValidationErrors', 'AWS/Logs', { LogGroupName: '/mail' })).toBe(1);
  });
});
