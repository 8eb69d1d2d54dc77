import { OutboundRefused } from '../../shared/outbound/outbound-refused.ts';
import type { PublicAnswer } from '../../shared/outbound/post-public.ts';
import { retryAfterSeconds } from '../../shared/outbound/retry-after.ts';

/** What an answer says of the delivery and of the endpoint. */
export type Verdict =
  | { readonly kind: 'delivered' }
  /** The endpoint is unwell, whatever is sent to it: later. */
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly reason: string;
      /** Whether the receiver may have taken the event all the same. */
      readonly uncertain: boolean;
      /** What it asked for, at most {@link LONGEST_RETRY_AFTER_SECONDS}. */
      readonly retryAfterSeconds: number;
    }
  /** It will not take this event, and trying again would change nothing. */
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  /** There is no endpoint any more. */
  | { readonly kind: 'gone'; readonly code: string; readonly reason: string };

/** A day. What asks for more is not believed. */
export const LONGEST_RETRY_AFTER_SECONDS = 86_400;

const GONE = 410;
/** 4xx that speak of the moment and not of the request. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/** @param host names the endpoint in the reason; the rest of its address may be a secret */
export function verdictOf({ status, headers }: PublicAnswer, host: string, nowMs: number): Verdict {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const code = `HTTP_${status}`;
  if (status === GONE)
    return { kind: 'gone', code, reason: `${host} answered 410: the endpoint is not there any more.` };
  if (status >= 400 && status < 500 && !PASSING.has(status))
    return {
      kind: 'refused',
      code,
      reason: `${host} answered ${status}: it does not take this event, and is not asked again.`,
    };
  const asked = Math.min(retryAfterSeconds(headers['retry-after'], nowMs) ?? 0, LONGEST_RETRY_AFTER_SECONDS);
  return {
    kind: 'failed',
    code,
    reason:
      status >= 300 && status < 400
        ? `${host} redirects (${status}), which is not followed: change the endpoint to the address that it leads to.`
        : `${host} answered ${status}${asked > 0 ? `, and asks for ${Math.ceil(asked)} s` : ''}.`,
    uncertain: false,
    retryAfterSeconds: asked,
  };
}

/** @returns `undefined` for an error that says nothing of the endpoint */
export function verdictOfError(error: unknown): Exclude<Verdict, { kind: 'delivered' }> | undefined {
  if (!(error instanceof OutboundRefused)) return undefined;
  const { code, message: reason, passing, sent } = error;
  if (!passing) return { kind: 'refused', code, reason };
  return { kind: 'failed', code, reason, uncertain: sent, retryAfterSeconds: 0 };
}
