import type { Mailbox } from '../address.ts';
import type { EncodedText } from './charset.ts';
import { encodeBody } from './encodings.ts';
import { header, mailboxHeader, ownFields, textHeader } from './headers.ts';

export interface MailContent {
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  readonly subject: EncodedText;
  readonly text?: EncodedText | undefined;
  readonly html?: EncodedText | undefined;
  /** The sender's own fields, by name. */
  readonly headers: readonly (readonly [string, string])[];
}

/**
 * Writes a mail as RFC 5322 text: one part, or text and HTML as alternatives of which a reader shows the last that it can.
 * Bcc recipients are on the envelope only.
 */
export function composeMail(content: MailContent, messageId: string, atMs: number): Buffer {
  const fields = [
    mailboxHeader('From', [content.from]),
    ...[
      ['To', content.to],
      ['Cc', content.cc],
      ['Reply-To', content.replyTo],
    ].flatMap(([name, mailboxes]) =>
      mailboxes && mailboxes.length > 0
        ? [mailboxHeader(name as string, mailboxes as readonly Mailbox[])]
        : [],
    ),
    textHeader('Subject', content.subject),
    ownFields(messageId, atMs),
    ...content.headers.map(([name, value]) =>
      textHeader(name, { text: value, charset: 'UTF-8', encode: (text) => Buffer.from(text) }),
    ),
    header('MIME-Version', '1.0'),
  ];
  return Buffer.from(fields.join('') + body(content, messageId), 'latin1');
}

function body({ text, html }: MailContent, messageId: string): string {
  const parts = [...(text ? [part('plain', text)] : []), ...(html ? [part('html', html)] : [])];
  if (parts.length === 1) return parts.join('');
  // `=_` occurs neither in quoted-printable nor in base64, so no line of a part can be the boundary.
  const boundary = `=_${messageId}`;
  return [
    header('Content-Type', `multipart/alternative;\r\n boundary="${boundary}"`),
    '\r\n',
    ...parts.map((each) => `--${boundary}\r\n${each}`),
    `--${boundary}--\r\n`,
  ].join('');
}

function part(subtype: string, { text, charset, encode }: EncodedText): string {
  const { encoding, body } = encodeBody(encode(text.replaceAll(/\r\n|\r|\n/g, '\r\n')));
  return (
    header('Content-Type', `text/${subtype}; charset=${charset}`) +
    header('Content-Transfer-Encoding', encoding) +
    `\r\n${body}`
  );
}
