import type { IncomingMessage } from 'node:http';
import { OutboundRefused } from './outbound-refused.ts';
import { type PublicRequest, type PublicRequestOptions, publicRequest } from './public-request.ts';

export interface FetchPublicOptions extends PublicRequestOptions {
  /** A longer answer is refused as soon as that is known. */
  readonly mostBytes: number;
}

/** A server that is busy says so by these. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Reads what anybody may read at an `https://` address, for one that somebody else has written down: connects to nothing but the public internet,
 * follows no redirect, and ends after so many bytes and seconds.
 *
 * @throws OutboundRefused
 */
export function fetchPublic(address: string, options: FetchPublicOptions): Promise<Uint8Array<ArrayBuffer>> {
  const headers = { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'honest-jobs' };
  return publicRequest(address, { headers }, options, (request) => read(request, options));
}

function read(
  { sent, host }: PublicRequest,
  { mostBytes }: FetchPublicOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      sent.destroy();
      reject(error);
    };
    sent.on('error', fail);
    sent.on('response', (answer) => {
      const refusal = refusalOf(answer, host, mostBytes);
      if (refusal) return fail(refusal);
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > mostBytes) fail(tooLarge(host, mostBytes));
      });
      answer.on('error', fail);
      answer.on('end', () => {
        if (!answer.complete) return fail(new Error('the answer broke off'));
        const whole = new Uint8Array(bytes);
        let at = 0;
        for (const chunk of chunks) {
          whole.set(chunk, at);
          at += chunk.length;
        }
        resolve(whole);
      });
    });
    sent.end();
  });
}

function refusalOf(
  { statusCode = 0, headers }: IncomingMessage,
  host: string,
  mostBytes: number,
): OutboundRefused | undefined {
  if (statusCode >= 300 && statusCode < 400)
    return new OutboundRefused(
      'REDIRECT',
      `${host} redirects (${statusCode}); give the address that it leads to.`,
    );
  if (statusCode !== 200)
    return new OutboundRefused('STATUS', `${host} answered ${statusCode}.`, {
      passing: PASSING_STATUSES.has(statusCode),
    });
  if (Number(headers['content-length'] ?? 0) > mostBytes) return tooLarge(host, mostBytes);
  return undefined;
}

function tooLarge(host: string, mostBytes: number): OutboundRefused {
  return new OutboundRefused('TOO_LARGE', `What ${host} sends is larger than ${mostBytes} bytes.`);
}
