import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import type { Settings } from '../config.ts';

export interface JobPlatformProps {
  readonly settings: Settings;
  /** Where every consumer keeps its claims, attempts and verdicts. */
  readonly jobsTable: TableV2;
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
  readonly jobsTable: TableV2;
  readonly alarmTopic: ITopic;
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: JobPlatformProps) {
    super(scope, id);
    this.settings = props.settings;
    this.jobsTable = props.jobsTable;
    this.alarmTopic = props.alarmTopic;
    this.dashboard = props.dashboard;
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
