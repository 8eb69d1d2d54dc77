import { randomBytes } from 'node:crypto';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { type Headers, outOfTolerance, type Refusal, WRONG_SIGNATURE } from './provider.ts';

/**
 * Standard Webhooks, for what we receive and what we send. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

export const ID_HEADER = 'webhook-id';
export const TIMESTAMP_HEADER = 'webhook-timestamp';
export const SIGNATURE_HEADER = 'webhook-signature';

const SECRET_PREFIX = 'whsec_';
/** The spec's range. */
const LEAST_SECRET_BYTES = 24;
const MOST_SECRET_BYTES = 64;
const NEW_SECRET_BYTES = 32;
/** Goes into a key, a job's id and logs. */
const ID = /^[\x21-\x7e]{1,200}$/;
/** Seconds since 1970. */
const TIMESTAMP = /^\d{1,12}$/;

/** Whether a text is a signing secret: `whsec_` and the base64 of 24 to 64 bytes. */
export function isStandardSecret(text: string): boolean {
  if (!text.startsWith(SECRET_PREFIX)) return false;
  const encoded = text.slice(SECRET_PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return false;
  return bytes.length >= LEAST_SECRET_BYTES && bytes.length <= MOST_SECRET_BYTES;
}

/** A new signing secret, of 32 random bytes. */
export function newStandardSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(NEW_SECRET_BYTES).toString('base64')}`;
}

/**
 * The header `webhook-signature`: one `v1,…` for each secret, the newest first, so that a receiver that knows any of them verifies.
 *
 * @param timestampSeconds what the header `webhook-timestamp` says: whole seconds since 1970
 */
export function signatures(
  secrets: readonly string[],
  id: string,
  timestampSeconds: number,
  body: string,
): string {
  const at = new Date(timestampSeconds * 1000);
  return secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' ');
}

/**
 * Whether one of `secrets` signed this request, within the tolerance.
 *
 * @param nowMs as `Date.now()`, which the library asks itself
 */
export function verifyStandard(
  headers: Headers,
  rawBody: Buffer,
  secrets: readonly string[],
  nowMs: number,
): Refusal | undefined {
  const {
    [ID_HEADER]: id = '',
    [TIMESTAMP_HEADER]: timestamp = '',
    [SIGNATURE_HEADER]: signature = '',
  } = headers;
  if (!ID.test(id))
    return wrongHeader(`${ID_HEADER}: 1 to 200 visible ASCII characters, the same at each try of an event`);
  if (!TIMESTAMP.test(timestamp)) return wrongHeader(`${TIMESTAMP_HEADER}: whole seconds since 1970`);
  if (signature === '') return wrongHeader(`${SIGNATURE_HEADER}: "v1," and the signature in base64`);
  const late = outOfTolerance(Number(timestamp), nowMs);
  if (late) return late;
  const signed = { [ID_HEADER]: id, [TIMESTAMP_HEADER]: timestamp, [SIGNATURE_HEADER]: signature };
  // Each secret is tried, so that the time that it takes does not tell which of them fitted.
  const fitting = secrets.filter((secret) => isSignedBy(secret, signed, rawBody));
  return fitting.length > 0 ? undefined : WRONG_SIGNATURE;
}

function isSignedBy(secret: string, headers: Record<string, string>, rawBody: Buffer): boolean {
  try {
    new Webhook(secret).verify(rawBody, headers, { jsonParse: false });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

function wrongHeader(what: string): Refusal {
  return { status: 400, because: 'headers', reason: `This header is missing or malformed: ${what}.` };
}
