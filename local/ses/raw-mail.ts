import { type Mailbox, parseMailbox } from './address.ts';
import type { Destination } from './draft.ts';
import { badRequest } from './errors.ts';
import { record, refuseUnknown } from './input.ts';
import { ownFields } from './mime/headers.ts';
import { decodeWords, type RawMail, readRawMail, splitAddresses, valuesOf } from './mime/raw.ts';

/** Fields that SES sets itself, keeps from the recipients, or reads as instructions. */
const REPLACED_FIELDS = new Set([
  'bcc',
  'date',
  'message-id',
  'x-ses-configuration-set',
  'x-ses-message-tags',
]);

export interface RawContent {
  readonly from: Mailbox;
  readonly destination: Destination;
  readonly subject: string;
  readonly configurationSet: string | undefined;
  readonly tags: readonly { readonly Name: string; readonly Value: string }[];
  compose(messageId: string, atMs: number): Buffer;
}

/**
 * Content as `Raw`: a whole mail. Sender, recipients, configuration set and tags may all be fields of it.
 *
 * @throws AwsError `BadRequestException`
 */
export function readRaw(input: unknown): RawContent {
  const raw = record(input, 'Content.Raw');
  refuseUnknown(raw, 'Content.Raw', ['Data']);
  if (typeof raw.Data !== 'string') throw badRequest('Content.Raw.Data is required and must be base64');
  const mail = readRawMail(Buffer.from(raw.Data, 'base64'));
  const [from] = valuesOf(mail, 'from');
  if (from === undefined) throw badRequest("Missing required header 'From'.");
  return {
    from: parseMailbox(from),
    destination: {
      to: mailboxes(mail, 'to'),
      cc: mailboxes(mail, 'cc'),
      bcc: mailboxes(mail, 'bcc'),
    },
    subject: decodeWords(valuesOf(mail, 'subject')[0] ?? ''),
    configurationSet: valuesOf(mail, 'x-ses-configuration-set')[0],
    tags: valuesOf(mail, 'x-ses-message-tags').flatMap((value) => value.split(',').map(readTag)),
    compose: (messageId, atMs) => rewritten(mail, messageId, atMs),
  };
}

function mailboxes(mail: RawMail, name: string): readonly Mailbox[] {
  return valuesOf(mail, name).flatMap(splitAddresses).map(parseMailbox);
}

function readTag(text: string): { Name: string; Value: string } {
  const [Name = '', Value = ''] = text.split('=').map((side) => side.trim());
  return { Name, Value };
}

function rewritten({ fields, rest }: RawMail, messageId: string, atMs: number): Buffer {
  const kept = fields.filter(({ name }) => !REPLACED_FIELDS.has(name)).map(({ source }) => source);
  const mail = Buffer.concat([Buffer.from(ownFields(messageId, atMs)), ...kept, rest]).toString('latin1');
  // A mail's lines end in CRLF, whatever the sender's do.
  return Buffer.from(mail.replaceAll(/\r?\n/g, '\r\n'), 'latin1');
}
