import type { FaultKind } from './faults.ts';

export const TYPES = [
  'charge',
  'print',
  'notify',
  'ledger',
  'later',
  'webhook',
  'deliver',
  'staged',
] as const;
export type SimulatedType = (typeof TYPES)[number];

/** How often each kind befalls a job, relative to the others. */
const WEIGHTS: Partial<Record<FaultKind, number>> = {
  crash: 10,
  'crash-in-between': 6,
  'invocation-lost': 2,
  frozen: 3,
  outlives: 4,
  throttled: 4,
  'server-error': 4,
  'answer-lost': 8,
  'no-answer': 3,
  'slow-answer': 3,
  'arrives-late': 4,
  conflict: 3,
  'visibility-refused': 4,
  'visibility-hangs': 2,
  'deletion-refused': 4,
  'answer-malformed': 4,
  'send-refused': 4,
  'send-answer-lost': 4,
  'crash-around-send': 4,
  'publish-answer-lost': 3,
  'publish-refused': 3,
  'delivered-twice': 8,
  'published-again': 6,
  'key-reused': 1,
  cancelled: 3,
  'handler-throws': 10,
  'handler-no-sooner': 4,
  'handler-gives-up': 1,
  'handler-hangs': 3,
  'handler-slow': 3,
  'handler-defers': 4,
  'provider-refuses': 5,
  'provider-half-answers': 6,
  'provider-hangs': 3,
  'provider-slow': 3,
};
/** The same for staged jobs, beside the others. */
const STAGED_WEIGHTS: Partial<Record<FaultKind, number>> = {
  's3-refused': 2,
  's3-answer-lost': 2,
  's3-no-answer': 1,
  'states-refused': 4,
  'states-answer-lost': 6,
  'states-no-answer': 6,
  'crash-around-states': 8,
  'stage-crash': 10,
  'stage-frozen': 6,
  'stage-outlives': 8,
  'stage-answer-lost': 8,
  'stage-throttled': 3,
  'stage-throws': 8,
  'stage-gives-up': 3,
  'stage-asks-for-later': 3,
  'stage-hangs': 6,
  'end-twice': 6,
  'end-late': 6,
  'end-lost': 8,
  cancelled: 4,
  crash: 10,
  'answer-lost': 6,
  'send-refused': 6,
  'send-answer-lost': 4,
  'provider-hangs': 4,
  'provider-half-answers': 4,
};
/** The same for deliveries, beside the others. */
const DELIVERY_WEIGHTS: Partial<Record<FaultKind, number>> = {
  'receiver-slow': 15,
  'receiver-hangs': 10,
  'receiver-half-answers': 10,
  'receiver-answers': 40,
};
const KINDS = kindsOf(WEIGHTS);
const DELIVERY_KINDS = [...KINDS, ...kindsOf(DELIVERY_WEIGHTS)];
const STAGED_KINDS = [...KINDS, ...kindsOf(STAGED_WEIGHTS)];

/** Staged jobs take seven times as long to simulate, so they are fewer; and more befalls them. */
function typeShares(others: number): readonly SimulatedType[] {
  return TYPES.flatMap((type) => Array.from({ length: type === 'staged' ? 1 : others }, () => type));
}
export const TYPE_SHARES = typeShares(14);
/** Where worlds are small and full of faults. */
export const DENSE_TYPE_SHARES = typeShares(4);

function kindsOf(weights: Partial<Record<FaultKind, number>>): readonly FaultKind[] {
  return Object.entries(weights).flatMap(([kind, weight]) =>
    Array.from({ length: weight }, () => kind as FaultKind),
  );
}

export function kindsFor(type: SimulatedType): readonly FaultKind[] {
  if (type === 'staged') return STAGED_KINDS;
  return type === 'deliver' ? DELIVERY_KINDS : KINDS;
}
