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
  const base = base64(bytes);
  return quoted.length <= base.length
    ? { encoding: 'quoted-printable', body: quoted }
    : { encoding: 'base64', body: base };
}

/** https://www.rfc-editor.org/rfc/rfc2045#section-6.7; line breaks of the text are CRLF already. */
export function quotedPrintable(bytes: Buffer): string {
  return bytes.toString('latin1').split('\r\n').map(quotedLine).join('\r\n').concat('\r\n');
}

function quotedLine(line: string): string {
  const units = [...line].map((character, index) => {
    const code = character.charCodeAt(0);
    const isLastSpace = (code === 0x20 || code === 0x09) && index === line.length - 1;
    const isLiteral = (code >= 0x20 && code <= 0x7e && code !== 0x3d) || code === 0x09;
    return isLiteral && !isLastSpace ? character : `=${code.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  let text = '';
  let lengthOfLine = 0;
  for (const [index, unit] of units.entries()) {
    // A soft break needs room for its own `=`, except behind the last unit.
    const room = index === units.length - 1 ? LINE_LIMIT : LINE_LIMIT - 1;
    if (lengthOfLine + unit.length > room) {
      text += '=\r\n';
      lengthOfLine = 0;
    }
    text += unit;
    lengthOfLine += unit.length;
  }
  return text;
}

export function base64(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${LINE_LIMIT}}`, 'g')) ?? [''];
  return lines.join('\r\n').concat('\r\n');
}
