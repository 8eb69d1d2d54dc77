import { Duration } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import {
  DEAD_LETTER_RETENTION_SECONDS,
  functionTimeoutSeconds,
  type JobSettings,
  RETENTION_SECONDS,
} from '../../shared/jobs/define-job.ts';
import { queueName } from '../../shared/jobs/names.ts';
import { FUNCTION_TIMEOUTS_HIDDEN } from '../checks/queue-items.ts';
import { type Settings, type Severity, thresholdsOf } from '../config.ts';
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
  /** Periods at or above the threshold, of `outOf`. @default 1 */
  readonly periods?: number;
  /** @default as many as `periods`: in a row */
  readonly outOf?: number;
  /** What is the case when the alarm is on. */
  readonly says: (threshold: number) => string;
}

const MINUTE = { period: Duration.minutes(1) };
const HOUR = { period: Duration.hours(1) };
const FIVE_MINUTES_SECONDS = 300;
const HOUR_SECONDS = 3600;
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
      ...(rule.outOf !== undefined && { outOf: rule.outOf }),
    });
  }
}

function rules({ job, settings, metrics }: JobAlarmsProps): readonly Rule[] {
  const { depth, ageSeconds, failureRate, minimumVolume } = thresholdsOf(job.type, settings);
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
      name: 'failed-invocations',
      metric: metrics.failedInvocations(),
      thresholds: { critical: 1 },
      periods: 3,
      outOf: periodsOfThreeReceives(job),
      says: () =>
        'invocations keep failing or being throttled before a job is looked at; each spends a receive',
    },
    {
      name: 'unreachable-records',
      metric: metrics.own('Unreachable'),
      thresholds: { critical: 1 },
      // Of three: a job alone waits up to 15 minutes for its next look, and soon more than one period.
      periods: 2,
      outOf: 3,
      says: () => 'the table of job records does not answer; jobs wait and are not run',
    },
    {
      name: 'dead-letters',
      metric: metrics.deadLetters(MINUTE),
      thresholds: { warning: 1 },
      says: () => 'jobs were given up on and lie in the dead-letter queue',
    },
    {
      // What lies there changes no state of its alarm any more, however many follow.
      name: 'new-dead-letters',
      metric: metrics.own('DeadLettered'),
      thresholds: { warning: 1 },
      says: () => 'jobs have been given up on within five minutes',
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
      // Not by their age, which leaves out what was received three times: whoever looks at letters receives them. The days before the move, at
      // most the queue's retention, fit into the half that is left. An alarm looks back so far and no further.
      metric: metrics.deadLetters(HOUR),
      thresholds: { critical: 1 },
      periods: DEAD_LETTER_RETENTION_SECONDS / 2 / HOUR_SECONDS,
      says: () =>
        `dead letters have lain there for half of the ${DEAD_LETTER_RETENTION_SECONDS / DAY_SECONDS} days after which SQS deletes them`,
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

/** Nobody shortens what a failed invocation hides its messages for: one message alone comes again only then, and surely three times in so many periods. */
function periodsOfThreeReceives(job: JobSettings): number {
  const hiddenSeconds = FUNCTION_TIMEOUTS_HIDDEN * functionTimeoutSeconds(job);
  return Math.max(3, Math.ceil((2 * hiddenSeconds) / FIVE_MINUTES_SECONDS) + 1);
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(3))} %`;
}
