import { type LookupAddress, lookup as lookupAll } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import { isLoopback, isPublicAddress } from './public-address.ts';

export interface FetchPublicOptions {
  /** A longer answer is refused as soon as that is known. */
  readonly mostBytes: number;
  /** From the first look-up to the last byte. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
  /** Lets this machine's own addresses be read too: for tests and local use alone. @default false */
  readonly allowLoopback?: boolean;
  /** Certificates to trust besides the well-known ones. */
  readonly ca?: string;
  /** @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
}

/** What became of a request that brought nothing. The message names the host and never the rest of the address, which may hold a secret. */
export class FetchRefused extends HonestJobsError {
  override readonly name = 'FetchRefused';
  readonly code: string;
  /** Whether trying again may help. */
  readonly passing: boolean;

  constructor(
    code: string,
    message: string,
    { passing = false, ...options }: ErrorOptions & { passing?: boolean } = {},
  ) {
    super(message, options);
    this.code = code;
    this.passing = passing;
  }
}

/** A server that is busy says so by these. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Reads what anybody may read at an `https://` address, for one that somebody else has written down: connects to nothing but the public internet
 * (each address that the name resolves to is checked, and the connection goes to the one that was checked), follows no redirect, and ends after so many
 * bytes and seconds.
 *
 * @throws FetchRefused
 */
export async function fetchPublic(
  address: string,
  options: FetchPublicOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== 'https:') throw new FetchRefused('NOT_HTTPS', 'It is no https:// address.');
  if (url.username !== '' || url.password !== '')
    throw new FetchRefused('USER_INFO', 'Its address holds a user name or a password.');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // Nothing resolves what is an address already.
  if (isIP(host) !== 0) checkAddress(host, host, options);
  const ended = AbortSignal.timeout(options.timeoutSeconds * 1000);
  const signal = options.signal ? AbortSignal.any([ended, options.signal]) : ended;
  try {
    return await read(url, host, signal, options);
  } catch (error) {
    if (error instanceof FetchRefused) throw error;
    options.signal?.throwIfAborted();
    throw new FetchRefused(
      ended.aborted ? 'TIMEOUT' : 'NO_ANSWER',
      ended.aborted
        ? `${host} did not answer in full within ${options.timeoutSeconds} s.`
        : `${host} did not answer: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}.`,
      { cause: error, passing: true },
    );
  }
}

function checkAddress(address: string, host: string, { allowLoopback = false }: FetchPublicOptions): void {
  if (isPublicAddress(address) || (allowLoopback && isLoopback(address))) return;
  throw new FetchRefused('NOT_PUBLIC', `${host} is not on the public internet.`);
}

function read(
  url: URL,
  host: string,
  signal: AbortSignal,
  options: FetchPublicOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { ca, mostBytes } = options;
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      signal,
      // A connection that was made for another name was checked for that one.
      agent: false,
      lookup: checkedLookup(host, options),
      headers: { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'honest-jobs' },
      ...(ca && { ca }),
    });
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
): FetchRefused | undefined {
  if (statusCode >= 300 && statusCode < 400)
    return new FetchRefused(
      'REDIRECT',
      `${host} redirects (${statusCode}); give the address that it leads to.`,
    );
  if (statusCode !== 200)
    return new FetchRefused('STATUS', `${host} answered ${statusCode}.`, {
      passing: PASSING_STATUSES.has(statusCode),
    });
  if (Number(headers['content-length'] ?? 0) > mostBytes) return tooLarge(host, mostBytes);
  return undefined;
}

function tooLarge(host: string, mostBytes: number): FetchRefused {
  return new FetchRefused('TOO_LARGE', `What ${host} sends is larger than ${mostBytes} bytes.`);
}

/** Hands the connection only what was looked at: a name that resolves anew in between cannot lead it elsewhere. */
function checkedLookup(host: string, options: FetchPublicOptions): LookupFunction {
  const resolve =
    options.resolve ??
    ((name) =>
      new Promise<LookupAddress[]>((found, failed) =>
        lookupAll(name, { all: true }, (error, addresses) => (error ? failed(error) : found(addresses))),
      ));
  return (name, { all }, answer) => {
    resolve(name).then(
      (addresses) => {
        try {
          for (const { address } of addresses) checkAddress(address, host, options);
        } catch (error) {
          return answer(error as Error, []);
        }
        const [first] = addresses;
        if (!first) return answer(new Error('no address'), []);
        return all ? answer(null, [...addresses]) : answer(null, first.address, first.family);
      },
      (error: Error) => answer(error as NodeJS.ErrnoException, []),
    );
  };
}
