import type { ObservedCall } from '../../../local/faults/index.ts';
import type { AwsError } from '../../../local/kernel/errors.ts';
import type { PublishOptions } from '../../../shared/client/publisher.ts';
import type { Trial } from '../trials.ts';
import type { World } from '../world.ts';

export type Lift = () => void;

/** Why a fault cannot befall a job type. */
export interface Immune {
  readonly immune: string;
}

/** A fault, and how it is made to befall one job of any type. */
export interface Row {
  readonly what: string;
  /** Lets the fault befall, and publishes. @returns what ends the fault */
  readonly begin: (trial: Trial) => Promise<Lift | Immune | undefined>;
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
  readonly act: (world: World, trials: readonly Trial[]) => Promise<void>;
}

export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A fault that outlasts the SDK's own tries reaches the code that called. */
export const SDK_TRIES = [1, 2, 3];

export function publish({ world, job, payload }: Trial, options?: PublishOptions): Promise<void> {
  return world.lab.publish(job, payload, options);
}

export async function publishAgain(_: World, trials: readonly Trial[]): Promise<void> {
  await Promise.all(trials.map((trial) => publish(trial)));
}

/** Moves everything that lies dead back to its queue. */
export async function redrive(world: World, trials: readonly Trial[]): Promise<void> {
  for (const { job } of trials) await world.lab.redrive(job);
}

/** Publishes while a fault is under way. */
export function under(befall: (trial: Trial) => Lift | Immune | Promise<Lift>): Row['begin'] {
  return async (trial) => {
    const lift = await befall(trial);
    if (!('immune' in lift)) await publish(trial);
    return lift;
  };
}

/** Several faults as one. */
export function all(...lifts: readonly Lift[]): Lift {
  return () => {
    for (const lift of lifts) lift();
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
    trial.world.lab.cloud.faults.add((call: ObservedCall) =>
      call.service === service && call.moment === 'before' && ofFunction(trial)(call) ? error : undefined,
    );
}
