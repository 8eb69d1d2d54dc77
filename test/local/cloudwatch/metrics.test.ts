import {
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CloudWatchLab, callJson, MINUTE_MS, NOON_MS, openCloudWatch } from './cloudwatch-lab.ts';

let lab: CloudWatchLab;
beforeAll(async () => {
  lab = await openCloudWatch();
});
afterAll(() => lab[Symbol.asyncDispose]());

const at = (minutes: number) => new Date(NOON_MS + minutes * MINUTE_MS);

describe('metrics over the API', () => {
  it('are summed up by period, in each statistic that is asked for', async () => {
    await lab.client.send(
      new PutMetricDataCommand({
        Namespace: 'Sums',
        MetricData: [
          { MetricName: 'Size', Value: 4, Timestamp: at(-10), Unit: 'Bytes' },
          { MetricName: 'Size', Values: [1, 7], Counts: [3, 1], Timestamp: at(-9), Unit: 'Bytes' },
          { MetricName: 'Size', Value: 100, Timestamp: at(-2), Unit: 'Bytes' },
        ],
      }),
    );
    const { Datapoints } = await lab.client.send(
      new GetMetricStatisticsCommand({
        Namespace: 'Sums',
        MetricName: 'Size',
        StartTime: at(-10),
        EndTime: at(0),
        Period: 300,
        Statistics: ['SampleCount', 'Sum', 'Average', 'Minimum', 'Maximum'],
      }),
    );
    expect(Datapoints).toEqual([
      { Timestamp: at(-10), SampleCount: 5, Sum: 14, Average: 2.8, Minimum: 1, Maximum: 7, Unit: 'Bytes' },
      {
        Timestamp: at(-5),
        SampleCount: 1,
        Sum: 100,
        Average: 100,
        Minimum: 100,
        Maximum: 100,
        Unit: 'Bytes',
      },
    ]);
  });

  it('answer percentiles by nearest rank', async () => {
    await lab.client.send(
      new PutMetricDataCommand({
        Namespace: 'Percentiles',
        MetricData: [
          { MetricName: 'Wait', Values: Array.from({ length: 100 }, (_, n) => n + 1), Timestamp: at(-1) },
        ],
      }),
    );
    const { Datapoints } = await lab.client.send(
      new GetMetricStatisticsCommand({
        Namespace: 'Percentiles',
        MetricName: 'Wait',
        StartTime: at(-1),
        EndTime: at(0),
        Period: 60,
        ExtendedStatistics: ['p50', 'p95', 'p99.9'],
      }),
    );
    expect(Datapoints?.[0]?.ExtendedStatistics).toEqual({ p50: 50, p95: 95, 'p99.9': 100 });
  });

  it('take a summary, whose percentiles stay unknown', async () => {
    await lab.client.send(
      new PutMetricDataCommand({
        Namespace: 'Summaries',
        MetricData: [
          {
            MetricName: 'Wait',
            StatisticValues: { SampleCount: 4, Sum: 20, Minimum: 2, Maximum: 9 },
            Timestamp: at(-1),
          },
        ],
      }),
    );
    const { Datapoints } = await lab.client.send(
      new GetMetricStatisticsCommand({
        Namespace: 'Summaries',
        MetricName: 'Wait',
        StartTime: at(-1),
        EndTime: at(0),
        Period: 60,
        Statistics: ['Average', 'Maximum'],
        ExtendedStatistics: ['p50'],
      }),
    );
    expect(Datapoints).toMatchObject([{ Average: 5, Maximum: 9, ExtendedStatistics: {} }]);
  });

  it('differ by their dimensions, in whatever order these are named', async () => {
    const one = { Name: 'QueueName', Value: 'one' };
    const region = { Name: 'Region', Value: 'here' };
    await lab.client.send(
      new PutMetricDataCommand({
        Namespace: 'Dimensions',
        MetricData: [
          { MetricName: 'Depth', Dimensions: [one, region], Value: 3, Timestamp: at(-1) },
          { MetricName: 'Depth', Value: 8, Timestamp: at(-1) },
        ],
      }),
    );
    const { Datapoints } = await lab.client.send(
      new GetMetricStatisticsCommand({
        Namespace: 'Dimensions',
        MetricName: 'Depth',
        Dimensions: [region, one],
        StartTime: at(-1),
        EndTime: at(0),
        Period: 60,
        Statistics: ['Sum'],
      }),
    );
    expect(Datapoints?.map(({ Sum }) => Sum)).toEqual([3]);
    const { Metrics } = await lab.client.send(
      new ListMetricsCommand({ Namespace: 'Dimensions', Dimensions: [{ Name: 'QueueName' }] }),
    );
    expect(Metrics).toEqual([{ Namespace: 'Dimensions', MetricName: 'Depth', Dimensions: [one, region] }]);
  });

  it('enter expressions by their ids, and are answered youngest first', async () => {
    await lab.client.send(
      new PutMetricDataCommand({
        Namespace: 'Math',
        MetricData: [
          { MetricName: 'Failed', Value: 1, Timestamp: at(-3) },
          { MetricName: 'Completed', Value: 3, Timestamp: at(-3) },
          { MetricName: 'Completed', Value: 5, Timestamp: at(-1) },
        ],
      }),
    );
    const metric = (Id: string, MetricName: string) => ({
      Id,
      MetricStat: { Metric: { Namespace: 'Math', MetricName }, Period: 60, Stat: 'Sum' },
      ReturnData: false,
    });
    const { MetricDataResults } = await lab.client.send(
      new GetMetricDataCommand({
        StartTime: at(-3),
        EndTime: at(0),
        MetricDataQueries: [
          {
            Id: 'rate',
            Expression: 'FILL(failed, 0) / (FILL(failed, 0) + completed)',
            Label: 'failure rate',
          },
          metric('failed', 'Failed'),
          metric('completed', 'Completed'),
        ],
      }),
    );
    expect(MetricDataResults).toEqual([
      {
        Id: 'rate',
        Label: 'failure rate',
        Timestamps: [at(-1), at(-3)],
        Values: [0, 0.25],
        StatusCode: 'Complete',
      },
    ]);
  });

  it('come in pages', async () => {
    const query = {
      StartTime: at(-3),
      EndTime: at(0),
      MaxDatapoints: 1,
      MetricDataQueries: [
        {
          Id: 'completed',
          MetricStat: {
            Metric: { Namespace: 'Math', MetricName: 'Completed' },
            Period: 60,
            Stat: 'Sum',
          },
        },
      ],
    };
    const first = await lab.client.send(new GetMetricDataCommand(query));
    const second = await lab.client.send(new GetMetricDataCommand({ ...query, NextToken: first.NextToken }));
    expect([first, second].map(({ MetricDataResults }) => MetricDataResults?.[0]?.Values)).toEqual([
      [5],
      [3],
    ]);
    expect(second.NextToken).toBeUndefined();
  });

  it('may arrive compressed, as SDKs send large requests', async () => {
    await lab.client.send(
      new PutMetricDataCommand({
        Namespace: 'Large',
        MetricData: Array.from({ length: 1000 }, (_, n) => ({ MetricName: `Metric${n}`, Value: n })),
      }),
    );
    expect(
      lab.cloudwatch.metrics.list(NOON_MS).filter(({ namespace }) => namespace === 'Large'),
    ).toHaveLength(1000);
  });

  it('are the same in AWS JSON', async () => {
    const put = {
      Namespace: 'Json',
      MetricData: [{ MetricName: 'Wait', Value: 2, Timestamp: NOON_MS / 1000 }],
    };
    expect((await callJson(lab, 'monitoring', 'PutMetricData', put)).status).toBe(200);
    const { body } = await callJson(lab, 'monitoring', 'GetMetricStatistics', {
      Namespace: 'Json',
      MetricName: 'Wait',
      StartTime: NOON_MS / 1000,
      EndTime: NOON_MS / 1000 + 60,
      Period: 60,
      Statistics: ['Sum'],
    });
    expect(body).toEqual({
      Label: 'Wait',
      Datapoints: [{ Timestamp: NOON_MS / 1000, Sum: 2, Unit: 'None' }],
    });
  });
});

describe('what the local cloud refuses of metrics', () => {
  const query = (Expression: string) =>
    lab.client.send(
      new GetMetricDataCommand({
        StartTime: at(-3),
        EndTime: at(0),
        MetricDataQueries: [
          { Id: 'e1', Expression },
          {
            Id: 'm1',
            MetricStat: { Metric: { Namespace: 'N', MetricName: 'M' }, Period: 60, Stat: 'Sum' },
            ReturnData: false,
          },
          {
            Id: 'm5',
            MetricStat: { Metric: { Namespace: 'N', MetricName: 'M' }, Period: 300, Stat: 'Sum' },
            ReturnData: false,
          },
        ],
      }),
    );

  it.each([
    ['SEARCH(m1)', /uses the function SEARCH, which the local cloud does not know/],
    ['m1 + m9', /no metric or expression has the id "m9"/],
    ['m1 + m5', /mixes the periods 60, 300 s/],
    ['MAX(m1)', /answers a single number/],
    ['e1 * 2', /e1 → e1 depend on each other/],
    ['m1 +', /ends too early/],
    ['m1 # 2', /"#", which is no part of metric math/],
    ['FILL(m1)', /FILL takes 2 arguments, not 1/],
  ])('the expression %s', async (expression, message) => {
    await expect(query(expression)).rejects.toMatchObject({
      name: 'ValidationException',
      Code: 'ValidationError',
      message: expect.stringMatching(message),
    });
  });

  it('a datum of another month', async () => {
    const MetricData = [{ MetricName: 'Late', Value: 1, Timestamp: at(-31 * 24 * 60) }];
    await expect(
      lab.client.send(new PutMetricDataCommand({ Namespace: 'N', MetricData })),
    ).rejects.toMatchObject({ name: 'InvalidParameterValueException' });
  });

  it('a range of more periods than can be answered', async () => {
    await expect(
      lab.client.send(
        new GetMetricDataCommand({
          StartTime: new Date(0),
          EndTime: at(0),
          MetricDataQueries: [
            {
              Id: 'm1',
              MetricStat: { Metric: { Namespace: 'N', MetricName: 'M' }, Period: 60, Stat: 'Sum' },
            },
          ],
        }),
      ),
    ).rejects.toMatchObject({ message: expect.stringMatching(/asks for \d+ periods; 100800 is the most/) });
  });

  it('a parameter that it does not know', async () => {
    const { status, body } = await callJson(lab, 'monitoring', 'ListMetrics', { OwningAccount: '1' });
    expect({ status, body }).toMatchObject({ status: 400, body: { __type: 'ValidationException' } });
    expect(body.message).toContain('OwningAccount');
  });

  it('an operation that it does not know', async () => {
    expect((await callJson(lab, 'monitoring', 'PutAnomalyDetector', {})).body).toMatchObject({
      __type: 'UnknownOperationException',
    });
  });

  it('the query protocol of old SDKs, saying so in its own form', async () => {
    const response = await fetch(lab.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/monitoring/aws4_request',
      },
      body: 'Action=ListMetrics&Version=2010-08-01',
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('<Code>UnsupportedOperation</Code>');
  });
});
