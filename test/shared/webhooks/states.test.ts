import { describe, expect, it } from 'vitest';
import { reaches, SUBJECT_KINDS, statesBefore, statesOf } from '../../../shared/webhooks/states.ts';

describe('the states of a payment or an order', () => {
  it.each(SUBJECT_KINDS)(
    'of kind %s never come back: else nobody could tell which of two events is later',
    (kind) => {
      for (const state of statesOf(kind)) expect(reaches(kind, state, state)).toBe(false);
    },
  );

  it.each([
    ['payment', 'pending', 'refunded', true],
    ['payment', 'authorized', 'voided', true],
    ['payment', 'captured', 'voided', false],
    ['payment', 'failed', 'captured', false],
    ['payment', 'refunded', 'disputed', true],
    ['payment', 'disputed', 'dispute-refunded', true],
    ['payment', 'disputed', 'refunded', false],
    ['order', 'placed', 'returned', true],
    ['order', 'packed', 'cancelled', true],
    ['order', 'shipped', 'cancelled', false],
    ['order', 'delivered', 'shipped', false],
    ['order', 'delivered', 'toString', false],
  ] as const)('a %s that is %s may come to be %s: %s', (kind, from, to, may) => {
    expect(reaches(kind, from, to)).toBe(may);
  });

  it('are known backwards too, with all that lies between', () => {
    expect(statesBefore('order', 'delivered')).toEqual(['placed', 'packed', 'shipped']);
    expect(statesBefore('payment', 'pending')).toEqual([]);
  });
});
