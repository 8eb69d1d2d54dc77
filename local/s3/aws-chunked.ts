import { AwsError } from '../kernel/errors.ts';

type Headers = Readonly<Record<string, string | undefined>>;

export interface DecodedBody {
  readonly body: Buffer;
  /** The request's headers with the body's trailers among them, and without what only described the chunks. */
  readonly headers: Headers;
}

/**
 * Takes an upload out of its chunks: SDKs stream a body as `size[;chunk-signature=…]CRLF data CRLF`, end it with a chunk of
 * size 0, and put the checksum, which they know only then, into a trailer.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 *
 * @throws AwsError `IncompleteBody`
 */
export function decodeBody(body: Buffer, headers: Headers): DecodedBody {
  const encodings = (headers['content-encoding'] ?? '').split(',').map((one) => one.trim());
  const streaming = headers['x-amz-content-sha256']?.startsWith('STREAMING-') ?? false;
  if (!streaming && !encodings.includes('aws-chunked')) return { body, headers };
  const { data, trailers } = decodeChunks(body);
  const expected = headers['x-amz-decoded-content-length'];
  if (expected !== undefined && Number(expected) !== data.length)
    throw incomplete(`${data.length} bytes came, ${expected} were announced`);
  const rest = encodings.filter((one) => one !== 'aws-chunked' && one !== '').join(',');
  return { body: data, headers: { ...headers, ...trailers, 'content-encoding': rest || undefined } };
}

function decodeChunks(body: Buffer): { data: Buffer; trailers: Record<string, string> } {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    if (lineEnd < 0) throw incomplete('a chunk has no size');
    const size = /^([0-9a-fA-F]+)(?:;|$)/.exec(body.toString('latin1', at, lineEnd))?.[1];
    if (size === undefined) throw incomplete('a chunk has no size');
    const start = lineEnd + 2;
    const sizeBytes = Number.parseInt(size, 16);
    if (sizeBytes === 0) return { data: Buffer.concat(chunks), trailers: readTrailers(body, start) };
    if (start + sizeBytes > body.length) throw incomplete('a chunk is cut off');
    chunks.push(body.subarray(start, start + sizeBytes));
    at = start + sizeBytes + 2;
  }
}

function readTrailers(body: Buffer, start: number): Record<string, string> {
  const trailers: Record<string, string> = {};
  for (const line of body.toString('latin1', start).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  // It signs the others, and signatures are not checked.
  delete trailers['x-amz-trailer-signature'];
  return trailers;
}

function incomplete(why: string): AwsError {
  return new AwsError(
    'IncompleteBody',
    `You did not provide the number of bytes specified by the Content-Length HTTP header: ${why}.`,
  );
}
