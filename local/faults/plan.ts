import type { AwsError } from '../kernel/errors.ts';
import type { AcknowledgementFault, DeliveryFault } from './deliveries.ts';
import type { CallPoint, Fault, FaultRule } from './fault.ts';
import type { Faults } from './faults.ts';
import type { AnswerFault, StartFault } from './functions.ts';

/** When a fault that lasts begins and ends, in the cloud's seconds. */
interface Span {
  /** Counted from the plan's beginning. @default 0 */
  readonly afterSeconds?: number;
  /** Counted from its own beginning. @default until the plan is lifted */
  readonly forSeconds?: number;
}

/** One fault of a plan. Every `nth` counts from the plan's beginning, from 1 on; each befalls once. */
export type PlannedFault =
  | { readonly kind: 'call'; readonly at: CallPoint; readonly fault: Fault }
  | {
      readonly kind: 'delivery';
      readonly queueArn: string;
      readonly nth?: number;
      readonly fault: DeliveryFault;
    }
  | {
      readonly kind: 'arrival';
      readonly queueArn: string;
      readonly nth?: number;
      readonly lateSeconds: number;
    }
  | {
      readonly kind: 'acknowledgement';
      readonly queueArn: string;
      readonly nth?: number;
      readonly fault: AcknowledgementFault;
    }
  | {
      readonly kind: 'answer';
      readonly functionName: string;
      readonly nth?: number;
      readonly fault: AnswerFault;
    }
  | {
      readonly kind: 'start';
      readonly functionName: string;
      readonly nth?: number;
      readonly fault: StartFault;
    }
  /** Every call of a service fails, from one function or from all; the caller outside stays unharmed. */
  | ({
      readonly kind: 'outage';
      readonly service: string;
      readonly functionName?: string;
      readonly error: AwsError;
    } & Span)
  | ({ readonly kind: 'throttle'; readonly functionName: string } & Span)
  /** The mapping of a queue is disabled, some seconds late as on AWS. */
  | ({ readonly kind: 'pause'; readonly queueArn: string } & Span)
  | ({ readonly kind: 'skew'; readonly functionName: string; readonly seconds: number } & Span)
  | ({ readonly kind: 'deploy'; readonly functionName: string; readonly codeDirectory: string } & Span);

/** A plan or a storm under way. */
export interface Underway {
  /** Ends it, and what of it lasts. */
  lift(): void;
}

export interface Plan extends Underway {
  /** What has befallen so far, in that order. */
  readonly happened: readonly PlannedFault[];
}

/** Carries out a list of faults. */
export function carryOut(faults: Faults, planned: readonly PlannedFault[]): Plan {
  const happened: PlannedFault[] = [];
  const lifts = planned.map((fault) => begin(faults, fault, () => happened.push(fault)));
  return {
    happened,
    lift: () => {
      for (const lift of lifts) lift();
    },
  };
}

function begin(faults: Faults, planned: PlannedFault, tell: () => void): () => void {
  switch (planned.kind) {
    case 'call':
      return faults.add(atPoint(planned.at, planned.fault, tell));
    case 'delivery':
      return faults.deliver(
        once(planned.nth, ({ queueArn }) => queueArn === planned.queueArn, planned.fault, tell),
      );
    case 'arrival':
      return faults.delay(
        once(planned.nth, ({ queueArn }) => queueArn === planned.queueArn, planned.lateSeconds, tell),
      );
    case 'acknowledgement':
      return faults.acknowledge(
        once(planned.nth, ({ queueArn }) => queueArn === planned.queueArn, planned.fault, tell),
      );
    case 'answer':
      return faults.answer(
        once(planned.nth, ({ functionName }) => functionName === planned.functionName, planned.fault, tell),
      );
    case 'start':
      return faults.start(
        once(planned.nth, ({ functionName }) => functionName === planned.functionName, planned.fault, tell),
      );
    default:
      return during(faults, planned, () => {
        tell();
        return lasting(faults, planned);
      });
  }
}

function lasting(faults: Faults, planned: Extract<PlannedFault, Span>): () => void {
  switch (planned.kind) {
    case 'outage':
      return faults.add(({ service, functionName, moment }) =>
        moment === 'before' &&
        service === planned.service &&
        functionName === (planned.functionName ?? functionName)
          ? planned.error
          : undefined,
      );
    case 'throttle':
      return faults.throttle(planned.functionName);
    case 'pause':
      return faults.pause(planned.queueArn);
    case 'skew':
      return faults.skew(planned.functionName, planned.seconds);
    case 'deploy':
      return faults.deploy(planned.functionName, planned.codeDirectory);
  }
}

/** Begins and ends on the cloud's clock. */
function during(
  { clock }: Faults,
  { afterSeconds = 0, forSeconds }: Span,
  start: () => () => void,
): () => void {
  let end: (() => void) | undefined;
  const finish = () => {
    end?.();
    end = undefined;
  };
  const run = () => {
    end = start();
    if (forSeconds !== undefined) timers.push(clock.after(forSeconds * 1000, finish));
  };
  const timers: { cancel(): void }[] = [];
  if (afterSeconds > 0) timers.push(clock.after(afterSeconds * 1000, run));
  else run();
  return () => {
    for (const timer of timers) timer.cancel();
    finish();
  };
}

/** The nth occasion that concerns the fault, and no other. */
function once<Occasion, Kind>(
  nth = 1,
  concerns: (occasion: Occasion) => boolean,
  fault: Kind,
  tell: () => void,
): (occasion: Occasion) => Kind | undefined {
  let seen = 0;
  return (occasion) => {
    if (!concerns(occasion) || ++seen !== nth) return undefined;
    tell();
    return fault;
  };
}

/** A call is seen at two moments: it is chosen before, and known again after by its number. */
function atPoint(
  { functionName, service, operation, nth = 1, moment = 'before' }: CallPoint,
  fault: Fault,
  tell: () => void,
): FaultRule {
  let seen = 0;
  let chosen: { readonly accessKeyId: string; readonly nth: number } | undefined;
  return (call) => {
    const concerned =
      call.functionName === (functionName ?? call.functionName) &&
      call.service === service &&
      call.operation === operation;
    if (!concerned) return undefined;
    if (call.moment === 'before' && ++seen === nth) chosen = call;
    if (call.moment !== moment || chosen?.nth !== call.nth || chosen.accessKeyId !== call.accessKeyId)
      return undefined;
    tell();
    return fault;
  };
}
