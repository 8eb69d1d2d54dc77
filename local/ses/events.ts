import { domainOf } from './address.ts';
import { recipientsOf, type SentMail } from './mail.ts';

/** What SES tells of a mail after it took it, as a configuration set's event destination names it. */
export type EventType = 'SEND' | 'REJECT' | 'DELIVERY' | 'BOUNCE' | 'COMPLAINT';

/** An event that is about to be published. */
export interface MailEvent {
  readonly type: EventType;
  readonly mail: SentMail;
  /** Those that it tells of. */
  readonly recipients: readonly string[];
}

/** As event records spell it. */
const RECORD_TYPES: Readonly<Record<EventType, string>> = {
  SEND: 'Send',
  REJECT: 'Reject',
  DELIVERY: 'Delivery',
  BOUNCE: 'Bounce',
  COMPLAINT: 'Complaint',
};

/** https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator-how-to-use; labels are let pass. */
const SIMULATED = /^(bounce|complaint|suppressionlist)(?:\+[^@]*)?@simulator\.amazonses\.com$/i;

/** What becomes of a mail that was taken: what SES would publish, in its order. */
export function eventsOf(mail: SentMail): readonly MailEvent[] {
  const all = recipientsOf(mail);
  if (mail.rejected) return [{ type: 'REJECT', mail, recipients: all }];
  const bounced = all.filter((address) => isSuppressed(mail, address) || simulated(address) === 'bounce');
  const delivered = all.filter((address) => !bounced.includes(address));
  const complained = delivered.filter((address) => simulated(address) === 'complaint');
  const some = (type: EventType, recipients: readonly string[]): MailEvent[] =>
    recipients.length === 0 ? [] : [{ type, mail, recipients }];
  return [
    ...some('SEND', all),
    ...some('DELIVERY', delivered),
    ...some('BOUNCE', bounced),
    ...some('COMPLAINT', complained),
  ];
}

export interface RecordContext {
  readonly region: string;
  readonly accountId: string;
  readonly atMs: number;
}

/** https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html */
export function eventRecord({ type, mail, recipients }: MailEvent, context: RecordContext): string {
  const { messageId, from, to, subject, tags, configurationSet, atMs } = mail;
  const domain = domainOf(from);
  return JSON.stringify({
    eventType: RECORD_TYPES[type],
    mail: {
      timestamp: new Date(atMs).toISOString(),
      source: from,
      sourceArn: `arn:aws:ses:${context.region}:${context.accountId}:identity/${domain}`,
      sendingAccountId: context.accountId,
      messageId,
      destination: recipientsOf(mail),
      headersTruncated: false,
      headers: [
        { name: 'From', value: from },
        { name: 'To', value: to.join(', ') },
        { name: 'Subject', value: subject },
      ],
      commonHeaders: { from: [from], to, messageId, subject },
      tags: {
        'ses:configuration-set': [configurationSet ?? ''],
        'ses:from-domain': [domain],
        ...Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, [value]])),
      },
    },
    [type.toLowerCase()]: details(type, mail, recipients, context.atMs),
  });
}

function details(type: EventType, mail: SentMail, recipients: readonly string[], atMs: number): object {
  const timestamp = new Date(atMs).toISOString();
  const each = recipients.map((emailAddress) => ({ emailAddress }));
  switch (type) {
    case 'SEND':
      return {};
    case 'REJECT':
      return { reason: 'Bad content' };
    case 'DELIVERY':
      return {
        timestamp,
        processingTimeMillis: Math.max(0, Math.round(atMs - mail.atMs)),
        recipients,
        smtpResponse: '250 2.6.0 Message received',
        reportingMTA: 'local.smtp-out.amazonses.com',
      };
    case 'BOUNCE':
      return {
        bounceType: 'Permanent',
        bounceSubType: recipients.every((address) => isSuppressed(mail, address))
          ? 'OnAccountSuppressionList'
          : 'General',
        bouncedRecipients: each.map((recipient) => ({ ...recipient, action: 'failed', status: '5.1.1' })),
        timestamp,
        feedbackId: mail.messageId,
      };
    case 'COMPLAINT':
      return {
        complainedRecipients: each,
        complaintFeedbackType: 'abuse',
        complaintSubType: null,
        timestamp,
        arrivalDate: timestamp,
        feedbackId: mail.messageId,
        userAgent: 'Amazon SES Mailbox Simulator',
      };
  }
}

function isSuppressed({ suppressed }: SentMail, address: string): boolean {
  return suppressed.includes(address) || simulated(address) === 'suppressionlist';
}

function simulated(address: string): string | undefined {
  return SIMULATED.exec(address)?.[1]?.toLowerCase();
}
