import { JOBS } from '../../shared/jobs/registry.ts';
import type { ItemName } from './items.ts';
import { type TestEvidence, testOf } from './test-evidence.ts';

const outcomes = 'shared/consumer/outcomes.test.ts';
const schedule = 'shared/jobs/schedule.test.ts';
const everySchedule = 'shared/jobs/schedule-properties.test.ts';
const jobQueue = 'infra/job-queue.test.ts';
const stagedJobs = 'shared/stages/staged-jobs.test.ts';
const received = 'functions/process-webhook/received.test.ts';
const fanOut = 'functions/fan-out-event/fan-out.test.ts';
const crashPoints = 'faults/crash-points.test.ts';

/** What exercised the parts that all job types share. */
export const SHARED_TESTS: Readonly<Partial<Record<ItemName, readonly TestEvidence[]>>> = {
  idempotent: [
    testOf(outcomes, 'runs once for two messages in one batch, and once more never for a later one'),
  ],
  'safe to run many times': [
    testOf(
      'shared/consumer/steps.test.ts',
      'that finished is not run again by a later attempt, and its result is remembered',
    ),
  ],
  'exponential backoff': [
    testOf(outcomes, 'is tried again after the delay of its schedule, and completes'),
    testOf(everySchedule, 'never shrinks, begins with its base, doubles below its cap, and never passes it'),
  ],
  jitter: [
    testOf(schedule, 'spreads jobs that failed together over half of the delay'),
    testOf(everySchedule, 'reaches both ends of its jitter'),
  ],
  'dead-letter queue': [
    testOf(outcomes, 'is dead-lettered after its last attempt, with its history, and runs no more'),
    testOf(outcomes, 'begins a new life with fresh attempts, and its history shows both'),
  ],
  metrics: [
    testOf('infra/alarms.test.ts', '$type: every alarm, named by stage, type and severity'),
    testOf(
      jobQueue,
      'the dashboard has a row with the five metrics that every queue needs, and the dead letters',
    ),
  ],
  'scales horizontally': [
    testOf(
      'shared/consumer/properties.test.ts',
      'is answered, each message with one outcome, and each key run once',
    ),
    testOf('conformance/lambda-mapping.test.ts', 'stays within MaximumConcurrency'),
  ],
  'backpressure handled': [
    testOf('shared/consumer/deferral.test.ts', 'runs again after that time, and has spent no attempt'),
    testOf('shared/consumer/renewal.test.ts', 'in an outage of its records is renewed until they are back'),
    testOf('shared/consumer/ends.test.ts', 'never runs, is counted, and is no dead letter'),
  ],
  'small composable jobs': [
    testOf(jobQueue, 'goes to the queue of the type alone, and a function is told its address'),
  ],
};

/** Of staged jobs, besides. */
export const STAGED_TESTS: Readonly<Partial<Record<ItemName, readonly TestEvidence[]>>> = {
  'exponential backoff': [testOf(stagedJobs, 'that fails for one item is run again for that one')],
  'dead-letter queue': [
    testOf(stagedJobs, 'that fails for good makes its job a dead letter with the stage in its reason'),
  ],
  'small composable jobs': [
    testOf(stagedJobs, 'runs its stages in order, for each item and side by side, and completes'),
  ],
};

/** What exercised a job type itself: no shared test can stand in for these. */
export const OWN_TESTS: Readonly<
  Record<string, Readonly<Partial<Record<ItemName, readonly TestEvidence[]>>>>
> = {
  [JOBS.sendEmail.type]: {
    idempotent: [
      testOf(
        'functions/send-email/uncertain-sends.test.ts',
        'is found by its events: one mail, and the job completes with the id that SES gave it',
      ),
    ],
    'safe to run many times': [
      testOf(
        'functions/send-email/uncertain-sends.test.ts',
        'is given to a person when no event comes within a quarter of an hour, and not sent again',
      ),
    ],
    'failure scenarios tested': [
      testOf(crashPoints, 'is never sent twice, and never lost in silence, when at "$call" $what'),
    ],
  },
  [JOBS.processPayment.type]: {
    idempotent: [testOf('shared/consumer/transact.test.ts', 'books its payment once, in its first attempt')],
    'safe to run many times': [testOf(crashPoints, 'is booked once when at "$call" $what')],
    'failure scenarios tested': [
      testOf(crashPoints, 'is booked once when at "$call" $what'),
      testOf(
        'shared/consumer/transact.test.ts',
        'that goes on for long fails its attempt, and is booked once by a later one',
      ),
    ],
  },
  [JOBS.placeOrder.type]: {
    idempotent: [testOf(crashPoints, 'takes its stock once and is confirmed once when at "$call" $what')],
    'safe to run many times': [
      testOf(crashPoints, 'takes its stock once and is confirmed once when at "$call" $what'),
    ],
    'failure scenarios tested': [
      testOf(crashPoints, 'takes its stock once and is confirmed once when at "$call" $what'),
    ],
  },
  [JOBS.chargeCard.type]: {
    idempotent: [testOf('functions/charge-card/crashes.test.ts', 'when it is published twice at once')],
    'safe to run many times': [testOf('functions/charge-card/crashes.test.ts', 'when at "$call" $what')],
    'failure scenarios tested': [
      testOf('functions/charge-card/crashes.test.ts', 'when at "$call" $what'),
      testOf(
        'functions/charge-card/provider-trouble.test.ts',
        'when the provider refuses connections for a while',
      ),
    ],
  },
  [JOBS.processWebhook.type]: {
    idempotent: [testOf(received, 'delivered five times, three at once, is one effect')],
    'safe to run many times': [testOf(crashPoints, 'is applied once when at "$call" $what')],
    'failure scenarios tested': [
      testOf(crashPoints, 'is applied once when at "$call" $what'),
      testOf(received, 'whose successors came before it changes nothing'),
    ],
  },
  [JOBS.fanOutEvent.type]: {
    idempotent: [testOf(fanOut, 'that is published twice at once is delivered once each')],
    'safe to run many times': [testOf(fanOut, 'whose fan-out %s is delivered once each')],
    'failure scenarios tested': [
      testOf(fanOut, 'whose fan-out %s is delivered once each'),
      testOf(
        fanOut,
        'that SQS takes for some endpoints only is published again for all, and delivered once each',
      ),
    ],
  },
  [JOBS.deliverWebhook.type]: {
    idempotent: [
      testOf('functions/deliver-webhook/deliveries.test.ts', 'that is published twice at once is made once'),
    ],
    'safe to run many times': [testOf('functions/deliver-webhook/crashes.test.ts', 'when at "$call" $what')],
    'failure scenarios tested': [
      testOf('functions/deliver-webhook/crashes.test.ts', 'when at "$call" $what'),
      testOf(
        'functions/deliver-webhook/endpoint-health.test.ts',
        'rests, and the deliveries that find it so spend no attempt; after the rest one goes alone',
      ),
    ],
  },
  [JOBS.generateReport.type]: {
    idempotent: [testOf('functions/generate-report/report.test.ts', 'that is published twice is one report')],
    'safe to run many times': [
      testOf('functions/generate-report/crashes.test.ts', 'when the process of $stage is killed as it $when'),
    ],
    'failure scenarios tested': [
      testOf('functions/generate-report/crashes.test.ts', 'when the process of $stage is killed as it $when'),
      testOf('functions/generate-report/crashes.test.ts', 'when every process is killed between its stages'),
    ],
  },
};
