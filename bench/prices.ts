/**
 * US dollars in us-east-1, beyond every free tier, each looked up in November 2026 or earlier that autumn. Those of SES are of AWS's price list of 2026-07-22, of
 * Secrets Manager of its price page as of 2026-09-20; of S3, SNS, KMS and EventBridge of their price pages as others quoted them in 2026.
 * https://aws.amazon.com/ses/pricing/ https://aws.amazon.com/secrets-manager/pricing/ https://aws.amazon.com/s3/pricing/ https://aws.amazon.com/sns/pricing/
 * https://aws.amazon.com/kms/pricing/ https://aws.amazon.com/eventbridge/pricing/
 */
export const PRICES_OF = 'autumn 2026, us-east-1';

/** For each million of what is counted. */
export const PER_MILLION = {
  sqsRequests: 0.4,
  invocations: 0.2,
  writeUnits: 0.625,
  readUnits: 0.125,
  stateTransitions: 25,
  /** In the plan Essentials, which an account has that is new to SES since 2026-07-21. À la carte, as all others have it, it is 100. */
  emails: 160,
  /** A publish; the delivery to a function is free. */
  notifications: 0.5,
  objectPuts: 5,
  objectGets: 0.4,
  schedules: 1,
  secretReads: 5,
} as const;

export const PER_GB_SECOND_ARM64 = 0.0000133334;
export const PER_GB_LOGGED = 0.5;

/** A sweep for the ends of executions, in the memory and the time that it takes of Lambda where nothing has ended. */
export const SWEEP = { aMonth: 4 * 730, gb: 0.25, seconds: 0.1 } as const;

/** For each and month. */
export const PER_MONTH = {
  /** For each metric that an alarm looks at: one on an expression over two is two. https://aws.amazon.com/cloudwatch/pricing/ */
  alarmMetric: 0.1,
  customMetric: 0.3,
  dashboard: 3,
  secret: 0.4,
  /** And as much again for each of its first two rotations, which are a year apart. */
  kmsKey: 1,
  /** Lambda's pollers receive from an empty queue all the time: $0.10 to $0.26. */
  mapping: 0.2,
} as const;
