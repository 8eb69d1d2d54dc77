import { inspect } from 'node:util';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import { LONGEST_DELAY_SECONDS } from '../jobs/schedule.ts';

/** Thrown by a handler: no further attempt can help. The job is dead-lettered at once, with this message as its reason. */
export class PermanentError extends HonestJobsError {
  override readonly name = 'PermanentError';
  readonly code: string;

  /**
   * @param message for the person who reads the dead letter: what is wrong and what to do. No payload values that are personal.
   * @param options.code stable and your own, such as `UNKNOWN_ACCOUNT` @default 'PERMANENT'
   */
  constructor(message: string, { code = 'PERMANENT', ...options }: ErrorOptions & { code?: string } = {}) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Thrown inside a step: its effect certainly did not happen (the provider refused, the connection was never made). Only then is
 * the step free to run again without `ifUncertain` being asked. With a {@link PermanentError}, a {@link RetryAfter} or a {@link RetryNoSooner} as its
 * `cause` the attempt ends with that one.
 */
export class NotDone extends HonestJobsError {
  override readonly name = 'NotDone';
  readonly code = 'NOT_DONE';
}

/** The longest deferral: a leap year. */
export const LONGEST_DEFERRAL_SECONDS = 366 * 86_400;

/**
 * Thrown by a handler: not now. The job runs again after `seconds`, and no attempt is spent. Inside a step, throw it as the `cause` of a
 * {@link NotDone}: a step that throws anything else is uncertain.
 */
export class RetryAfter extends HonestJobsError {
  override readonly name: string = 'RetryAfter';
  readonly code: string = 'RETRY_AFTER';
  /** Whole seconds, 1 to {@link LONGEST_DEFERRAL_SECONDS}. */
  readonly seconds: number;

  /**
   * @param seconds rounded up and brought into the range, since most come from a provider's header
   * @param reason for the person who asks why the job waits
   */
  constructor(seconds: number, reason = 'the handler asked for later', options?: ErrorOptions) {
    super(reason, options);
    this.seconds = wholeSeconds(seconds, LONGEST_DEFERRAL_SECONDS);
  }
}

/**
 * Thrown by a handler: the attempt failed, and another one within `seconds` would be of no use. Unlike {@link RetryAfter} it spends the attempt: the
 * next one begins after `seconds` or the schedule's own delay, whichever is longer, and after the last attempt there is none. Inside a step, throw it as
 * the `cause` of a {@link NotDone}. In a stage, whose state machine cannot read it, the next run begins after the `capSeconds` of the stage's retry.
 */
export class RetryNoSooner extends HonestJobsError {
  override readonly name = 'RetryNoSooner';
  readonly code: string;
  /** Whole seconds, 1 to {@link LONGEST_DELAY_SECONDS}, 7 days. */
  readonly seconds: number;

  /**
   * @param seconds rounded up and brought into the range, since most come from a provider's header
   * @param message what failed, for the person who reads the job's history
   * @param options.code stable and your own, such as `HTTP_503` @default 'RETRY_NO_SOONER'
   */
  constructor(
    seconds: number,
    message: string,
    { code = 'RETRY_NO_SOONER', ...options }: ErrorOptions & { code?: string } = {},
  ) {
    super(message, options);
    this.code = code;
    this.seconds = wholeSeconds(seconds, LONGEST_DELAY_SECONDS);
  }
}

function wholeSeconds(seconds: number, most: number): number {
  return Math.min(Math.max(1, Math.ceil(seconds) || 1), most);
}

/** The job was cancelled while it ran. The reason of the handler's `signal`, where the contract says `cancellable`. */
export class Cancelled extends HonestJobsError {
  override readonly name = 'Cancelled';
  readonly code = 'CANCELLED';
}

/** The attempt ran past its `timeoutSeconds` and was abandoned. The reason of the handler's `signal`. */
export class TimedOut extends HonestJobsError {
  override readonly name = 'TimedOut';
  readonly code = 'TIMED_OUT';
}

/** A step was begun after its attempt had ended (aborted, or past the end of its claim), or was taken over by another run. */
export class StepRefused extends HonestJobsError {
  override readonly name = 'StepRefused';
  readonly code = 'STEP_REFUSED';
}

/** A step began in an earlier attempt and left no certain outcome, and its author chose that a person decides. */
export class StepUncertain extends PermanentError {
  constructor(step: string, beganAtMs: number) {
    super(
      `Step "${step}" began at ${new Date(beganAtMs).toISOString()} and left no certain outcome: its effect may have happened. Check with the provider before anything repeats it.`,
      { code: 'STEP_UNCERTAIN' },
    );
  }
}

/** A step is uncertain and its `verify` could not tell yet: the job waits, and looks again. */
export class StepUnverified extends RetryAfter {
  override readonly name = 'StepUnverified';
  override readonly code = 'STEP_UNVERIFIED';
}

/** What the records keep of an error. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly stack?: string;
}

const LONGEST_CODE_BYTES = 100;
const LONGEST_MESSAGE_BYTES = 1000;
const LONGEST_STACK_BYTES = 2000;

/** Anything that can be thrown, in a bounded size. The chain of causes is part of the message, as that is where the truth often is. */
export function errorRecord(thrown: unknown): ErrorRecord {
  try {
    return thrown instanceof Error ? recordOf(thrown) : { code: 'NOT_AN_ERROR', message: shown(thrown) };
  } catch {
    // Its own properties throw when they are read.
    return { code: 'UNREADABLE_ERROR', message: 'An error was thrown that cannot be read.' };
  }
}

function recordOf(thrown: Error): ErrorRecord {
  const { code, name, stack } = thrown as { code?: unknown; name?: unknown; stack?: unknown };
  return {
    // The numbers of a DOMException tell nothing; its name does.
    code: cut(textOf(code) ?? textOf(name) ?? 'Error', LONGEST_CODE_BYTES),
    message: cut(causes(thrown).join(' ← '), LONGEST_MESSAGE_BYTES),
    ...(typeof stack === 'string' ? { stack: cut(stack, LONGEST_STACK_BYTES) } : {}),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function shown(value: unknown): string {
  return cut(inspect(value), LONGEST_MESSAGE_BYTES);
}

function causes(error: Error): string[] {
  const messages: string[] = [];
  for (let current: unknown = error; current instanceof Error && messages.length < 5; current = current.cause)
    messages.push(textOf(current.message) ?? textOf(current.name) ?? 'no message');
  return messages;
}

/** The text in at most so many bytes. */
export function cut(text: string, bytes: number): string {
  const whole = Buffer.from(text);
  // A character that is cut in two becomes U+FFFD, which is as good an end as any.
  return whole.length <= bytes ? text : `${whole.subarray(0, bytes - 3).toString()}…`;
}
