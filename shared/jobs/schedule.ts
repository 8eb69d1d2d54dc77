import { DefinitionError } from './honest-jobs-error.ts';

/**
 * When a failed job is tried again: one delay after each failed attempt but the last.
 *
 * Every delay is taken times a random factor in [0.5, 1] ("equal jitter"): jobs that failed together come back apart, and
 * unlike full jitter no job burns its attempts in a row while the outage still lasts.
 */
export interface Schedule {
  /** Nominal delays in whole seconds, each 1 to {@link LONGEST_DELAY_SECONDS}. */
  readonly delaysSeconds: readonly number[];
}

/** 7 days. The limit is ours: after a week without an attempt somebody should have looked. */
export const LONGEST_DELAY_SECONDS = 7 * 86_400;

/**
 * 11 h: the longest delay for which a failed job's message is hidden (15 min at its first two receives); for a longer one it is sent again, at its time. SQS hides a message for at
 * most 12 h counted from its receive; the hour between is left for the attempt itself.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
 */
export const LONGEST_HIDDEN_SECONDS = 11 * 3600;

const MOST_ATTEMPTS = 50;
const JITTER_FLOOR = 0.5;

/** 5 s, 30 s, 2 min, 10 min, 1 h: six attempts, which surely outlive an outage of 36 minutes. */
export const DEFAULT_SCHEDULE: Schedule = schedule([5, 30, 120, 600, 3600]);

/**
 * A schedule of explicit delays; an empty list means a single attempt.
 *
 * @param delaysSeconds whole seconds, each 1 to {@link LONGEST_DELAY_SECONDS}; at most 49
 * @throws DefinitionError naming the delay that is out of range
 */
export function schedule(delaysSeconds: readonly number[]): Schedule {
  if (delaysSeconds.length >= MOST_ATTEMPTS)
    throw new DefinitionError(
      `A schedule of ${delaysSeconds.length} delays is too long: at most ${MOST_ATTEMPTS - 1}.`,
    );
  for (const [index, delay] of delaysSeconds.entries())
    if (!Number.isInteger(delay) || delay < 1 || delay > LONGEST_DELAY_SECONDS)
      throw new DefinitionError(
        `Delay ${index + 1} of the schedule is ${delay}: give whole seconds from 1 to ${LONGEST_DELAY_SECONDS} (7 days).`,
      );
  return Object.freeze({ delaysSeconds: Object.freeze([...delaysSeconds]) });
}

export interface ExponentialOptions {
  /** The first delay. */
  readonly baseSeconds: number;
  /** No delay is longer. */
  readonly capSeconds: number;
  /** Runs of the handler in all, 1 to 50; there is one delay fewer. */
  readonly attempts: number;
}

/**
 * Delays that double: `min(capSeconds, baseSeconds * 2^(n-1))` after the n-th failed attempt, before jitter.
 * With base 2, cap 60 and 7 attempts: 2, 4, 8, 16, 32, 60 s.
 *
 * @throws DefinitionError for a base, cap or number of attempts out of range
 */
export function exponential({ baseSeconds, capSeconds, attempts }: ExponentialOptions): Schedule {
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > MOST_ATTEMPTS)
    throw new DefinitionError(
      `exponential() got attempts: ${attempts}; give a whole number from 1 to ${MOST_ATTEMPTS}.`,
    );
  if (capSeconds < baseSeconds)
    throw new DefinitionError(
      `exponential() got capSeconds: ${capSeconds}, which is below baseSeconds: ${baseSeconds}.`,
    );
  return schedule(Array.from({ length: attempts - 1 }, (_, n) => Math.min(capSeconds, baseSeconds * 2 ** n)));
}

/** Runs of the handler before the job is given up on: one more than there are delays. */
export function attemptsOf({ delaysSeconds }: Schedule): number {
  return delaysSeconds.length + 1;
}

/**
 * The delay after the `failedAttempts`-th failed attempt: whole seconds from half of the nominal delay (rounded up) to all
 * of it.
 *
 * @param failedAttempts 1 to the number of delays
 * @param random a number in [0, 1)
 * @throws RangeError when the schedule has no delay left, which the caller must have turned into a dead letter
 */
export function delaySeconds({ delaysSeconds }: Schedule, failedAttempts: number, random: number): number {
  const nominal = delaysSeconds[failedAttempts - 1];
  if (nominal === undefined)
    throw new RangeError(
      `No delay follows attempt ${failedAttempts}: the schedule has ${delaysSeconds.length}.`,
    );
  return Math.ceil(nominal * (JITTER_FLOOR + (1 - JITTER_FLOOR) * random));
}

/** The delay after a failed attempt, and how it came about, for the history. */
export interface RetryDelay {
  readonly delaySeconds: number;
  readonly delayWhy: string;
  /** Whether the handler's own was the longer one. */
  readonly asked: boolean;
}

/**
 * The schedule's own delay after a failed attempt, or the handler's where that one is longer.
 *
 * @param noSoonerSeconds what the handler asked for @default nothing
 */
export function retryDelay(
  schedule: Schedule,
  failedAttempts: number,
  random: number,
  noSoonerSeconds = 0,
): RetryDelay {
  const own = delaySeconds(schedule, failedAttempts, random);
  const which = `delay ${failedAttempts} of ${schedule.delaysSeconds.length}`;
  if (noSoonerSeconds > own)
    return {
      delaySeconds: noSoonerSeconds,
      delayWhy: `no sooner than ${noSoonerSeconds} s, as the handler said; ${which} would have been ${own} s`,
      asked: true,
    };
  return {
    delaySeconds: own,
    delayWhy: `${which}, ${schedule.delaysSeconds[failedAttempts - 1]} s before jitter`,
    asked: false,
  };
}

/** The longest outage that a job surely outlives, however the dice fall: the sum of the shortest possible delays, in seconds. */
export function horizonSeconds({ delaysSeconds }: Schedule): number {
  return delaysSeconds.reduce((sum, nominal) => sum + Math.ceil(nominal * JITTER_FLOOR), 0);
}

/**
 * The longest that one message of a job can wait hidden between attempts, in seconds: a delay that is longer than {@link LONGEST_HIDDEN_SECONDS} even
 * where jitter halves it puts a new message in its place, which is as young as any.
 */
export function longestHiddenSeconds({ delaysSeconds }: Schedule): number {
  let longest = 0;
  let ofThisMessage = 0;
  for (const nominal of delaysSeconds) {
    if (Math.ceil(nominal * JITTER_FLOOR) > LONGEST_HIDDEN_SECONDS) ofThisMessage = 0;
    else ofThisMessage += Math.min(nominal, LONGEST_HIDDEN_SECONDS);
    longest = Math.max(longest, ofThisMessage);
  }
  return longest;
}
