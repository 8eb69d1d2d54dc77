import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

export const PROVIDERS = ['acme-shop', 'stripe'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/** What may be wrong with a request that no provider sent, or that one sent long ago. */
export const FORGERIES = ['wrong-secret', 'changed-body', 'old', 'unsigned'] as const;
export type Forgery = (typeof FORGERIES)[number];

/** An event as its provider has it. */
export interface OutgoingEvent {
  readonly provider: ProviderName;
  readonly id: string;
  readonly event: Readonly<Record<string, unknown>>;
  /** @default none: the provider sends it itself */
  readonly forgery?: Forgery;
}

/** One try to send it, ready for HTTP. */
export interface OutgoingRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Older than any receiver of either scheme takes. */
const OLD_SECONDS = 6 * 60;
const FORGERS_SECRET = `whsec_${Buffer.alloc(32, 'forged').toString('base64')}`;

/**
 * Signs a try as the provider does: Standard Webhooks by its library, or Stripe's own scheme (https://docs.stripe.com/webhooks/signature).
 *
 * @param tries how many there were before: Stripe tells in the body how many of its receivers have yet to answer
 */
export function requestOf(
  { provider, id, event, forgery }: OutgoingEvent,
  secret: string,
  nowMs: number,
  tries: number,
): OutgoingRequest {
  const seconds = Math.floor(nowMs / 1000) - (forgery === 'old' ? OLD_SECONDS : 0);
  const key = forgery === 'wrong-secret' ? FORGERS_SECRET : secret;
  const signed = JSON.stringify(
    provider === 'stripe' ? { ...event, pending_webhooks: Math.max(1, 3 - tries) } : event,
  );
  const body = forgery === 'changed-body' ? `${signed.slice(0, -1)},"amount":1}` : signed;
  const headers = {
    'content-type': 'application/json',
    ...(forgery === 'unsigned' ? {} : signatureHeaders(provider, { id, key, seconds, signed })),
  };
  return { headers, body };
}

function signatureHeaders(
  provider: ProviderName,
  { id, key, seconds, signed }: { id: string; key: string; seconds: number; signed: string },
): Record<string, string> {
  if (provider === 'stripe') {
    const hex = createHmac('sha256', key).update(`${seconds}.${signed}`).digest('hex');
    return { 'stripe-signature': `t=${seconds},v1=${hex}` };
  }
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': new Webhook(key).sign(id, new Date(seconds * 1000), signed),
  };
}
