/**
 * US dollars in us-east-1, beyond every free tier. Looked up in autumn 2026, but for those of SES, S3, SNS, Secrets Manager, KMS and EventBridge
 * Scheduler, which are of AWS's price pages as they were before: look again before you lean on them.
 */
export const PRICES_OF = 'autumn 2026, us-east-1';

/** For each million of what is counted. */
export const PER_MILLION = {
  sqsRequests: 0.4,
  invocations: 0.2,
  writeUnits: 0.625,
  readUnits: 0.125,
  stateTransitions: 25,
  emails: 100,
  notifications: 0.5,
  objectPuts: 5,
  objectGets: 0.4,
  schedules: 1,
  secretReads: 5,
} as const;

export const PER_GB_SECOND_ARM64 = 0.0000133334;
export const PER_GB_LOGGED = 0.5;

/** For each and month. */
export const PER_MONTH = {
  alarm: 0.1,
  customMetric: 0.3,
  dashboard: 3,
  secret: 0.4,
  kmsKey: 1,
  /** Lambda's pollers receive from an empty queue all the time: $0.10 to $0.26. */
  mapping: 0.2,
} as const;
