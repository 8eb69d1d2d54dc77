import { HonestJobsError } from '../jobs/honest-jobs-error.ts';

/** What is received from others, and what must be known of each of them. */

/** An HTTP request's headers, their names in lower case. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** Why a request is refused, as the metric counts it. */
export type RefusedBecause = 'headers' | 'signature' | 'timestamp' | 'body';

/** A request that is not taken, and what its sender is told: nothing that helps to forge one. */
export interface Refusal {
  /** 400: it is not what the provider's documents say. 401: its signature does not prove that the provider sent it. */
  readonly status: 400 | 401;
  readonly because: RefusedBecause;
  /** For the person at the other end. */
  readonly reason: string;
}

/** What a job is made of. */
export interface AcceptedEvent {
  /** The provider's own, the same at each of its retries. */
  readonly eventId: string;
  /** JSON, and nothing that varies between the provider's retries: a key that comes with another payload is dead-lettered. */
  readonly event: unknown;
}

export interface Subject {
  readonly kind: 'payment' | 'order';
  /** The provider's own. */
  readonly id: string;
}

/** What an event says of one of our subjects. */
export interface Change {
  readonly subject: Subject;
  /** One of the states of its kind. */
  readonly state: string;
  /** The provider's own order: a version, or a time in milliseconds. The greater is the newer. */
  readonly at: number;
}

/** One who sends us webhooks: how its requests are verified and what its events mean. A new one is a file like this one's neighbours. */
export interface WebhookProvider {
  /** In the path of its URL, the name of its secret and each key: lower case letters, digits and `-`. Never renamed. */
  readonly name: string;
  /** Whether a text can be one of its signing secrets; others are left out, as if they were not there. */
  isSecret(text: string): boolean;
  /**
   * Whether the provider sent this, within the tolerance of its timestamp.
   *
   * @param secrets one suffices: during a rotation there are two
   */
  verify(headers: Headers, rawBody: Buffer, secrets: readonly string[], nowMs: number): Refusal | undefined;
  /** Reads a verified request. */
  accept(headers: Headers, rawBody: Buffer): AcceptedEvent | Refusal;
  /** @returns `undefined` when the event is about nothing of ours @throws MalformedEvent */
  changeOf(event: unknown): Change | undefined;
  /** The event's type, for people. @throws MalformedEvent */
  typeOf(event: unknown): string;
}

/** An event of ours that is not as the provider's documents say. Its message names the places, and no values. */
export class MalformedEvent extends HonestJobsError {
  override readonly name = 'MalformedEvent';
  readonly code = 'MALFORMED_EVENT';
}

/** What an id may be that goes into a key of ours, and into logs. */
export const SUBJECT_ID = /^[\x21-\x7e]{1,200}$/;

/** How far a request's timestamp may be from our clock: what was recorded is of no use afterwards. */
export const TOLERANCE_SECONDS = 5 * 60;

/** The refusal of a timestamp that is out of tolerance, if it is. Both times are public knowledge, and a wrong clock is found by them. */
export function outOfTolerance(timestampSeconds: number, nowMs: number): Refusal | undefined {
  const nowSeconds = Math.floor(nowMs / 1000);
  if (Math.abs(nowSeconds - timestampSeconds) <= TOLERANCE_SECONDS) return undefined;
  return {
    status: 401,
    because: 'timestamp',
    reason: `The timestamp ${timestampSeconds} is more than ${TOLERANCE_SECONDS} s from our clock, which says ${nowSeconds}. Sign each try anew, and check your clock.`,
  };
}

/** The one answer to whatever may be wrong with a signature. */
export const WRONG_SIGNATURE: Refusal = {
  status: 401,
  because: 'signature',
  reason:
    'The signature does not fit. Sign the body exactly as it is sent, with the secret that belongs to this address.',
};

/** The refusal of a body that was signed well and yet is no event. @param issues what is wrong where */
export function unreadableBody(issues: string): Refusal {
  return { status: 400, because: 'body', reason: `The body is no event: ${issues}.` };
}

/** @returns `undefined` for what is no JSON, which no schema takes */
export function jsonOf(rawBody: Buffer): unknown {
  try {
    return JSON.parse(rawBody.toString());
  } catch {
    return undefined;
  }
}
