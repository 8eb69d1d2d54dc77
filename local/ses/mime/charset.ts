import { badRequest } from '../errors.ts';

/** Text and how the mail writes it. */
export interface EncodedText {
  readonly text: string;
  /** As the mail's headers name it. */
  readonly charset: string;
  encode(text: string): Buffer;
}

/** SES's shape of a text: `Data`, and the `Charset` to send it in. */
export interface ContentData {
  readonly Data?: unknown;
  readonly Charset?: unknown;
}

const ENCODINGS: Readonly<Record<string, (text: string) => Buffer>> = {
  'UTF-8': (text) => Buffer.from(text, 'utf8'),
  'ISO-8859-1': (text) => Buffer.from(replaced(text, /[^\0-\xff]/gu), 'latin1'),
  'US-ASCII': (text) => Buffer.from(replaced(text, /[^\0-\x7f]/gu), 'latin1'),
};
const ALIASES: Readonly<Record<string, string>> = {
  UTF8: 'UTF-8',
  ASCII: 'US-ASCII',
  'LATIN-1': 'ISO-8859-1',
};

/**
 * As SES does, what the charset does not hold is sent as `?`; without a charset that is all but 7-bit ASCII.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Content.html
 *
 * @param path of the content within the request, for errors
 * @throws AwsError `BadRequestException`
 */
export function contentText({ Data, Charset }: ContentData, path: string): EncodedText {
  if (typeof Data !== 'string') throw badRequest(`${path}.Data must be a string`);
  const asked = String(Charset ?? 'US-ASCII').toUpperCase();
  const charset = ALIASES[asked] ?? asked;
  const encode = ENCODINGS[charset];
  if (!encode)
    throw badRequest(
      `${path}.Charset "${String(Charset)}" is not known to the local cloud, which sends ${Object.keys(ENCODINGS).join(', ')}`,
    );
  return { text: charset === 'UTF-8' ? Data : encode(Data).toString('latin1'), charset, encode };
}

function replaced(text: string, missing: RegExp): string {
  return text.replaceAll(missing, '?');
}
