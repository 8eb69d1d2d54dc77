import { type TestEvidence, testOf } from '../../../cli/checklist/test-evidence.ts';
import type { Explained } from './compare.ts';

/** An allowance that this exercise does not use, with the test that shows its use, where a function uses it at all. */
export interface ExplainedBy extends Explained {
  readonly test?: TestEvidence;
}

const deferral = 'shared/consumer/deferral.test.ts';
const stagedJobs = 'shared/stages/staged-jobs.test.ts';

const UNUSED: readonly Omit<ExplainedBy, 'what'>[] = [
  {
    action: /^logs:(CreateLogStream|PutLogEvents)$/,
    resource: /:log-group:\/aws\/lambda\//,
    reason: "Lambda writes a function's logs, by the function's role.",
  },
  {
    action: /^sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)$/,
    resource: /:honest-jobs-dev-[a-z-]+$/,
    reason:
      "The mapping polls by the function's role: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
  },
  {
    action: /^sqs:SendMessage$/,
    resource: /:honest-jobs-dev-(email-events|execution-ends)-dead$/,
    reason: "Lambda hands on what an asynchronous invocation failed at, by the function's role.",
    test: testOf('functions/email-events/recorder.test.ts', 'is kept for a person, who is told'),
  },
  {
    action: /^sqs:SendMessage$/,
    resource:
      /:honest-jobs-dev-(process-payment|place-order|charge-card|process-webhook|fan-out-event|generate-report)$/,
    reason:
      'A message is renewed before its receives run out, and sent again where its handler asks for later.',
    test: testOf(
      'shared/consumer/renewal.test.ts',
      'in an outage of its records is renewed until they are back',
    ),
  },
  {
    action: /^(scheduler:CreateSchedule|iam:PassRole)$/,
    resource: /:(schedule\/honest-jobs-dev\/[a-z-]+-\*|role\/HonestJobs-dev-Jobs-PlatformScheduleRole.+)$/,
    reason: 'A deferral beyond 15 minutes is a schedule, which is handed the role to send by.',
    test: testOf(deferral, 'beyond 15 minutes is sent by EventBridge Scheduler, at its time'),
  },
  {
    action: /^s3:(Get|Put)Object$/,
    resource: /\/step-results\/[a-z-]+\/\*$/,
    reason: "A step's result above what a record holds lies in the bucket.",
    test: testOf(
      'shared/consumer/step-choices.test.ts',
      'above what a record holds is kept in S3, and read from there by later attempts',
    ),
  },
  {
    action: /^s3:(Get|Put)Object$/,
    resource: /\/stage-data\/[a-z-]+\/\*$/,
    reason: 'What is too large for the data of an execution lies in the bucket.',
    test: testOf(stagedJobs, 'whose data is too large for an execution goes through the bucket by itself'),
  },
  {
    action: /^s3:AbortMultipartUpload$/,
    resource: /\/reports\/\*$/,
    reason: 'An upload in parts that fails is given up, so that its parts are not kept and billed.',
  },
  {
    action: /^s3:GetObject$/,
    resource: /\/reports\/\*$/,
    reason: 'Who follows the link in the e-mail acts by the rights of the one that signed it.',
    test: testOf(
      'functions/generate-report/report.test.ts',
      'is linked to from its e-mail, and the link opens',
    ),
  },
  {
    action: /^dynamodb:ConditionCheckItem$/,
    resource: /:table\/honest-jobs-dev-jobs$/,
    reason:
      "A step within a stage begins only while the stage is its run's. Any stage may have one; of a report's, the one that notifies has.",
  },
  {
    action: /^dynamodb:GetItem$/,
    resource:
      /:table\/honest-jobs-dev-(payments|accounts|orders|stock|charges|suppressions|webhook-states|reports)$/,
    reason:
      'A condition that fails hands out the item that stood in its way (ReturnValuesOnConditionCheckFailure). AWS documents no right for that; that it needs none is for a real account to show.',
  },
];

const WILDCARDS: readonly Omit<ExplainedBy, 'what'>[] = [
  {
    action: /^logs:/,
    resource: /:log-group:\/aws\/lambda\/[a-z-]+:\*$/,
    reason: 'The streams of one log group, which Lambda names.',
  },
  {
    action: /^scheduler:CreateSchedule$/,
    resource: /:schedule\/honest-jobs-dev\/[a-z-]+-\*$/,
    reason: 'Schedules of one job type, each of a name of its own.',
  },
  {
    action: /^s3:(GetObject|PutObject|AbortMultipartUpload)$/,
    resource:
      /^arn:aws:s3:::[a-z0-9-]+\/(step-results\/[a-z-]+|stage-data\/[a-z-]+|report-assets|report-data|reports)\/\*$/,
    reason: 'Objects are named by their job or by what is in them.',
  },
  {
    action: /^states:(Describe|Redrive)Execution$/,
    resource: /:execution:honest-jobs-dev-[a-z-]+:\*$/,
    reason: 'Executions of one state machine, each named by its job.',
  },
];

/** Why a role allows what no call here used, and why a resource is given by a wildcard. */
export const EXPLAINED: readonly ExplainedBy[] = [
  ...UNUSED.map((one) => ({ what: 'unused' as const, ...one })),
  ...WILDCARDS.map((one) => ({ what: 'wildcard' as const, ...one })),
];
