import { setTimeout as sleep } from 'node:timers/promises';
import { gatherEvidence, mailsOf } from './account/evidence.ts';
import { accountText } from './account/print.ts';
import { judge, judgeSampleDay } from './account/promises.ts';
import type { FeedResult } from './feed-publisher.ts';
import type { Session } from './session.ts';

const LOOK_EVERY_MS = 100;
/** Longer than the longest schedule of any job here: what is not drained by then never will be. */
const LONGEST_DRAIN_MS = 24 * 3600 * 1000;

/**
 * Waits until nothing is left to do.
 *
 * @returns `late` for queues that a day of cloud time did not drain
 */
export async function drain(
  { cloud, progress }: Session,
  interruption: AbortSignal,
): Promise<'drained' | 'late' | 'interrupted'> {
  const endMs = cloud.clock.now() + LONGEST_DRAIN_MS;
  while (!interruption.aborted) {
    if (progress.drained()) return 'drained';
    if (cloud.clock.now() > endMs) return 'late';
    await sleep(LOOK_EVERY_MS);
  }
  return 'interrupted';
}

export interface Account {
  readonly text: string;
  /** Whether every promise held. */
  readonly held: boolean;
  readonly reportFiles: ReadonlyMap<string, Uint8Array>;
}

/**
 * Holds what the session has done against what was published into it.
 *
 * @param isSampleDay whether it went through the outages of the sample day
 */
export async function account(
  { cloud, sqs, sfn, dynamo, stage, objects, opening, cardProvider, webhooks }: Session,
  { accepted, notAccepted }: FeedResult,
  isSampleDay: boolean,
): Promise<Account> {
  // Held, so that what is looked at stays hidden for as long as the look takes.
  const release = cloud.clock.hold();
  const evidence = await gatherEvidence({
    sqs,
    sfn,
    dynamo,
    stage,
    objects,
    mails: () => mailsOf(cloud.ses),
    providerCharges: () => cardProvider.charges(),
    webhooks,
  });
  release();
  const promised = [...judge(accepted, opening, evidence), ...(isSampleDay ? judgeSampleDay(evidence) : [])];
  return {
    text: [
      accountText(accepted, evidence, promised),
      ...notAccepted.map(({ reason }) => `  not accepted: ${reason}\n`),
    ].join(''),
    held: notAccepted.length === 0 && promised.every(({ broken }) => broken.length === 0),
    reportFiles: evidence.reportFiles,
  };
}
