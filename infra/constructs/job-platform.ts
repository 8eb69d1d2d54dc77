import { Duration, Stack } from 'aws-cdk-lib';
import { type Dashboard, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import { scheduleGroupName } from '../../shared/jobs/names.ts';
import type { Settings } from '../config.ts';
import type { StateStack } from '../stacks/state.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

export interface JobPlatformProps {
  readonly settings: Settings;
  /** Where every consumer keeps what it knows of its jobs. */
  readonly state: StateStack;
  /** Where every alarm goes. */
  readonly alarmTopic: ITopic;
  /** Where every job queue adds its row. */
  readonly dashboard: Dashboard;
}

/**
 * What the job queues of a stack share. A queue finds it in a scope around it, as it finds its stack, so that a new job needs
 * to name nothing but its contract.
 */
export class JobPlatform extends Construct {
  readonly settings: Settings;
  /** Claims, attempts and verdicts. */
  readonly jobsTable: TableV2;
  /** What is too large for a record. */
  readonly bucket: Bucket;
  /** Where the messages of long deferrals wait. */
  readonly scheduleGroup: ScheduleGroup;
  /** EventBridge Scheduler's, to send the messages of long deferrals by. */
  readonly scheduleRole: Role;
  readonly alarmTopic: ITopic;
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: JobPlatformProps) {
    super(scope, id);
    this.settings = props.settings;
    this.jobsTable = props.state.tables.jobs;
    this.bucket = props.state.bucket;
    this.scheduleGroup = props.state.scheduleGroup;
    this.scheduleRole = new Role(this, 'ScheduleRole', {
      description: 'EventBridge Scheduler sends deferred jobs back to their queues by it',
      // The group's ARN: Scheduler tells no schedule's own.
      // https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: {
          StringEquals: {
            'aws:SourceAccount': Stack.of(this).account,
            'aws:SourceArn': this.scheduleGroup.scheduleGroupArn,
          },
        },
      }),
    });
    this.alarmTopic = props.alarmTopic;
    this.dashboard = props.dashboard;
    this.#alarms();
  }

  /** Nothing else tells of these jobs: their messages are in no queue. */
  #alarms(): void {
    const { runbook, stage } = this.settings;
    const always = { subject: scheduleGroupName(stage), runbook, threshold: 1, topic: this.alarmTopic };
    new RunbookAlarm(this, 'LateDeferrals', {
      ...always,
      name: 'late-deferrals',
      severity: 'warning',
      says: 'EventBridge Scheduler fails to send waiting jobs back to their queues; it tries for 24 hours, and nothing is lost until then',
      metric: this.scheduleGroup.metricTargetErrors({ statistic: Stats.SUM, period: Duration.minutes(5) }),
      // It waits longer and longer between its tries: a job alone may leave a period out.
      periods: 2,
      outOf: 3,
    });
    new RunbookAlarm(this, 'DroppedDeferrals', {
      ...always,
      name: 'dropped-deferrals',
      severity: 'critical',
      says: 'EventBridge Scheduler gave up on sending waiting jobs back to their queues',
      metric: this.scheduleGroup.metricDropped({ statistic: Stats.SUM, period: Duration.minutes(1) }),
    });
  }

  /** Lets schedules of the group send to a queue. */
  grantScheduledSend(queue: IQueue): void {
    this.scheduleRole.addToPolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }),
    );
  }

  /** @throws Error when no scope around `construct` holds a platform */
  static of(construct: IConstruct): JobPlatform {
    for (const scope of construct.node.scopes.toReversed()) {
      const platform = scope.node.children.find((child) => child instanceof JobPlatform);
      if (platform) return platform;
    }
    throw new Error(
      `${construct.node.path} is a job queue without a platform: create a JobPlatform in its stack first.`,
    );
  }
}
