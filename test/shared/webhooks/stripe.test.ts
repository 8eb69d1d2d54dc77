import { describe, expect, it } from 'vitest';
import { reaches } from '../../../shared/webhooks/states.ts';
import { stripe } from '../../../shared/webhooks/stripe.ts';

/** What an event of a charge, or of its dispute, tells of the payment. */
function told(type: string, object: Record<string, unknown>): string | undefined {
  const event = {
    id: 'evt_1',
    object: 'event',
    type,
    created: 1_795_600_800,
    livemode: false,
    data: { object },
  };
  return stripe.changeOf(event)?.state;
}
const charge = (changes: Record<string, unknown> = {}) => ({
  id: 'ch_1',
  captured: true,
  refunded: false,
  disputed: false,
  ...changes,
});
const dispute = (status: string) => ({ id: 'du_1', charge: 'ch_1', status });

describe('a charge of Stripe', () => {
  it.each([
    [
      'that is disputed after it was refunded',
      [
        ['charge.refunded', charge({ refunded: true })],
        ['charge.dispute.created', dispute('needs_response')],
      ],
    ],
    [
      'of which a part is refunded while it is disputed',
      [
        ['charge.dispute.created', dispute('needs_response')],
        ['charge.refunded', charge({ disputed: true, amount_refunded: 5 })],
      ],
    ],
    [
      'that is refunded while it is disputed',
      [
        ['charge.dispute.created', dispute('needs_response')],
        ['charge.refunded', charge({ disputed: true, refunded: true })],
      ],
    ],
    [
      'that is refunded in answer to an inquiry',
      [
        ['charge.dispute.created', dispute('warning_needs_response')],
        ['charge.refunded', charge({ refunded: true })],
      ],
    ],
    [
      'whose inquiry becomes a dispute',
      [
        ['charge.dispute.created', dispute('warning_needs_response')],
        ['charge.dispute.funds_withdrawn', dispute('needs_response')],
      ],
    ],
  ] as const)('%s comes from state to state as it may', (_what, events) => {
    const states = [
      told('charge.succeeded', charge()),
      ...events.map(([type, object]) => told(type, object)),
    ].filter((state) => state !== undefined);
    for (const [index, state] of states.slice(1).entries())
      expect(reaches('payment', states[index] ?? '', state)).toBe(true);
  });

  it('tells of no change by a part that was refunded, and by an inquiry', () => {
    expect(told('charge.refunded', charge({ amount_refunded: 5 }))).toBeUndefined();
    expect(told('charge.dispute.created', dispute('warning_under_review'))).toBeUndefined();
    expect(told('charge.dispute.created', { charge: 'ch_1' })).toBe('disputed');
  });
});
