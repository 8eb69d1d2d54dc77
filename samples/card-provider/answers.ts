import type { KeptAnswer } from './book.ts';

/** Payment methods that are declined, each with the code that the bank gives. All others are charged. */
export const DECLINED: Readonly<Record<string, string>> = {
  pm_card_insufficient_funds: 'insufficient_funds',
  pm_card_expired: 'expired_card',
  pm_card_stolen: 'stolen_card',
};

/** An error in Stripe's form. https://docs.stripe.com/api/errors */
export function refusal(
  status: number,
  type: 'card_error' | 'invalid_request_error' | 'idempotency_error' | 'api_error' | 'rate_limit_error',
  code: string,
  message: string,
  more: Readonly<Record<string, string>> = {},
): KeptAnswer {
  return { status, body: JSON.stringify({ error: { type, code, message, ...more } }) };
}

export function found(charges: readonly unknown[]): KeptAnswer {
  return { status: 200, body: JSON.stringify({ object: 'list', data: charges, has_more: false }) };
}

/** What is wrong with the parameters of a charge, as the provider tells it. */
export function flawIn(form: URLSearchParams): KeptAnswer | undefined {
  const wrong = (parameter: string, code: string): KeptAnswer =>
    refusal(400, 'invalid_request_error', code, `Invalid ${parameter}.`, { param: parameter });
  if (!/^[1-9]\d{0,7}$/.test(form.get('amount') ?? '')) return wrong('amount', 'parameter_invalid_integer');
  if (!/^[a-z]{3}$/.test(form.get('currency') ?? '')) return wrong('currency', 'parameter_invalid');
  for (const parameter of ['customer', 'payment_method', 'reference'])
    if (!form.get(parameter)) return wrong(parameter, 'parameter_missing');
  return form.get('customer') === 'cus_unknown' ? wrong('customer', 'resource_missing') : undefined;
}
