import { isIP } from 'node:net';
import { OutboundRefused } from './outbound-refused.ts';
import { isLoopback, isPublicAddress } from './public-address.ts';

export interface PublicUrlOptions {
  /** Lets this machine's own addresses be reached too, by `http://` as well: for tests and local use alone. @default false */
  readonly allowLoopback?: boolean;
}

export interface PublicUrl {
  readonly url: URL;
  /** Without the brackets of IPv6. */
  readonly host: string;
}

const HTTPS_PORT = 443;
/** Below are the ports of the system's own services, of which none but 443 speaks HTTPS. */
const LEAST_OTHER_PORT = 1024;

/** Names that are of no public network, whatever they resolve to. https://www.iana.org/assignments/special-use-domain-names */
const LOCAL_NAME = /(^|\.)(localhost|local|internal|home\.arpa)\.?$/;

/**
 * What can be said of an address that somebody else has written down, before anything is looked up: `https://`, no user information, port 443 or one
 * from 1024 on, and no host that is written as an address of a private network, however it is written (URLs in Node read `https://0x7f.1` and
 * `https://①②⑦.0.0.1` as `https://127.0.0.1`).
 *
 * @throws OutboundRefused `NOT_HTTPS`, `USER_INFO`, `PORT`, `NOT_PUBLIC`
 */
export function publicUrl(address: string, options: PublicUrlOptions = {}): PublicUrl {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  const here = options.allowLoopback === true && isLoopback(host);
  if (!url || !(url.protocol === 'https:' || (here && url.protocol === 'http:')))
    throw new OutboundRefused('NOT_HTTPS', 'It is no https:// address.');
  if (url.username !== '' || url.password !== '')
    throw new OutboundRefused('USER_INFO', 'Its address holds a user name or a password.');
  const port = Number(url.port || HTTPS_PORT);
  if (port !== HTTPS_PORT && port < LEAST_OTHER_PORT && !here)
    throw new OutboundRefused(
      'PORT',
      `Port ${port} of ${host} is not spoken to: only ${HTTPS_PORT}, and ${LEAST_OTHER_PORT} and above.`,
    );
  // Nothing resolves what is an address already.
  if (isIP(host) !== 0) checkAddress(host, host, options);
  else if (LOCAL_NAME.test(host)) throw notPublic(host);
  return { url, host };
}

/** @throws OutboundRefused `NOT_PUBLIC` */
export function checkAddress(
  address: string,
  host: string,
  { allowLoopback = false }: PublicUrlOptions,
): void {
  if (isPublicAddress(address) || (allowLoopback && isLoopback(address))) return;
  throw notPublic(host);
}

function notPublic(host: string): OutboundRefused {
  return new OutboundRefused('NOT_PUBLIC', `${host} is not on the public internet.`);
}
