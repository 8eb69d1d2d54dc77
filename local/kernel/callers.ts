import type { IncomingHttpHeaders } from 'node:http';

/** Names that are this machine's and that nobody else's name server can answer for; S3's clients put a bucket before them. */
const OWN_NAME = /^(?:[^/@:[\]]+\.)?(?:localhost|127\.0\.0\.1)$/i;

/**
 * Why a request does not come from a program on this machine, in words for a person; `undefined` for one that does. Signatures are not
 * checked, so that any page which a browser of this machine shows could call the cloud otherwise: by a name of its own that it lets
 * point here (its own origin then, which `Host` gives away), or across origins.
 *
 * @param link of S3's that a person may have followed from elsewhere
 */
export function whyForeign(headers: IncomingHttpHeaders, link: boolean): string | undefined {
  const { host = '', origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  if (!OWN_NAME.test(host.replace(/:\d+$/, '')))
    return `It was asked for as "${host}". Ask for it as 127.0.0.1, localhost, or a name that ends in .localhost or .127.0.0.1`;
  if (origin !== undefined && !OWN_NAME.test(hostOf(origin)))
    return `The request comes from a page of the origin ${origin}`;
  if (site === 'cross-site' && !(link && mode === 'navigate'))
    return 'The request comes from a page of another site';
  return undefined;
}

/** Empty for `null`, which is the origin of a page that hides its own. */
function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : '';
}
