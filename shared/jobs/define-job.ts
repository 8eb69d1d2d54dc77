import type * as z from 'zod';
import { DefinitionError } from './honest-jobs-error.ts';
import { attemptsOf, DEFAULT_SCHEDULE, type Schedule, schedule } from './schedule.ts';

/** What infra needs of a contract: everything but the payload's type. A `Job<Payload>` is one, whatever its payload. */
export interface JobSettings {
  /** The name on the wire and in every physical name: lower case letters, digits and `-`, at most 31. Never renamed. */
  readonly type: string;
  /** How long one attempt may run, 1 to {@link LONGEST_TIMEOUT_SECONDS} seconds. */
  readonly timeoutSeconds: number;
  readonly schedule: Schedule;
  /** Messages a batch, 1 to 10. */
  readonly batchSize: number;
  /** The most batches that run at a time, 2 to 1,000 (the mapping's MaximumConcurrency). */
  readonly maxConcurrency: number;
  /** The function's memory, 128 to 10,240 MB. */
  readonly memoryMegabytes: number;
  /** How often a handler may ask for later (`RetryAfter`) in one life, 0 to 10,000: one that always does would never end. */
  readonly mostDeferrals: number;
  /** Whether a running attempt is aborted when its job is cancelled; it costs a read of the record every 2 s while it runs. */
  readonly cancellable: boolean;
}

/** The one definition of a job type. Infrastructure, consumer, publisher and documents all read it. */
export interface Job<Payload = unknown, Input = Payload> extends JobSettings {
  readonly payload: z.ZodType<Payload, Input>;
  /** What makes two messages the same work. Pure; 1 to {@link LONGEST_KEY_BYTES} bytes; no secrets, since it is shown and logged. */
  key(payload: Payload): string;
}

/**
 * A contract whose payload type does not matter to the reader: every `Job` is one, since `key` is declared as a method (its
 * parameter would forbid it otherwise). Its `key` takes only what its own `payload` has parsed.
 */
export type AnyJob = Job<unknown, unknown>;

export interface JobDefinition<Payload, Input> {
  readonly type: string;
  readonly payload: z.ZodType<Payload, Input>;
  key(payload: Payload): string;
  /** @default 30 */
  readonly timeoutSeconds?: number;
  /** @default DEFAULT_SCHEDULE: 5 s, 30 s, 2 min, 10 min, 1 h */
  readonly schedule?: Schedule;
  /** @default 10 */
  readonly batchSize?: number;
  /** @default 10 */
  readonly maxConcurrency?: number;
  /** @default 256 */
  readonly memoryMegabytes?: number;
  /** @default 100 */
  readonly mostDeferrals?: number;
  /** @default false: a cancellation waits for the attempt's end */
  readonly cancellable?: boolean;
}

/** Leaves the function, which gets {@link TIMEOUT_MARGIN_SECONDS} more, under Lambda's 15 minutes. */
export const LONGEST_TIMEOUT_SECONDS = 840;
/** What the function has beyond its job's timeout: to record outcomes and answer after a job was abandoned. */
export const TIMEOUT_MARGIN_SECONDS = 15;
/** DynamoDB's partition key holds 2,048 bytes: this leaves room for the type. */
export const LONGEST_KEY_BYTES = 1024;
/** How long SQS keeps a message on the job's queue. */
export const RETENTION_SECONDS = 4 * 86_400;
/**
 * An hour short of half of it: a message that would be older when it comes back is not hidden but sent again, and is as young as any. So a schedule may
 * add up to more than SQS keeps a message for, and one that is past the half, of which an alarm tells, has not been received.
 */
export const LONGEST_LYING_SECONDS = RETENTION_SECONDS / 2 - 3600;
/** How long SQS keeps a dead letter, its longest; it counts from the first enqueue, hence longer than {@link RETENTION_SECONDS}. */
export const DEAD_LETTER_RETENTION_SECONDS = 14 * 86_400;
/**
 * How long a key is remembered: a message can lie on its queue, then in the DLQ, be redriven on the last day, and lie again.
 */
export const RECORD_RETENTION_SECONDS = 2 * (RETENTION_SECONDS + DEAD_LETTER_RETENTION_SECONDS);
/** Receives beyond those that attempts need, for those that were no attempts (throttles, waits, console views). */
export const SPARE_RECEIVES = 5;

const DEFAULTS = {
  timeoutSeconds: 30,
  schedule: DEFAULT_SCHEDULE,
  batchSize: 10,
  maxConcurrency: 10,
  memoryMegabytes: 256,
  mostDeferrals: 100,
  cancellable: false,
} as const satisfies Partial<JobSettings>;

/**
 * Defines a job type. Everything but `type`, `payload` and `key` has a default.
 *
 * @example
 * const sendReceipt = defineJob({
 *   type: 'send-receipt',
 *   payload: z.object({ orderId: z.string(), email: z.email() }),
 *   key: ({ orderId }) => orderId,
 * });
 * @throws DefinitionError naming the type, the setting, the value received and the allowed range
 */
export function defineJob<Payload, Input>(definition: JobDefinition<Payload, Input>): Job<Payload, Input> {
  const job = Object.freeze({ ...DEFAULTS, ...definition });
  check(job);
  return job;
}

/**
 * The redrive policy's `maxReceiveCount`: two receives an attempt, since a crash is found by one and followed by another, and
 * {@link SPARE_RECEIVES}.
 */
export function maxReceiveCount(job: JobSettings): number {
  return 2 * attemptsOf(job.schedule) + SPARE_RECEIVES;
}

/** The Lambda function's timeout: the job's, and {@link TIMEOUT_MARGIN_SECONDS}. */
export function functionTimeoutSeconds({ timeoutSeconds }: Pick<JobSettings, 'timeoutSeconds'>): number {
  return timeoutSeconds + TIMEOUT_MARGIN_SECONDS;
}

/** Other functions and queues have names like a job type's. */
const RESERVED = /^(email-events|execution-ends|webhook-ingress)$|-dead$/;

function check(job: JobSettings): void {
  const wrong = (setting: string, value: unknown, allowed: string): never => {
    throw new DefinitionError(`Job "${job.type}": ${setting} is ${JSON.stringify(value)}; ${allowed}.`);
  };
  // Lambda takes names of 64 characters, and a stage's own name up to 20 of them.
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(job.type) || RESERVED.test(job.type))
    wrong(
      'type',
      job.type,
      'use lower case letters, digits and "-", starting with a letter, at most 31 characters; not "email-events", "execution-ends" or "webhook-ingress", and not ending in "-dead": those names are taken',
    );
  const ranges = [
    ['timeoutSeconds', 1, LONGEST_TIMEOUT_SECONDS],
    ['batchSize', 1, 10],
    ['maxConcurrency', 2, 1000],
    ['memoryMegabytes', 128, 10_240],
    ['mostDeferrals', 0, 10_000],
  ] as const;
  for (const [setting, least, most] of ranges) {
    const value = job[setting];
    if (!Number.isInteger(value) || value < least || value > most)
      wrong(setting, value, `give a whole number from ${least} to ${most}`);
  }
  try {
    schedule(job.schedule.delaysSeconds);
  } catch (error) {
    throw new DefinitionError(`Job "${job.type}": ${(error as Error).message}`, { cause: error });
  }
}
