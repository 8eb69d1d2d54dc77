import type { Mailbox } from './address.ts';
import type { Destination } from './draft.ts';
import { badRequest } from './errors.ts';
import { list, record, refuseUnknown } from './input.ts';
import { contentText } from './mime/charset.ts';
import { composeMail, type MailContent } from './mime/compose.ts';

/** What SES writes itself, so that nobody else may. */
const RESERVED_FIELDS = new Set([
  'from',
  'to',
  'cc',
  'bcc',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
]);

/**
 * Content as `Simple`: subject, text, HTML.
 *
 * @throws AwsError `BadRequestException`
 */
export function readSimple(
  input: unknown,
  from: Mailbox,
  { to, cc }: Destination,
  replyTo: readonly Mailbox[],
): Pick<MailContent, 'subject'> & { compose(messageId: string, atMs: number): Buffer } {
  const path = 'Content.Simple';
  const simple = record(input, path);
  refuseUnknown(simple, path, ['Subject', 'Body', 'Headers']);
  const body = record(simple.Body, `${path}.Body`);
  refuseUnknown(body, `${path}.Body`, ['Text', 'Html']);
  const subject = contentText(record(simple.Subject, `${path}.Subject`), `${path}.Subject`);
  if (/\p{Cc}/u.test(subject.text)) throw badRequest('The subject contains control characters');
  const { text, html } = {
    text:
      body.Text === undefined
        ? undefined
        : contentText(record(body.Text, `${path}.Body.Text`), `${path}.Body.Text`),
    html:
      body.Html === undefined
        ? undefined
        : contentText(record(body.Html, `${path}.Body.Html`), `${path}.Body.Html`),
  };
  if (!text && !html) throw badRequest(`${path}.Body has neither Text nor Html`);
  const headers = list(simple.Headers, `${path}.Headers`).map(readHeader);
  const content = { from, to, cc, replyTo, subject, text, html, headers };
  return { subject, compose: (messageId, atMs) => composeMail(content, messageId, atMs) };
}

function readHeader(input: unknown, index: number): readonly [string, string] {
  const path = `Content.Simple.Headers[${index}]`;
  const { Name, Value } = record(input, path);
  const name = String(Name);
  if (!/^[!-9;-~]{1,126}$/.test(name) || RESERVED_FIELDS.has(name.toLowerCase()))
    throw badRequest(`${path}.Name "${name}" is not a header that a sender may set`);
  if (typeof Value !== 'string' || !/^[\x20-\x7e]{1,995}$/.test(Value))
    throw badRequest(`${path}.Value is not 1 to 995 printable ASCII characters`);
  return [name, Value];
}
