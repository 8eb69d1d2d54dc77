/** For those who write handlers. */
export { consume, type SqsHandler } from './consume.ts';
export type { JobContext, JobHandler } from './context.ts';
export { CLIENT_DEFAULTS, documentClient, s3Client } from './default-runtime.ts';
export {
  Cancelled,
  NotDone,
  PermanentError,
  RetryAfter,
  RetryNoSooner,
  StepRefused,
  StepUncertain,
  StepUnverified,
  TimedOut,
} from './errors.ts';
export type { Runtime } from './runtime.ts';
export {
  type Check,
  deadLetter,
  type IfUncertain,
  repeat,
  type StepFunction,
  type Verified,
  verify,
} from './step.ts';
export { transact } from './transact.ts';
