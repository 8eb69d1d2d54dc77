import type { Outcome } from './run.ts';

/** What happens to a message after its job: deleted by the mapping, or reported as failed and hidden for a while. */
export type Settlement = 'delete' | { readonly hideSeconds: number };

/** Waits end together when a claim ends: without it, all of them would be received in the same second. */
export const WAIT_JITTER_SECONDS = 5;

const UNREACHABLE_BASE_SECONDS = 5;
const UNREACHABLE_CAP_SECONDS = 900;

/**
 * The message's fate. What was decided is made visible at once, so that SQS's own redrive policy moves it after the receives that
 * are left; only a message that came that way can be redriven from the console.
 *
 * @param receiveCount SQS's count, which spaces the receives out while the records are unreachable: they are all that is spent
 */
export function settlementOf(
  outcome: Outcome,
  nowMs: number,
  receiveCount: number,
  random: number,
): Settlement {
  switch (outcome.kind) {
    case 'completed':
    case 'duplicate':
      return 'delete';
    case 'dead':
      return { hideSeconds: 0 };
    case 'failed':
      return { hideSeconds: Math.max(1, (outcome.notBeforeMs - nowMs) / 1000) };
    case 'waiting': {
      if (outcome.why === 'records-unreachable') {
        const nominal = Math.min(
          UNREACHABLE_CAP_SECONDS,
          UNREACHABLE_BASE_SECONDS * 2 ** Math.min(receiveCount, 10),
        );
        return { hideSeconds: nominal * (0.5 + random / 2) };
      }
      return { hideSeconds: Math.max(1, (outcome.untilMs - nowMs) / 1000) + WAIT_JITTER_SECONDS * random };
    }
  }
}
