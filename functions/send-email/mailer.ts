import { type SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import { NotDone, PermanentError } from '../../shared/consumer/index.ts';
import { NOTIFICATION_TAG, notificationTag } from '../../shared/jobs/email-event.ts';
import type { RenderedMail } from './templates.ts';

export interface Mail extends RenderedMail {
  readonly to: string;
  /** Travels as a tag, so that SES's own events can be told apart by it. */
  readonly notificationId: string;
}

export type SendResult = { readonly sesMessageId: string } | { readonly invalidAddress: string };

/**
 * What SES refuses before it takes a mail. https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 * A 503 is AWS's front door turning a request away (https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html). Everything
 * else (a time-out, a 500, a broken connection) may have been sent.
 */
const REFUSED_FOR_NOW: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'TooManyRequestsException',
  'LimitExceededException',
  'SendingPausedException',
  'AccountSuspendedException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'ThrottlingException',
]);
const REFUSED_FOR_GOOD: ReadonlySet<string> = new Set([
  'MessageRejected',
  'MailFromDomainNotVerifiedException',
  'NotFoundException',
  'BadRequestException',
]);
/** The connection was never made; the SDK tells a time-out of that kind by its words alone. */
const NEVER_CONNECTED = /did not establish a connection/;
const NEVER_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** SES has no code of its own for a malformed address, only these words: "Missing final '@domain'", "Local address contains …", "Unterminated quote". */
const INVALID_ADDRESS = /\b(address|domain|recipient|missing local name|unterminated quote|illegal)\b/i;
/** The sender's address is a setting of ours: nobody is suppressed for that. */
const SENDER = /\b(from|source|sender|return-?path|reply-?to)\b/i;

/** Sends through SES v2, and says of each failure whether the mail certainly did not go out. */
export class SesMailer {
  readonly #ses: SESv2Client;
  readonly #settings: { readonly from: string; readonly configurationSet: string };

  constructor(ses: SESv2Client, settings: { readonly from: string; readonly configurationSet: string }) {
    this.#ses = ses;
    this.#settings = settings;
  }

  /** @throws NotDone when SES refused for now, PermanentError when it refused for good, anything else when nobody can tell */
  async send(mail: Mail, signal: AbortSignal): Promise<SendResult> {
    const { from, configurationSet } = this.#settings;
    try {
      const { MessageId } = await this.#ses.send(
        new SendEmailCommand({
          FromEmailAddress: from,
          Destination: { ToAddresses: [mail.to] },
          ConfigurationSetName: configurationSet,
          EmailTags: [{ Name: NOTIFICATION_TAG, Value: notificationTag(mail.notificationId) }],
          Content: {
            Simple: {
              Subject: { Data: mail.subject, Charset: 'UTF-8' },
              Body: {
                Text: { Data: mail.text, Charset: 'UTF-8' },
                Html: { Data: mail.html, Charset: 'UTF-8' },
              },
            },
          },
        }),
        { abortSignal: signal },
      );
      return { sesMessageId: MessageId ?? '' };
    } catch (error) {
      return refusal(error as Error);
    }
  }
}

function refusal(error: Error & { code?: unknown }): SendResult {
  if (
    error.name === 'BadRequestException' &&
    INVALID_ADDRESS.test(error.message) &&
    !SENDER.test(error.message)
  )
    return { invalidAddress: error.message };
  if (REFUSED_FOR_GOOD.has(error.name))
    throw new NotDone(error.message, {
      cause: new PermanentError(error.message, { cause: error, code: error.name }),
    });
  if (
    REFUSED_FOR_NOW.has(error.name) ||
    (typeof error.code === 'string' && NEVER_SENT.has(error.code)) ||
    NEVER_CONNECTED.test(error.message)
  )
    throw new NotDone(`SES did not take the mail: ${error.name}: ${error.message}`, { cause: error });
  throw error;
}
