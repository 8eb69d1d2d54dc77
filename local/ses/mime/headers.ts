import type { Mailbox } from '../address.ts';
import type { EncodedText } from './charset.ts';

/** What fits into one encoded word of RFC 2047 (75 characters in all), in bytes before base64. */
const ENCODED_WORD_LIMIT_BYTES = 39;
/** RFC 5322 recommends 78 characters in a line. */
const LINE_LIMIT = 78;

/** One header field with its CRLF. */
export function header(name: string, value: string): string {
  return `${name}: ${value}\r\n`;
}

/** What SES writes on every mail, also on one that brought its own. */
export function ownFields(messageId: string, atMs: number): string {
  // RFC 5322 knows `GMT` only as obsolete.
  const date = new Date(atMs).toUTCString().replace('GMT', '+0000');
  return header('Date', date) + header('Message-ID', `<${messageId}@email.amazonses.com>`);
}

/** A field of free text: as it is where it is ASCII (folded at its spaces), in encoded words where it is not. */
export function textHeader(name: string, { text, charset, encode }: EncodedText): string {
  const folded = isPlain(text) ? foldedAtSpaces(text, LINE_LIMIT - name.length - 2) : undefined;
  return header(name, folded ?? encodedWords(text, charset, encode));
}

export function mailboxHeader(name: string, mailboxes: readonly Mailbox[]): string {
  return header(name, mailboxes.map(formatMailbox).join(',\r\n '));
}

function formatMailbox({ name, address }: Mailbox): string {
  if (name === '') return address;
  if (!isPlain(name) && !isEncodedWord(name))
    return `${encodedWords(name, 'UTF-8', (text) => Buffer.from(text))}\r\n <${address}>`;
  const isAtoms = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+$/.test(name);
  return `${isAtoms ? name : `"${name.replaceAll(/["\\]/g, '\\$&')}"`} <${address}>`;
}

/** ASCII that no reader would take for an encoded word. */
function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text) && !text.includes('=?');
}

function isEncodedWord(text: string): boolean {
  return /^=\?[\w-]+\?[bq]\?[^?\s]+\?=$/i.test(text);
}

/** Unfolding gives the text back, since only a line break is put before a space. `undefined` when a word is too long. */
function foldedAtSpaces(text: string, firstLineLimit: number): string | undefined {
  let limit = firstLineLimit;
  let line = '';
  const lines: string[] = [];
  for (const [word] of text.matchAll(/ *[^ ]*/g)) {
    if (line !== '' && line.length + word.length > limit) {
      lines.push(line);
      line = '';
      limit = LINE_LIMIT;
    }
    if (word.length > limit || (lines.length > 0 && word.trim() === '' && word !== '')) return undefined;
    line += word;
  }
  return [...lines, line].join('\r\n');
}

/** Each word ends at a character's end, as RFC 2047 demands. */
function encodedWords(text: string, charset: string, encode: (text: string) => Buffer): string {
  const chunks: Buffer[] = [];
  let chunk: Buffer = Buffer.alloc(0);
  for (const character of text) {
    const bytes = encode(character);
    if (chunk.length + bytes.length > ENCODED_WORD_LIMIT_BYTES) {
      chunks.push(chunk);
      chunk = bytes;
    } else chunk = Buffer.concat([chunk, bytes]);
  }
  return [...chunks, chunk].map((bytes) => `=?${charset}?B?${bytes.toString('base64')}?=`).join('\r\n ');
}
