import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { isStaged } from '../../shared/jobs/staged-job.ts';
import { type Resource, synthesized } from './synthesized.ts';

const prod = synthesized({ stage: 'prod', alarmEmail: 'ops@example.com' });
const alarms = [...prod.resources('AWS::CloudWatch::Alarm').values()];

function alarm(name: string): Resource['Properties'] {
  const found = alarms.find(({ Properties }) => Properties.AlarmName === `honest-jobs-prod-${name}`);
  if (!found) throw new Error(`no alarm ${name}`);
  return found.Properties;
}

interface MetricData {
  readonly Id: string;
  readonly Expression?: string;
  readonly MetricStat?: { readonly Stat: string; readonly Period: number; readonly Metric: object };
}

/** Runs an alarm's own expression over one period; a metric that is left out reported nothing. */
function evaluate(name: string, metrics: Readonly<Record<string, number>>): number {
  const data = alarm(name).Metrics as readonly MetricData[];
  const expression = data.find(({ Expression }) => Expression)?.Expression;
  const ids = data.filter(({ MetricStat }) => MetricStat).map(({ Id }) => Id);
  const run = new Function('FILL', 'MAX', 'IF', ...ids, `return ${expression}`);
  return run(
    (value: number | undefined, fill: number) => value ?? fill,
    (values: readonly number[]) => Math.max(...values),
    (condition: boolean, yes: number, no: number) => (condition ? yes : no),
    ...ids.map((id) => metrics[id]),
  );
}

describe('every job type has from its first day', () => {
  const jobs: readonly AnyJob[] = Object.values(JOBS);

  test.each(jobs)('$type: every alarm, named by stage, type and severity', (job) => {
    const { type } = job;
    const ofStages = isStaged(job)
      ? [
          'failed-executions-warning',
          'timed-out-executions-warning',
          ...job.stages.flat().map(({ name }) => `${name}-stage-duration-warning`),
        ]
      : [];
    const names = alarms
      .map(({ Properties }) => Properties.AlarmName as string)
      .filter((name) => name.startsWith(`honest-jobs-prod-${type}-`))
      .map((name) => name.slice(`honest-jobs-prod-${type}-`.length));
    const expected = [
      ...ofStages,
      'age-critical',
      'age-warning',
      'failed-invocations-critical',
      'unreachable-records-critical',
      'new-dead-letters-warning',
      'dead-letter-retention-critical',
      'dead-letters-warning',
      'depth-critical',
      'depth-warning',
      'failure-rate-critical',
      'failure-rate-warning',
      'in-flight-critical',
      'in-flight-warning',
      'retention-critical',
    ];
    expect(names.sort()).toEqual(expected.sort());
  });
});

test('a stage hears of deferred jobs whose message is late, before EventBridge Scheduler gives up on it', () => {
  expect(alarm('late-deferrals-warning')).toMatchObject({
    Namespace: 'AWS/Scheduler',
    MetricName: 'TargetErrorCount',
    Dimensions: [{ Name: 'ScheduleGroup', Value: 'honest-jobs-prod' }],
    Period: 300,
    EvaluationPeriods: 3,
    DatapointsToAlarm: 2,
    Threshold: 1,
  });
});

test('a stage hears of deferred jobs whose message EventBridge Scheduler gave up on', () => {
  expect(alarm('dropped-deferrals-critical')).toMatchObject({
    Namespace: 'AWS/Scheduler',
    MetricName: 'InvocationDroppedCount',
    Dimensions: [{ Name: 'ScheduleGroup', Value: 'honest-jobs-prod' }],
    Statistic: 'Sum',
    Threshold: 1,
  });
});

describe('an alarm', () => {
  test('goes to the one topic, and so does its end', () => {
    const [topic] = prod.resources('AWS::SNS::Topic').keys();
    expect(topic).toMatch(/^Alarms/);
    for (const { Properties } of alarms)
      expect(Properties).toMatchObject({ AlarmActions: [{ Ref: topic }], OKActions: [{ Ref: topic }] });
  });

  test('is off where nothing is reported: an idle queue is well', () => {
    for (const { Properties } of alarms) expect(Properties.TreatMissingData).toBe('notBreaching');
  });

  test('calculates with FILL, MAX and IF alone', () => {
    const functions = alarms
      .flatMap(({ Properties }) => (Properties.Metrics ?? []) as MetricData[])
      .flatMap(({ Expression = '' }) => [...Expression.matchAll(/[A-Z_]{2,}/g)].map(([name]) => name));
    expect([...new Set(functions)].sort()).toEqual(['FILL', 'IF', 'MAX']);
  });

  test('ends in a section of the runbook that describes, investigates and resolves; no section is without an alarm', () => {
    const sections = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8')
      .split(/^## /m)
      .slice(1);
    const anchors = new Set(
      alarms.map(({ Properties }) => /docs\/runbook\.md#(.+)$/.exec(Properties.AlarmDescription)?.[1]),
    );
    expect(new Set(sections.map((section) => section.slice(0, section.indexOf('\n'))))).toEqual(anchors);
    for (const section of sections)
      expect([...section.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading)).toEqual([
        'Description',
        'Investigation',
        'Resolution',
      ]);
  });
});

describe('age', () => {
  const waitsSeconds = 5 + 30 + 120 + 600 + 3600;

  test('is the larger of the measure of AWS and ours', () => {
    expect(evaluate('send-email-age-warning', { aws: 700, visible: 1, own: 100 })).toBe(700);
    expect(evaluate('send-email-age-warning', { aws: 100, visible: 1, own: waitsSeconds + 700 })).toBe(700);
  });

  test('is seen while nothing is consumed and we report nothing', () => {
    expect(evaluate('send-email-age-warning', { aws: 700, visible: 1 })).toBe(700);
  });

  test('of a message that is hidden or delayed, as of a job that backs off, is not late by the measure of AWS', () => {
    expect(evaluate('deliver-webhook-age-warning', { aws: 305, visible: 0, own: 5 })).toBe(0);
    expect(evaluate('deliver-webhook-age-warning', { aws: 305 })).toBe(0);
  });

  test('is seen while all is being retried and AWS reports nothing', () => {
    expect(evaluate('send-email-age-warning', { own: waitsSeconds + 700 })).toBe(700);
  });

  test('of a job that needs every attempt of its schedule is not late', () => {
    expect(evaluate('send-email-age-warning', { own: waitsSeconds })).toBe(0);
  });

  test('of a job whose delays are days is late beyond what one message of it is hidden for', () => {
    const hidden = 5 + 300 + 1800 + 2 * 3600 + 5 * 3600 + 10 * 3600 + 2 * 11 * 3600;
    expect(evaluate('deliver-webhook-age-warning', { own: hidden })).toBe(0);
    expect(evaluate('deliver-webhook-age-warning', { own: hidden + 700 })).toBe(700);
  });

  test('is measured by maximum, of the queue while messages lie there and of the metric that the consumer reports', () => {
    const data = (alarm('send-email-age-warning').Metrics as MetricData[]).filter(
      ({ MetricStat }) => MetricStat,
    );
    expect(data.map(({ MetricStat }) => MetricStat)).toEqual([
      expect.objectContaining({
        Stat: 'Maximum',
        Metric: expect.objectContaining({
          Namespace: 'AWS/SQS',
          MetricName: 'ApproximateAgeOfOldestMessage',
        }),
      }),
      expect.objectContaining({
        Stat: 'Maximum',
        Metric: {
          Namespace: 'honest-jobs/prod',
          MetricName: 'Age',
          Dimensions: [{ Name: 'service', Value: 'send-email' }],
        },
      }),
      expect.objectContaining({
        Stat: 'Minimum',
        Metric: expect.objectContaining({ MetricName: 'ApproximateNumberOfMessagesVisible' }),
      }),
    ]);
  });

  test('past half of the retention is critical, schedule or not', () => {
    expect(alarm('send-email-retention-critical').Threshold).toBe(2 * 86_400);
    expect(evaluate('send-email-retention-critical', { own: 2 * 86_400 })).toBe(2 * 86_400);
    expect(evaluate('send-email-retention-critical', { aws: 2 * 86_400 })).toBe(2 * 86_400);
  });
});

describe('the failure rate', () => {
  test('is the failed part of all attempts', () => {
    expect(evaluate('send-email-failure-rate-warning', { completed: 90, failed: 10 })).toBe(0.1);
  });

  test('is 1 while nothing completes', () => {
    expect(evaluate('send-email-failure-rate-warning', { failed: 20 })).toBe(1);
  });

  test('says nothing about fewer attempts than the minimum volume', () => {
    expect(evaluate('send-email-failure-rate-warning', { failed: 19 })).toBe(0);
    expect(evaluate('send-email-failure-rate-warning', {})).toBe(0);
  });
});

describe('messages in flight', () => {
  test('are reported at 60 % and at 80 % of what SQS allows', () => {
    expect(alarm('send-email-in-flight-warning').Threshold).toBe(72_000);
    expect(alarm('send-email-in-flight-critical').Threshold).toBe(96_000);
  });
});

describe('invocations that fail', () => {
  test('are those with an error and those that were throttled', () => {
    expect(evaluate('send-email-failed-invocations-critical', { errors: 1 })).toBe(1);
    expect(evaluate('send-email-failed-invocations-critical', { throttles: 2, errors: 0 })).toBe(2);
    expect(evaluate('send-email-failed-invocations-critical', {})).toBe(0);
  });

  test('are looked for as long as one message alone needs for three receives, none of which anybody shortens', () => {
    const periods = (type: string) => alarm(`${type}-failed-invocations-critical`);
    expect(periods('send-email')).toMatchObject({ EvaluationPeriods: 3 });
    expect(periods('charge-card')).toMatchObject({ EvaluationPeriods: 4, DatapointsToAlarm: 3 });
  });
});

describe('dead letters', () => {
  test('are told of after half of their days by what lies there in each hour, since whoever looks at them stops their age', () => {
    expect(alarm('send-email-dead-letter-retention-critical')).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Statistic: 'Maximum',
      Period: 3600,
      EvaluationPeriods: 7 * 24,
      Threshold: 1,
    });
  });

  test('are told of again by what was given up on, each five minutes', () => {
    expect(alarm('send-email-new-dead-letters-warning')).toMatchObject({
      MetricName: 'DeadLettered',
      Statistic: 'Sum',
      Period: 300,
      Threshold: 1,
    });
  });

  test('are reported from the first one on, by what lies there and not by what was sent there', () => {
    expect(alarm('send-email-dead-letters-warning')).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    });
  });
});

describe('thresholds', () => {
  test('of a job type come before those of its stage, severity by severity', () => {
    const own = synthesized({
      stage: 'prod',
      jobs: { 'send-email': { thresholds: { depth: { critical: 7777 } } } },
    });
    const depths = [...own.resources('AWS::CloudWatch::Alarm').values()]
      .filter(({ Properties }) => /send-email-(depth|age)/.test(Properties.AlarmName))
      .map(({ Properties }) => [Properties.AlarmName, Properties.Threshold]);
    expect(Object.fromEntries(depths)).toEqual({
      'honest-jobs-prod-send-email-depth-warning': 1000,
      'honest-jobs-prod-send-email-depth-critical': 7777,
      'honest-jobs-prod-send-email-age-warning': 300,
      'honest-jobs-prod-send-email-age-critical': 1800,
    });
  });
});

describe('the topic', () => {
  const [policy] = prod.resources('AWS::SNS::TopicPolicy').values();

  test('lets CloudWatch publish, which a topic with a policy of its own does not by itself', () => {
    expect(policy?.Properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
      }),
    );
  });

  test('refuses what does not come by TLS', () => {
    expect(policy?.Properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Deny',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    );
  });

  test('tells whom the settings name', () => {
    prod.template.jobs.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
  });
});
