import { expect } from 'vitest';
import type { Fault, ObservedCall } from '../../../local/faults/index.ts';
import type { AwsError } from '../../../local/kernel/errors.ts';
import type { PublishOptions } from '../../../shared/client/publisher.ts';
import { deadLetterCodes } from '../judgement.ts';
import { type Lift, liftOf, strikes } from '../lift.ts';
import type { Trial } from '../trial.ts';
import type { World } from '../world.ts';

/** Why a fault cannot befall a job type. */
export interface Immune {
  readonly immune: string;
}

/** A fault, and how it is made to befall one job of any type. */
export interface Row {
  readonly what: string;
  /** Lets the fault befall, and publishes. @returns what ends the fault */
  readonly begin: (trial: Trial) => Promise<Lift | Immune>;
  /** The fault ends after so much of the cloud's time. @default once all has come to its end */
  readonly lastsSeconds?: number;
  /** The key's time is over by then: its work may be done again, unless it carries its own proof. */
  readonly beyondWindow?: true;
  /** What follows once the fault is over and all has come to its end, for all trials together. */
  readonly later?: Later;
}

export interface Later {
  /** The row of its own that it makes. @default none: only what comes of it in the end counts */
  readonly what?: string;
  /** @returns what ends its fault */
  readonly act: (world: World, trials: readonly Trial[]) => Promise<Lift | undefined>;
}

export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function publish({ world, job, payload }: Trial, options?: PublishOptions): Promise<void> {
  return world.lab.publish(job, payload, options);
}

export async function publishAgain(_: World, trials: readonly Trial[]): Promise<undefined> {
  await Promise.all(trials.map((trial) => publish(trial)));
  return undefined;
}

/** Moves everything that lies dead back to its queue: of each job there is a letter. */
export async function redrive(world: World, trials: readonly Trial[]): Promise<undefined> {
  for (const trial of trials)
    expect(await deadLetterCodes(trial), `${trial.job.type} has no letter`).not.toEqual([]);
  for (const { job } of trials) await world.lab.redrive(job);
  return undefined;
}

/** No fault but messages of the job: more of them are delivered to its mapping than a job has that nothing befalls. */
export function comesAgain({ world, queueArn, key }: Trial): Lift {
  return liftOf(
    () => {},
    () => world.received((one) => one.queueArn === queueArn && one.message.body.includes(`"${key}"`)) - 1,
  );
}

/** Publishes while a fault is under way. */
export function under(befall: (trial: Trial) => Lift | Immune | Promise<Lift>): Row['begin'] {
  return async (trial) => {
    const lift = await befall(trial);
    if (!('immune' in lift)) await publish(trial);
    return lift;
  };
}

/** A rule's fault at the first occasion that concerns it. */
export function once<Occasion, Fault>(
  concerns: (occasion: Occasion) => boolean,
  fault: Fault,
): (occasion: Occasion) => Fault | undefined {
  let done = false;
  return (occasion) => {
    if (done || !concerns(occasion)) return undefined;
    done = true;
    return fault;
  };
}

export function ofFunction({
  functionName,
}: Trial): (occasion: { readonly functionName: string }) => boolean {
  return (occasion) => occasion.functionName === functionName;
}

export function ofQueue({ queueArn }: Trial): (occasion: { readonly queueArn: string }) => boolean {
  return (occasion) => occasion.queueArn === queueArn;
}

/** Every call of the job's function to a service fails. */
export function outage(service: string, error: AwsError): (trial: Trial) => Lift {
  return (trial) =>
    strikes<ObservedCall, Fault>(
      (rule) => trial.world.lab.cloud.faults.add(rule),
      (call) =>
        call.service === service && call.moment === 'before' && ofFunction(trial)(call) ? error : undefined,
    );
}
