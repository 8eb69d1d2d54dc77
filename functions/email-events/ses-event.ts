import * as z from 'zod';
import {
  EMAIL_EVENT_TYPES,
  type EmailEventRecord,
  emailEventExpiration,
  emailEventSortKey,
  NOTIFICATION_TAG,
} from '../../shared/jobs/email-event.ts';

const reasoned = z.object({ reason: z.string() });

/**
 * What is read of an event that SES publishes: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 * Its type is spelled `Rendering Failure` where the destination's is `RENDERING_FAILURE`.
 */
const sesEvent = z.object({
  eventType: z
    .string()
    .transform((type) => type.toUpperCase().replaceAll(' ', '_'))
    .pipe(z.enum(EMAIL_EVENT_TYPES)),
  mail: z.object({
    messageId: z.string().min(1),
    timestamp: z.iso.datetime({ offset: true }),
    tags: z.record(z.string(), z.array(z.string())).default({}),
  }),
  reject: reasoned.optional(),
  failure: z.object({ errorMessage: z.string() }).optional(),
  bounce: z.object({ bounceType: z.string(), bounceSubType: z.string() }).optional(),
  complaint: z.object({ complaintFeedbackType: z.string().nullish() }).optional(),
});

/**
 * What SES says once to a topic that becomes an event destination:
 * https://github.com/ope-tech/laravel-ses/issues/10
 */
const GREETING = 'Successfully validated SNS topic for Amazon SES event publishing.';

/**
 * Reads one notification of the topic.
 *
 * @returns the record to keep; `undefined` for SES's greeting, and for a mail that carries no notification's id
 * @throws Error for what is no event of SES's
 */
export function recordOf(message: string): EmailEventRecord | undefined {
  if (message.trim() === GREETING) return undefined;
  const { eventType: type, mail, ...details } = sesEvent.parse(JSON.parse(message));
  const notification = mail.tags[NOTIFICATION_TAG]?.[0];
  if (notification === undefined) return undefined;
  const sentAtMs = Date.parse(mail.timestamp);
  const reason = reasonOf(details);
  return {
    notification,
    event: emailEventSortKey(type, mail.messageId),
    type,
    sesMessageId: mail.messageId,
    sentAtMs,
    ...(reason !== undefined && { reason }),
    expiration: emailEventExpiration(sentAtMs),
  };
}

function reasonOf(event: Omit<z.output<typeof sesEvent>, 'eventType' | 'mail'>): string | undefined {
  const { reject, failure, bounce, complaint } = event;
  if (bounce) return `${bounce.bounceType}, ${bounce.bounceSubType}`;
  return reject?.reason ?? failure?.errorMessage ?? complaint?.complaintFeedbackType ?? undefined;
}
