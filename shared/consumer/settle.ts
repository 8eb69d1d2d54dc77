import { LONGEST_DELAY_SECONDS } from './resend.ts';
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

const UNREACHABLE_BASE_SECONDS = 5;
const UNREACHABLE_CAP_SECONDS = 900;

/** A job that is found this little before it is due just waits; one that is found earlier is sent again, since hidden messages are in flight. */
const SHORT_WAIT_MS = 30_000;

export interface SettlementFacts {
  readonly nowMs: number;
  /** SQS's count. It spaces the receives out while the records are unreachable: they are all that is spent. */
  readonly receiveCount: number;
  /** The redrive policy's; at the last receives before it an undecided job is renewed. */
  readonly maxReceiveCount: number;
  /** A number in [0, 1). */
  readonly random: number;
}

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
      return { fate: 'hide', seconds: 0 };
    case 'deferred':
      return { fate: 'resend', atMs: outcome.untilMs, renewal: false };
    case 'failed':
      return undecided(Math.max(1, (outcome.notBeforeMs - facts.nowMs) / 1000), facts);
    case 'waiting':
      if (outcome.why === 'deferred' && outcome.untilMs - facts.nowMs > SHORT_WAIT_MS)
        return { fate: 'resend', atMs: outcome.untilMs, renewal: false };
      return undecided(waitSeconds(outcome, facts), facts);
  }
}

function undecided(seconds: number, { nowMs, receiveCount, maxReceiveCount }: SettlementFacts): Settlement {
  if (receiveCount <= maxReceiveCount - RECEIVES_TO_RENEW_IN) return { fate: 'hide', seconds };
  return { fate: 'resend', atMs: nowMs + Math.min(seconds, LONGEST_DELAY_SECONDS) * 1000, renewal: true };
}

function waitSeconds(
  { why, untilMs }: Extract<Outcome, { kind: 'waiting' }>,
  { nowMs, receiveCount, random }: SettlementFacts,
): number {
  if (why !== 'records-unreachable')
    return Math.max(1, (untilMs - nowMs) / 1000) + WAIT_JITTER_SECONDS * random;
  const nominal = Math.min(
    UNREACHABLE_CAP_SECONDS,
    UNREACHABLE_BASE_SECONDS * 2 ** Math.min(receiveCount, 10),
  );
  return nominal * (0.5 + random / 2);
}
