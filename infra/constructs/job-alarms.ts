import { Duration } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import {
  DEAD_LETTER_RETENTION_SECONDS,
  type JobSettings,
  RETENTION_SECONDS,
} from '../../shared/jobs/define-job.ts';
import { queueName } from '../../shared/jobs/names.ts';
import type { Settings, Severity, Thresholds } from '../config.ts';
import type { JobMetrics } from './job-metrics.ts';
import { pascalCase } from './pascal-case.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

export interface JobAlarmsProps {
  readonly job: JobSettings;
  readonly settings: Settings;
  readonly metrics: JobMetrics;
  readonly topic: ITopic;
}

/**
 * SQS delivers no more once so many messages of a queue are received and not deleted, without an error under long polling.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
export const MOST_IN_FLIGHT = 120_000;

interface Rule {
  /** Also the anchor of its section in the runbook. */
  readonly name: string;
  readonly metric: IMetric;
  /** The alarm is on at the threshold and above it. One left out makes no alarm. */
  readonly thresholds: { readonly [S in Severity]?: number | undefined };
  /** Periods in a row at or above the threshold. @default 1 */
  readonly periods?: number;
  /** What is the case when the alarm is on. */
  readonly says: (threshold: number) => string;
}

const MINUTE = { period: Duration.minutes(1) };
const DAY_SECONDS = 86_400;

/** Every alarm that a job type has from its first day, all to one topic, each with its section of docs/runbook.md. */
export class JobAlarms extends Construct {
  constructor(scope: Construct, id: string, props: JobAlarmsProps) {
    super(scope, id);
    for (const rule of rules(props))
      for (const severity of ['warning', 'critical'] as const) {
        const threshold = rule.thresholds[severity];
        if (threshold !== undefined) this.#add(props, rule, severity, threshold);
      }
  }

  #add({ job, settings, topic }: JobAlarmsProps, rule: Rule, severity: Severity, threshold: number): void {
    new RunbookAlarm(this, `${pascalCase(rule.name)}${pascalCase(severity)}`, {
      subject: queueName(settings.stage, job.type),
      name: rule.name,
      severity,
      says: rule.says(threshold),
      runbook: settings.runbook,
      metric: rule.metric,
      threshold,
      topic,
      ...(rule.periods !== undefined && { periods: rule.periods }),
    });
  }
}

function rules({ job, settings, metrics }: JobAlarmsProps): readonly Rule[] {
  const { depth, ageSeconds, failureRate, minimumVolume } = thresholdsOf(job, settings);
  return [
    {
      name: 'depth',
      metric: metrics.depth(MINUTE),
      thresholds: depth,
      // A burst that is gone within minutes is what a queue is for.
      periods: 5,
      says: (messages) => `${messages} or more messages have waited for five minutes`,
    },
    {
      name: 'age',
      metric: metrics.lateness(),
      thresholds: ageSeconds,
      says: (seconds) => `a job is ${seconds} s or more later than its schedule`,
    },
    {
      name: 'failure-rate',
      metric: metrics.failureRate(minimumVolume),
      thresholds: failureRate,
      says: (rate) => `${percent(rate)} or more of at least ${minimumVolume} attempts in five minutes failed`,
    },
    {
      name: 'dead-letters',
      metric: metrics.deadLetters(MINUTE),
      thresholds: { warning: 1 },
      says: () => 'jobs were given up on and lie in the dead-letter queue',
    },
    {
      name: 'retention',
      metric: metrics.age(),
      thresholds: { critical: RETENTION_SECONDS / 2 },
      says: () =>
        `a job is past half of the ${RETENTION_SECONDS / DAY_SECONDS} days after which SQS deletes it`,
    },
    {
      name: 'dead-letter-retention',
      // The metric leaves out the days before the move, at most the queue's retention: they fit into the half that is left.
      metric: metrics.deadLetterAge(),
      thresholds: { critical: DEAD_LETTER_RETENTION_SECONDS / 2 },
      says: () =>
        `a dead letter is past half of the ${DEAD_LETTER_RETENTION_SECONDS / DAY_SECONDS} days after which SQS deletes it`,
    },
    {
      name: 'in-flight',
      metric: metrics.inFlight(MINUTE),
      thresholds: { warning: 0.6 * MOST_IN_FLIGHT, critical: 0.8 * MOST_IN_FLIGHT },
      says: (messages) =>
        `${messages} or more messages run or back off; at ${MOST_IN_FLIGHT} SQS silently stops delivering`,
    },
  ];
}

function thresholdsOf({ type }: JobSettings, settings: Settings): Thresholds {
  const own = settings.jobs[type]?.thresholds;
  return {
    depth: own?.depth ?? settings.thresholds.depth,
    ageSeconds: own?.ageSeconds ?? settings.thresholds.ageSeconds,
    failureRate: own?.failureRate ?? settings.thresholds.failureRate,
    minimumVolume: own?.minimumVolume ?? settings.thresholds.minimumVolume,
  };
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(3))} %`;
}
