import { LONGEST_LYING_SECONDS } from '../jobs/define-job.ts';
import { LONGEST_HIDDEN_SECONDS } from '../jobs/schedule.ts';
import { LONGEST_SQS_DELAY_SECONDS } from './resend.ts';
import type { Outcome } from './run.ts';

/**
 * What happens to a message after its job: deleted by the mapping, reported as failed and hidden for a while, or sent again and then
 * deleted. Where the sending fails, it is hidden until then.
 */
export type Settlement =
  | { readonly fate: 'delete' }
  | { readonly fate: 'hide'; readonly seconds: number }
  | { readonly fate: 'resend'; readonly atMs: number; readonly renewal: boolean };

/** Waits end together when a claim ends: without it, all of them would be received in the same second. */
export const WAIT_JITTER_SECONDS = 5;

/** How long a decided message waits, at most, for a dead-letter queue that takes it again. */
const LONGEST_NOT_MOVED_SECONDS = 300;
/** So many times its receives: a message that was redriven may have kept its count, as in LocalStack it does. */
const SURELY_NOT_MOVED = 3;

const UNREACHABLE_BASE_SECONDS = 5;
const UNREACHABLE_CAP_SECONDS = 900;

/** A job that is found this little before it is due just waits; one that is found earlier is sent again, since hidden messages are in flight. */
const SHORT_WAIT_MS = 30_000;

export interface SettlementFacts {
  readonly nowMs: number;
  /** When SQS took the message. */
  readonly sentAtMs: number;
  /** SQS's count. It spaces the receives out while the records are unreachable: they are all that is spent. */
  readonly receiveCount: number;
  /** The redrive policy's; at the last receives before it an undecided job is renewed. */
  readonly maxReceiveCount: number;
  /** A number in [0, 1). */
  readonly random: number;
}

/**
 * AWS's own age of the oldest message leaves out what was received so often. Hidden for long before that, a message that only waits for its time would look late.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
const RECEIVES_OUT_OF_AGE = 3;

/** A renewal may itself fail once, and the message is still not lost to the dead-letter queue. */
const RECEIVES_TO_RENEW_IN = 2;

/**
 * The message's fate. What was decided is made visible at once, so that SQS's own redrive policy moves it after the receives that
 * are left; only a message that came that way can be redriven from the console.
 */
export function settlementOf(outcome: Outcome, facts: SettlementFacts): Settlement {
  switch (outcome.kind) {
    case 'completed':
    case 'started':
    case 'duplicate':
    case 'superseded':
    case 'expired':
    case 'cancelled':
      return { fate: 'delete' };
    case 'dead':
      return { fate: 'hide', seconds: notMovedSeconds(facts) };
    case 'deferred':
      return { fate: 'resend', atMs: outcome.untilMs, renewal: false };
    case 'failed':
      // What a handler asks for is waited for as a deferral is: hidden, it would be in flight, and make the job look later than its schedule.
      if (outcome.asked) return { fate: 'resend', atMs: outcome.notBeforeMs, renewal: false };
      return undecided(outcome.notBeforeMs, 0, facts);
    case 'waiting':
      if (outcome.why === 'deferred' && outcome.untilMs - facts.nowMs > SHORT_WAIT_MS)
        return { fate: 'resend', atMs: outcome.untilMs, renewal: false };
      if (outcome.why === 'records-unreachable')
        return undecided(facts.nowMs + unreachableSeconds(facts) * 1000, 0, facts);
      return undecided(outcome.untilMs, WAIT_JITTER_SECONDS * facts.random, facts);
  }
}

/**
 * SQS should have moved it long ago: a dead-letter queue that is gone or refuses it would have it received hundreds of times a minute. Twice as
 * long each time.
 */
function notMovedSeconds({ receiveCount, maxReceiveCount }: SettlementFacts): number {
  const tooMany = receiveCount - SURELY_NOT_MOVED * maxReceiveCount;
  return tooMany <= 0 ? 0 : Math.min(LONGEST_NOT_MOVED_SECONDS, 2 ** Math.min(tooMany - 1, 10));
}

/** @param jitterSeconds after `untilMs`, for those that would come together */
function undecided(untilMs: number, jitterSeconds: number, facts: SettlementFacts): Settlement {
  const { nowMs, sentAtMs, receiveCount } = facts;
  const seconds = Math.max(1, (untilMs - nowMs) / 1000) + jitterSeconds;
  const longestHidden =
    receiveCount < RECEIVES_OUT_OF_AGE ? LONGEST_SQS_DELAY_SECONDS : LONGEST_HIDDEN_SECONDS;
  // Without the jitter: sent again for the same time, it is scheduled once.
  if (seconds > longestHidden) return { fate: 'resend', atMs: untilMs, renewal: false };
  if (!isSpent(facts) && nowMs + seconds * 1000 <= sentAtMs + LONGEST_LYING_SECONDS * 1000)
    return { fate: 'hide', seconds };
  return { fate: 'resend', atMs: nowMs + Math.min(seconds, LONGEST_SQS_DELAY_SECONDS) * 1000, renewal: true };
}

/** Whether the message is at one of the receives that are left for renewing it. */
export function isSpent({
  receiveCount,
  maxReceiveCount,
}: Pick<SettlementFacts, 'receiveCount' | 'maxReceiveCount'>): boolean {
  return receiveCount > maxReceiveCount - RECEIVES_TO_RENEW_IN;
}

function unreachableSeconds({ receiveCount, random }: SettlementFacts): number {
  const nominal = Math.min(
    UNREACHABLE_CAP_SECONDS,
    UNREACHABLE_BASE_SECONDS * 2 ** Math.min(receiveCount, 10),
  );
  return nominal * (0.5 + random / 2);
}
