/** RFC 2045 allows 76 characters in an encoded line. */
const LINE_LIMIT = 76;

export interface EncodedBody {
  readonly encoding: 'quoted-printable' | 'base64';
  /** Lines end in CRLF, the last one too. */
  readonly body: string;
}

/** Quoted-printable where it is the shorter, so that a mail in a Latin script can be read as it lies on disk. */
export function encodeBody(bytes: Buffer): EncodedBody {
  const quoted = quotedPrintable(bytes);
  const characters = Math.ceil(bytes.length / 3) * 4;
  const base64Length = characters + 2 * Math.ceil(characters / LINE_LIMIT);
  return quoted.length <= base64Length
    ? { encoding: 'quoted-printable', body: quoted }
    : { encoding: 'base64', body: base64(bytes) };
}

/** https://www.rfc-editor.org/rfc/rfc2045#section-6.7; line breaks of the text are CRLF already. */
export function quotedPrintable(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .split('\r\n')
    .map((line) => folded(line.replaceAll(/[^\t -<>-~]|[\t ]$/g, quoted)))
    .join('\r\n')
    .concat('\r\n');
}

function quoted(character: string): string {
  return `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Soft breaks, each behind an `=` of its own, and none within a quoted character. */
function folded(line: string): string {
  let text = '';
  let start = 0;
  while (line.length - start > LINE_LIMIT) {
    const cut = start + LINE_LIMIT - 1;
    const quotedAt = line.lastIndexOf('=', cut - 1);
    const end = quotedAt > cut - 3 ? quotedAt : cut;
    text += `${line.slice(start, end)}=\r\n`;
    start = end;
  }
  return text + line.slice(start);
}

export function base64(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,76}/g) ?? [''];
  return lines.join('\r\n').concat('\r\n');
}
