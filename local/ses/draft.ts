import { type Mailbox, parseMailbox } from './address.ts';
import { badRequest } from './errors.ts';
import { type Input, list, record, refuseUnknown } from './input.ts';
import type { Draft } from './mail.ts';
import { readRaw } from './raw-mail.ts';
import { readSimple } from './simple-mail.ts';

const RECIPIENT_LIMIT = 50;

export interface Destination {
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly bcc: readonly Mailbox[];
}

const KNOWN = [
  'FromEmailAddress',
  'Destination',
  'ReplyToAddresses',
  'Content',
  'EmailTags',
  'ConfigurationSetName',
];

/**
 * Reads SendEmail's input as far as it can be judged by itself.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 *
 * @throws AwsError `BadRequestException`
 */
export function readDraft(input: Input): Draft & { readonly senders: readonly string[] } {
  refuseUnknown(input, 'SendEmail', KNOWN);
  const content = record(input.Content, 'Content');
  refuseUnknown(content, 'Content', ['Simple', 'Raw']);
  const given = readDestination(input.Destination);
  if ((content.Simple === undefined) === (content.Raw === undefined))
    throw badRequest('Content must hold exactly one of Simple and Raw');
  const configurationSet =
    input.ConfigurationSetName === undefined ? undefined : String(input.ConfigurationSetName);
  const own = list(input.EmailTags, 'EmailTags');
  const from = input.FromEmailAddress === undefined ? undefined : mailbox(input.FromEmailAddress);
  if (content.Raw !== undefined) {
    const raw = readRaw(content.Raw);
    return {
      ...addresses(given ?? raw.destination),
      from: (from ?? raw.from).address,
      senders: [...new Set([from?.address ?? raw.from.address, raw.from.address])],
      subject: raw.subject,
      tags: readTags([...raw.tags, ...own]),
      configurationSet: configurationSet ?? raw.configurationSet,
      compose: raw.compose,
    };
  }
  if (!from) throw badRequest('FromEmailAddress is required with Content.Simple');
  const destination = given ?? { to: [], cc: [], bcc: [] };
  const replyTo = list(input.ReplyToAddresses, 'ReplyToAddresses').map(mailbox);
  const { subject, compose } = readSimple(content.Simple, from, destination, replyTo);
  return {
    ...addresses(destination),
    from: from.address,
    senders: [from.address],
    subject: subject.text,
    tags: readTags(own),
    configurationSet,
    compose,
  };
}

function readDestination(input: unknown): Destination | undefined {
  if (input === undefined) return undefined;
  const destination = record(input, 'Destination');
  refuseUnknown(destination, 'Destination', ['ToAddresses', 'CcAddresses', 'BccAddresses']);
  const read = (name: string) => list(destination[name], `Destination.${name}`).map(mailbox);
  return { to: read('ToAddresses'), cc: read('CcAddresses'), bcc: read('BccAddresses') };
}

function mailbox(text: unknown): Mailbox {
  return parseMailbox(String(text));
}

function addresses(destination: Destination): Pick<Draft, 'to' | 'cc' | 'bcc'> {
  const [to, cc, bcc] = [destination.to, destination.cc, destination.bcc].map((mailboxes) =>
    mailboxes.map(({ address }) => address),
  ) as [string[], string[], string[]];
  const count = to.length + cc.length + bcc.length;
  if (count === 0) throw badRequest('The message has no recipient');
  if (count > RECIPIENT_LIMIT) throw badRequest(`Recipient count exceeds ${RECIPIENT_LIMIT}.`);
  return { to, cc, bcc };
}

function readTags(tags: readonly unknown[]): Record<string, string> {
  const read: Record<string, string> = {};
  for (const [index, tag] of tags.entries()) {
    const { Name, Value } = record(tag, `EmailTags[${index}]`);
    for (const [kind, text] of [
      ['name', Name],
      ['value', Value],
    ])
      if (typeof text !== 'string' || !/^[A-Za-z0-9_-]{1,256}$/.test(text))
        throw badRequest(
          `Invalid tag ${kind} <${String(text)}>: only alphanumeric ASCII characters, '_', and '-' are allowed.`,
        );
    read[String(Name)] = String(Value);
  }
  return read;
}
