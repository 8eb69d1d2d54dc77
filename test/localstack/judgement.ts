import type { Difference } from './differences.ts';

/** Before what a test saw, for people to read: nothing else that tests print is shown. */
export const OBSERVED = 'observed:';

/** What became of one test. */
export interface Outcome {
  /** `sqs-send`: its file, without the folder and the ending. */
  readonly suite: string;
  /** Its full title, with those of what is around it. */
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped, or how it failed. */
  readonly because?: string;
}

export type Judged = Outcome &
  (
    | { readonly verdict: 'as documented' }
    | { readonly verdict: 'skipped' }
    | { readonly verdict: 'differs'; readonly difference: Difference }
    /** It failed, and nobody has written down that it does. */
    | { readonly verdict: 'unknown difference' }
    /** It is written down that it fails, and it passed. */
    | { readonly verdict: 'no difference any more'; readonly difference: Difference }
  );

/**
 * Holds an outcome against the known differences. Each run probes them all: a difference that has gone is as much a failure as a new one.
 *
 * @param difference what is known of this test
 */
export function judge(outcome: Outcome, difference: Difference | undefined): Judged {
  if (outcome.state === 'skipped') return { ...outcome, verdict: 'skipped' };
  if (outcome.state === 'failed')
    return difference
      ? { ...outcome, verdict: 'differs', difference }
      : { ...outcome, verdict: 'unknown difference' };
  return difference
    ? { ...outcome, verdict: 'no difference any more', difference }
    : { ...outcome, verdict: 'as documented' };
}

export function isWrong({ verdict }: Judged): boolean {
  return verdict === 'unknown difference' || verdict === 'no difference any more';
}

/** Of a run: 1 where anything is wrong, and where nothing was as documented, since a run that skips everything has held nothing. */
export function exitCodeOf(judged: readonly Judged[]): 0 | 1 {
  return !judged.some(isWrong) && judged.some(({ verdict }) => verdict === 'as documented') ? 0 : 1;
}

/** A line for people; `undefined` for what is as it should be. */
export function lineOf(judged: Judged): string | undefined {
  const { title, because = '' } = judged;
  switch (judged.verdict) {
    case 'as documented':
      return undefined;
    case 'skipped':
      return `- skipped: ${title}: ${because}`;
    case 'differs':
      return `- skipped: ${title}: LocalStack ${judged.difference.localStack}`;
    case 'unknown difference':
      return `✗ FAILED: ${title}: ${because}`;
    case 'no difference any more':
      return `✗ FAILED: ${title}: it passes now; take "LocalStack ${judged.difference.localStack}" out of test/localstack/differences`;
  }
}
