import type { Subject } from './provider.ts';

type Kind = Subject['kind'];

/** State → what may come next. None comes back to a state that it left: a later event's state then says that it is later. */
type StateMachine = Readonly<Record<string, readonly string[]>>;

const MACHINES: Readonly<Record<Kind, StateMachine>> = {
  payment: {
    pending: ['authorized', 'captured', 'failed', 'voided'],
    authorized: ['captured', 'failed', 'voided'],
    captured: ['refunded', 'disputed'],
    // A refund does not keep the card's holder from disputing the payment all the same.
    refunded: ['disputed'],
    disputed: ['dispute-refunded'],
    'dispute-refunded': [],
    failed: [],
    voided: [],
  },
  order: {
    placed: ['packed', 'cancelled'],
    packed: ['shipped', 'cancelled'],
    shipped: ['delivered', 'returned'],
    delivered: ['returned'],
    cancelled: [],
    returned: [],
  },
};

export const SUBJECT_KINDS = Object.keys(MACHINES) as readonly Kind[];

export function statesOf(kind: Kind): readonly string[] {
  return Object.keys(MACHINES[kind]);
}

export function isState(kind: Kind, state: string): boolean {
  return Object.hasOwn(MACHINES[kind], state);
}

/** Whether a subject that was in one state may be in another later, whatever lies between: those events may come later or never. */
export function reaches(kind: Kind, from: string, to: string): boolean {
  const next = MACHINES[kind][from] ?? [];
  return next.some((state) => state === to || reaches(kind, state, to));
}

/** All states from which a subject may come to be in `state`, without that one. */
export function statesBefore(kind: Kind, state: string): readonly string[] {
  return statesOf(kind).filter((from) => reaches(kind, from, state));
}
