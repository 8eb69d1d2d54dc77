import type { Difference } from '../differences.ts';

export const SERVICE_DIFFERENCES: readonly Difference[] = [
  {
    tests: 'brings a long deferral back by EventBridge Scheduler',
    localStack: 'keeps schedules, and never fires one',
    aws: {
      says: 'at expression - at(yyyy-mm-ddThh:mm:ss)',
      at: 'https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html',
    },
  },
  {
    tests: 'what a stage needs of the services around it has its dashboard',
    localStack: 'skips AWS::CloudWatch::Dashboard in silence',
  },
  {
    tests: 'evaluates the expressions that its alarms are made of',
    localStack: 'answers InternalError, and leaves alarms on expressions in INSUFFICIENT_DATA',
    aws: {
      says: 'This field can contain either a Metrics Insights query, or a metric math expression to be performed on the returned data.',
      at: 'https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html',
    },
  },
  {
    tests: 'sends e-mails by SES version 2',
    localStack: 'has no SES v2 (501), and skips its resources in silence',
  },
];
