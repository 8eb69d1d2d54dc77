import { expect } from 'vitest';
import { cancelJob } from '../../../shared/client/cancel.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { staged } from '../../lab/probe/staged/contract.ts';
import { type Lift, liftOf } from '../lift.ts';
import type { Acts, StagedTrial } from './staged-trial.ts';

/** A fault, and how it befalls a staged job. */
export interface StagedRow {
  readonly what: string;
  /** Lets the fault befall, and publishes. @returns what ends the fault */
  readonly begin: (trial: StagedTrial) => Promise<Lift>;
  /** The fault ends after so much of the cloud's time. @default once all has come to its end */
  readonly lastsSeconds?: number;
  /** What follows when all has come to its end; what comes of that is the line. @returns what ends its fault */
  readonly later?: (trial: StagedTrial) => Promise<Lift | undefined>;
  /** Letters that may lie there of a job that is not dead: it was given up on before, and what carries on was another message. @default 0 */
  readonly letters?: number;
  /** Ends that nobody could record, as events in the queue of lost ends. @default 0 */
  readonly lostEnds?: number;
  /** What else must hold in the end. */
  readonly holds?: (trial: StagedTrial) => Promise<void> | void;
}

/** No fault of the cloud's: such a line is another one than that of a job that nothing befalls. */
export const nothing: Lift = liftOf(
  () => {},
  () => 1,
);

/** Publishes while a fault is under way. @param struck what the struck stage does in each of its runs */
export function under(
  befall: (trial: StagedTrial) => Lift,
  struck?: Acts[string],
  options?: { readonly twice?: boolean },
): StagedRow['begin'] {
  return async (trial) => {
    const lift = befall(trial);
    await trial.publish(struck, options);
    return lift;
  };
}

/** A job whose struck stage fails for good. @param runs how often */
export function dead(runs = 1): StagedRow['begin'] {
  return under(() => nothing, new Array<'permanent'>(runs).fill('permanent'));
}

/** Moves what lies dead back, once no message of the failure could be on its way any more. */
export async function redrive(trial: StagedTrial): Promise<void> {
  await trial.lab.advance(200);
  await redriveNow(trial);
}

export async function redriveNow({ lab, key }: StagedTrial): Promise<void> {
  expect(await lab.deadLetterOf(staged, key), `letter of ${key}`).toBeDefined();
  await lab.redrive(staged);
}

/** Redrives while a fault is under way. */
export function redrivenUnder(befall: (trial: StagedTrial) => Lift): NonNullable<StagedRow['later']> {
  return async (trial) => {
    const lift = befall(trial);
    await redrive(trial);
    return lift;
  };
}

export function cancel({ lab, sfn, key }: StagedTrial): Promise<unknown> {
  const now = () => lab.cloud.clock.now();
  return cancelJob(staged, key, { dynamo: lab.dynamo, stage: STAGE, now, sfn });
}
