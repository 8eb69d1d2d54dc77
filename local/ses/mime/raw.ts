import { badRequest } from '../errors.ts';

/** A mail that was composed by the sender. */
export interface RawMail {
  /** In order, unfolded. */
  readonly fields: readonly RawField[];
  /** From the empty line on. */
  readonly rest: Buffer;
}

export interface RawField {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
  /** As it was written, folds and line break included. */
  readonly source: Buffer;
}

/** @throws AwsError `BadRequestException` */
export function readRawMail(mail: Buffer): RawMail {
  // One character a byte, so that what is not touched stays the same bytes.
  const text = mail.toString('latin1');
  const end = /^\r?\n/m.exec(text)?.index ?? text.length;
  const sources = text.slice(0, end).match(/[^\n]*\n(?:[ \t][^\n]*\n)*|[^\n]+$/g) ?? [];
  return { fields: sources.map(readField), rest: mail.subarray(end) };
}

export function valuesOf({ fields }: RawMail, name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value);
}

function readField(text: string): RawField {
  const source = Buffer.from(text, 'latin1');
  const unfolded = source.toString('utf8').replaceAll(/\r?\n/g, '');
  const [, name, value] = /^([!-9;-~]+)[ \t]*:(.*)$/s.exec(unfolded) ?? [];
  if (name === undefined || value === undefined)
    throw badRequest(
      `The raw message has the line ${JSON.stringify(unfolded)} in its header, which is no field`,
    );
  return { name: name.toLowerCase(), value: value.trim(), source };
}

/** Splits an address list at the commas that are outside of quotes and angle brackets. */
export function splitAddresses(list: string): readonly string[] {
  const mailboxes = list.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<]|[<"])+/gs) ?? [];
  return mailboxes.map((mailbox) => mailbox.trim()).filter((mailbox) => mailbox !== '');
}

/** Reads RFC 2047 encoded words. One of a charset that nobody here knows is left as it stands. */
export function decodeWords(text: string): string {
  return text
    .replaceAll(/(\?=)[ \t]+(?==\?)/g, '$1')
    .replaceAll(
      /=\?([\w-]+)\?([bq])\?([^?\s]*)\?=/gi,
      (word, charset: string, kind: string, data: string) => {
        const bytes = kind.toLowerCase() === 'b' ? Buffer.from(data, 'base64') : quotedWord(data);
        try {
          return new TextDecoder(charset).decode(bytes);
        } catch {
          return word;
        }
      },
    );
}

function quotedWord(data: string): Buffer {
  const binary = data
    .replaceAll('_', ' ')
    .replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(binary, 'latin1');
}
