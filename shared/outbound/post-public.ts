import type { IncomingMessage } from 'node:http';
import { type PublicRequest, type PublicRequestOptions, publicRequest } from './public-request.ts';

export interface PostPublicOptions extends PublicRequestOptions {
  readonly body: string;
  /** Beside `content-length` and `host`. */
  readonly headers: Readonly<Record<string, string>>;
  /** So much of the answer's body is read, and no more. */
  readonly mostBytes: number;
}

/** What came back. All that is kept of its headers is `retry-after`. */
export interface PublicAnswer {
  readonly status: number;
  readonly headers: { readonly 'retry-after'?: string };
  /** The beginning of it; what is no UTF-8 is replaced. */
  readonly body: string;
}

export type PostPublic = (address: string, options: PostPublicOptions) => Promise<PublicAnswer>;

/** Its status has told already what became of the request: nobody waits long for the body. */
const BODY_SECONDS = 2;

/**
 * Posts to an address that somebody else has written down, under the same guard as `fetchPublic`. A redirect is not followed and is an answer as any
 * other. A body that is longer than `mostBytes`, does not end within two seconds or breaks off is cut, and refused for none of it.
 *
 * @throws OutboundRefused with `sent: false` when the request certainly reached nobody
 */
export const postPublic: PostPublic = (address, options) =>
  publicRequest(
    address,
    {
      method: 'POST',
      headers: {
        'accept-encoding': 'identity',
        ...options.headers,
        'content-length': String(Buffer.byteLength(options.body)),
      },
    },
    options,
    (request) => exchange(request, options),
  );

function exchange({ sent }: PublicRequest, { body, mostBytes }: PostPublicOptions): Promise<PublicAnswer> {
  return new Promise((resolve, reject) => {
    let answered = false;
    sent.on('error', (error) => {
      // From the status on, what breaks off is only the rest.
      if (!answered) reject(error);
    });
    sent.on('response', (answer) => {
      answered = true;
      const { statusCode: status = 0, headers } = answer;
      const retryAfter = headers['retry-after'];
      beginningOf(answer, mostBytes).then((beginning) => {
        sent.destroy();
        resolve({
          status,
          headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
          body: beginning,
        });
      });
    });
    sent.end(body);
  });
}

/** Never rejects: what has come is what there is. */
function beginningOf(answer: IncomingMessage, mostBytes: number): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (): void => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).subarray(0, mostBytes).toString());
    };
    const timer = setTimeout(end, BODY_SECONDS * 1000);
    answer.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= mostBytes) end();
    });
    answer.on('error', end);
    answer.on('close', end);
    answer.on('end', end);
  });
}
