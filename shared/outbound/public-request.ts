import { promises as dns, type LookupAddress } from 'node:dns';
import { type ClientRequest, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction, type TcpSocketConnectOpts } from 'node:net';
import { OutboundRefused } from './outbound-refused.ts';
import { checkAddress, type PublicUrl, type PublicUrlOptions, publicUrl } from './public-url.ts';

export interface PublicRequestOptions extends PublicUrlOptions {
  /** From the first look-up on. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
  /** Certificates to trust besides the well-known ones. */
  readonly ca?: string;
  /** @default DNS alone, without the machine's own table of hosts */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
}

/** One request to a checked address. */
export interface PublicRequest extends PublicUrl {
  readonly sent: ClientRequest;
}

/**
 * Runs `exchange` over a connection to the public internet and to nothing else: each address that the name resolves to is looked at, the connection goes to
 * one of those that were looked at, under its own name for TLS, and it is used for this one request. Redirects are for the caller to refuse.
 *
 * @param exchange writes the request and reads the answer; rejects when either breaks off
 * @throws OutboundRefused; the reason of `options.signal` where that one ended it
 */
export async function publicRequest<Result>(
  address: string,
  request: Pick<RequestOptions, 'method' | 'headers'>,
  options: PublicRequestOptions,
  exchange: (request: PublicRequest) => Promise<Result>,
): Promise<Result> {
  const { url, host } = publicUrl(address, options);
  options.signal?.throwIfAborted();
  const ended = AbortSignal.timeout(options.timeoutSeconds * 1000);
  const signal = options.signal ? AbortSignal.any([ended, options.signal]) : ended;
  let connected = false;
  try {
    const sent = (url.protocol === 'http:' ? requestHttp : requestHttps)(url, {
      ...request,
      signal,
      // A connection that was made for another name was checked for that one; one that Lambda froze may be dead.
      agent: false,
      lookup: checkedLookup(host, options),
      // Node's own 250 ms hold for every address but the last, and the last is IPv6, which a Lambda function outside a VPC does not reach: no server that is
      // slower to connect would ever be reached. So each may take its share of the time, and one share is left for the answer.
      ...({
        autoSelectFamilyAttemptTimeout: Math.ceil(
          (options.timeoutSeconds * 1000) / (2 * MOST_OF_A_FAMILY + 1),
        ),
      } satisfies Partial<TcpSocketConnectOpts>),
      ...(options.ca && { ca: options.ca }),
    });
    endEndlessHead(sent);
    sent.on('socket', (socket) =>
      socket.once(url.protocol === 'http:' ? 'connect' : 'secureConnect', () => {
        connected = true;
      }),
    );
    return await Promise.race([exchange({ url, host, sent }), closedUnanswered(sent)]);
  } catch (error) {
    if (error instanceof OutboundRefused) throw error;
    options.signal?.throwIfAborted();
    throw new OutboundRefused(
      ended.aborted ? 'TIMEOUT' : 'NO_ANSWER',
      ended.aborted
        ? `${host} did not answer in full within ${options.timeoutSeconds} s.`
        : `${host} did not answer: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}.`,
      { cause: error, passing: true, sent: connected },
    );
  }
}

/** Interim answers (100, 103) before the one that counts. A server that means well sends one or two. */
const MOST_INTERIM_ANSWERS = 8;
/** As much as so many heads may have, of 16 kB each by Node's own limit. It has none for interim answers, nor for empty lines before the first. */
const MOST_BYTES_BEFORE_ANSWER = MOST_INTERIM_ANSWERS * 16_384;

/** Breaks off where a server sends on and on and never comes to its answer: reading it would take the process's time from whoever else is in it. */
function endEndlessHead(sent: ClientRequest): void {
  let interim = 0;
  let bytes = 0;
  let answered = false;
  sent.once('response', () => {
    answered = true;
  });
  sent.on('information', () => {
    // What came in one piece with the last of them is still read: nothing is done for each of those.
    if (++interim === MOST_INTERIM_ANSWERS + 1) sent.destroy(new Error('it sends no end of interim answers'));
  });
  sent.on('socket', (socket) =>
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (!answered && bytes > MOST_BYTES_BEFORE_ANSWER)
        sent.destroy(new Error('it sends without end before its answer'));
    }),
  );
}

/** Rejects where the connection goes without an answer and without an error: after a 101, which nobody asked for, Node says nothing. */
function closedUnanswered(sent: ClientRequest): Promise<never> {
  let answered = false;
  const closed = new Promise<never>((_, reject) => {
    sent.once('response', () => {
      answered = true;
    });
    sent.once('close', () => {
      if (!answered) reject(new Error('the connection was closed'));
    });
  });
  closed.catch(() => {
    // The exchange may have said more, and sooner.
  });
  return closed;
}

/** Of a name that has more addresses, the others have their turn at other requests: name servers change the order. */
const MOST_OF_A_FAMILY = 2;

function tried(addresses: readonly LookupAddress[]): LookupAddress[] {
  return [4, 6].flatMap((family) =>
    addresses.filter((one) => one.family === family).slice(0, MOST_OF_A_FAMILY),
  );
}

/** Hands the connection only what was looked at: a name that resolves anew in between cannot lead it elsewhere. */
function checkedLookup(host: string, options: PublicRequestOptions): LookupFunction {
  const resolve = options.resolve ?? ((name) => resolveByDns(name));
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
        return all ? answer(null, tried(addresses)) : answer(null, first.address, first.family);
      },
      (error: Error) => answer(error as NodeJS.ErrnoException, []),
    );
  };
}

const DNS_TIMEOUT_MS = 2000;
const DNS_TRIES = 2;

/**
 * Both families of a name's addresses. Not by the system's resolver: that one takes a thread for as long as a name server does not answer, and of threads
 * a process has four, for all its jobs.
 *
 * @param servers `host:port` each @default the system's
 */
export async function resolveByDns(host: string, servers?: readonly string[]): Promise<LookupAddress[]> {
  const resolver = new dns.Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  if (servers) resolver.setServers(servers);
  const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const addresses = [four, six].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (addresses.length === 0 && four.status === 'rejected') throw four.reason;
  return addresses.map((address) => ({ address, family: isIP(address) }));
}
