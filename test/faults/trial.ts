import type { Fault, ObservedCall } from '../../local/faults/index.ts';
import { AwsError } from '../../local/kernel/errors.ts';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { functionName } from '../../shared/jobs/names.ts';
import { STAGE } from '../lab/global-setup.ts';
import { type Lift, liftOf, strikes } from './lift.ts';
import type { World } from './world.ts';

/** A fault that outlasts the SDK's own tries reaches the code that called. */
export const SDK_TRIES = [1, 2, 3];

/** What may become of the one call by which a job has its effect. */
export type EffectFault =
  /** The process dies before it, or after. */
  | 'killed-before'
  | 'killed-after'
  /** The other side refuses for now, and does nothing. */
  | 'refused'
  /** The other side does it, and its answer is a 500 in place of the truth. */
  | 'answer-lost'
  /** It does it, and answers with half of the truth. */
  | 'half-answer'
  /** It does nothing, and never answers. */
  | 'hang'
  /** It takes a second for it. */
  | 'slow';

/** The calls to DynamoDB by which every job is claimed and completed, or all that name the job. */
export type RecordCall = 'claim' | 'complete' | 'any';

/** The first of them, all that the first attempt tries, the numbers of those, or each. @default first */
export type Which = 'first' | 'first-attempt' | 'each' | readonly number[];

/** One job of a type, and all that it works on; no other trial has any of it. */
export interface Trial {
  readonly world: World;
  readonly job: AnyJob;
  readonly key: string;
  readonly payload: unknown;
  readonly functionName: string;
  readonly queueArn: string;
  /** Whether the effect is a transaction of DynamoDB's. */
  readonly transacts: boolean;
  /** Puts into the world what the job works on. */
  prepare(): Promise<void>;
  /** Effect → how often the world has seen it. */
  effects(): Promise<Readonly<Record<string, number>>>;
  /** Lets the effect's call fail. */
  befallEffect(fault: EffectFault, which?: Which): Lift;
  /** Holds the effect back from its first call on. @returns lets it go on */
  holdEffect(reached: () => void): Lift;
  /** Lets a fault befall calls of the job's records. */
  befall(call: RecordCall, moment: ObservedCall['moment'], fault: Fault | (() => Fault), which?: Which): Lift;
  /** Tells of each such call before it has its effect, counted from 1. */
  watch(call: RecordCall, seen: (nth: number, call: ObservedCall) => void): Lift;
}

export interface Parts {
  readonly job: AnyJob;
  readonly key: string;
  readonly payload: unknown;
  readonly transacts?: boolean;
  /** How often an attempt makes the effect's call while it fails. @default as often as the SDK */
  readonly tries?: number;
  prepare?(): Promise<void>;
  effects(): Promise<Readonly<Record<string, number>>>;
  /** Whether a call of the job's function is the effect's. */
  isEffect(call: ObservedCall): boolean;
}

const LOST = new AwsError('InternalServerError', 'The answer was lost.', 500);
const REFUSED = new AwsError('ServiceUnavailable', 'The service is unavailable.', 503);

const CALL_FAULTS: Readonly<Record<EffectFault, readonly [ObservedCall['moment'], Fault]>> = {
  'killed-before': ['before', 'kill'],
  'killed-after': ['after', 'kill'],
  refused: ['before', REFUSED],
  'answer-lost': ['after', LOST],
  'half-answer': ['after', 'half-answer'],
  hang: ['before', 'hang'],
  slow: ['before', { slowSeconds: 1 }],
};

/** A trial by its parts, whose effect is a call to a service of the cloud. */
export function trial(
  world: World,
  { isEffect, prepare, transacts = false, tries = SDK_TRIES.length, ...parts }: Parts,
): Trial {
  const { job, key } = parts;
  const name = functionName(STAGE, job.type);
  const strike = (
    concerns: (call: ObservedCall) => boolean,
    moment: ObservedCall['moment'],
    fault: Fault | (() => Fault),
    which: Which = 'first',
  ) => {
    let nth = 0;
    return strikes<ObservedCall, Fault>(
      (rule) => world.lab.cloud.faults.add(rule),
      (call) => {
        if (call.functionName !== name || call.moment !== moment || !concerns(call)) return undefined;
        if (!isMeant(++nth, which, tries)) return undefined;
        return typeof fault === 'function' ? fault() : fault;
      },
    );
  };
  const isEffectOf = (call: ObservedCall) => isEffect(call) && names(call, key);
  const isRecordCallOf = (which: RecordCall) => (call: ObservedCall) =>
    call.service === 'dynamodb' && isRecordCall(which, call) && names(call, key);
  return {
    ...parts,
    world,
    transacts,
    functionName: name,
    queueArn: world.lab.queueArn(job),
    prepare: prepare ?? (async () => {}),
    befallEffect: (fault, which) => strike(isEffectOf, ...CALL_FAULTS[fault], which),
    holdEffect: (reached) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let held = false;
      const lift = world.lab.cloud.faults.add((call) => {
        if (held || call.functionName !== name || !isEffectOf(call)) return undefined;
        held = true;
        reached();
        return { heldUntil: promise };
      });
      return liftOf(
        () => {
          lift();
          resolve();
        },
        () => Number(held),
      );
    },
    befall: (call, moment, fault, which) => strike(isRecordCallOf(call), moment, fault, which),
    watch: (which, seen) => {
      let nth = 0;
      const end = world.lab.cloud.faults.add((call) => {
        if (call.functionName === name && call.moment === 'before' && isRecordCallOf(which)(call))
          seen(++nth, call);
        return undefined;
      });
      return liftOf(end, () => nth);
    },
  };
}

/** @param tries of the first attempt */
export function isMeant(nth: number, which: Which, tries = 1): boolean {
  switch (which) {
    case 'each':
      return true;
    case 'first':
      return nth === 1;
    case 'first-attempt':
      return nth <= tries;
    default:
      return which.includes(nth);
  }
}

function names({ input }: ObservedCall, key: string): boolean {
  return JSON.stringify(input()).includes(key);
}

function isRecordCall(which: RecordCall, { operation, input }: ObservedCall): boolean {
  if (which === 'any') return true;
  const { ExpressionAttributeValues: values = {} } = input() as {
    ExpressionAttributeValues?: Record<string, { S?: string }>;
  };
  return operation === 'UpdateItem' && values[':status']?.S === STATUS[which];
}

/** As Powertools calls them. */
const STATUS = { claim: 'INPROGRESS', complete: 'COMPLETED' };
