import { createHash } from 'node:crypto';
import { RECORD_RETENTION_SECONDS } from './define-job.ts';

/** The message tag by which SES's own events name the notification that they are of. */
export const NOTIFICATION_TAG = 'notification';

/** SES: at most 256 ASCII letters, digits, `_` and `-`. https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html */
const LONGEST_TAG = 256;

/**
 * A notification's id as a message tag takes it. Two ids never have the same tag: whatever a tag does not take, and `_` itself,
 * is written as `_` and two hexadecimal digits a byte of UTF-8 (`welcome:user-7` is `welcome_3Auser-7`); an id that is too long
 * even so is hashed, behind a prefix that no other tag begins with.
 */
export function notificationTag(notificationId: string): string {
  const tag = notificationId.replaceAll(/[^A-Za-z0-9-]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `_${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
  if (tag.length <= LONGEST_TAG) return tag;
  return `_sha256-${createHash('sha256').update(notificationId).digest('hex')}`;
}

/** Every event type that is recorded; what SES means by each: https://docs.aws.amazon.com/ses/latest/dg/monitor-sending-activity.html */
export const EMAIL_EVENT_TYPES = [
  'SEND',
  'REJECT',
  'DELIVERY',
  'BOUNCE',
  'COMPLAINT',
  'RENDERING_FAILURE',
] as const;
export type EmailEventType = (typeof EMAIL_EVENT_TYPES)[number];

/** One of SES's events, as the table `email-events` keeps it. No address is in it. */
export interface EmailEventRecord {
  /** {@link notificationTag} of the notification's id. */
  readonly notification: string;
  /** `<type>#<sesMessageId>`: the same event delivered twice is the same item. */
  readonly event: string;
  readonly type: EmailEventType;
  readonly sesMessageId: string;
  /** When SES took the mail, milliseconds since the epoch. */
  readonly sentAtMs: number;
  /** Why it was rejected, bounced or complained of, in SES's words. */
  readonly reason?: string;
  /** Seconds, for DynamoDB's TTL. */
  readonly expiration: number;
}

export function emailEventSortKey(type: EmailEventType, sesMessageId: string): string {
  return `${type}#${sesMessageId}`;
}

/** Events are kept as long as the records of the jobs that may ask for them, counted from when SES took the mail. */
export function emailEventExpiration(sentAtMs: number): number {
  return Math.ceil(sentAtMs / 1000) + RECORD_RETENTION_SECONDS;
}
