import { describe, expect, it } from 'vitest';
import { chargeCard } from '../../../shared/jobs/charge-card.ts';
import { validate } from '../../../shared/jobs/parse-job.ts';

const CHARGE = {
  chargeId: 'sub-2026-11:1000',
  customer: 'cus_9s6XKzkNRiz8i3',
  paymentMethod: 'pm_1MqLiJLkdIwHu7ixUEgbFdYF',
  amountMinor: 1250,
  currency: 'EUR',
};

describe('a charge', () => {
  it('names customer and card by the tokens of the provider, and is keyed by its own id', () => {
    expect(validate(chargeCard, CHARGE)).toEqual({ ok: true, value: CHARGE });
    expect(chargeCard.key(CHARGE)).toBe('sub-2026-11:1000');
  });

  it.each([
    ['a card number', { paymentMethod: '4242424242424242' }],
    ['a card number as people write it', { paymentMethod: '4242 4242 4242 4242' }],
    ['a card number in other clothes', { paymentMethod: 'card_4242424242424242' }],
    ['a card number for a customer', { customer: 'c378282246310005' }],
    ['no amount', { amountMinor: 0 }],
    ['money back', { amountMinor: -5 }],
    ['a part of a cent', { amountMinor: 0.5 }],
    ['a currency that is none', { currency: 'euro' }],
    ['an id that no header can hold', { chargeId: 'naïve' }],
    ['an id with a line break', { chargeId: 'a\nb' }],
    ['no id', { chargeId: '' }],
  ])('is refused with %s, and the refusal does not repeat it', (_what, changes) => {
    const refused = validate(chargeCard, { ...CHARGE, ...changes });
    expect(refused.ok).toBe(false);
    expect(JSON.stringify(refused)).not.toMatch(/4242|3782/);
  });
});
