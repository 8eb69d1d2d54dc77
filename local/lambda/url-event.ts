import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/** What a function URL knows of a request beside the request itself. */
export interface UrlCall {
  readonly urlId: string;
  readonly domainName: string;
  /** The request's URL, as it came, from the path behind the function's own on. */
  readonly target: string;
  readonly requestId: string;
  readonly atMs: number;
}

/** What AWS's front end keeps for itself. */
const NOT_FORWARDED = new Set(['connection', 'cookie', 'transfer-encoding']);
/** Bodies of other types, and of none, come to the function in base64. */
const TEXT = /^(text\/|application\/(json|xml|javascript)|[^;]*\+(json|xml)(;|$))/i;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/**
 * The event that a function gets of an HTTP request: payload format 2.0.
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-request-payload
 *
 * What it leaves undocumented (`anonymous`, no field where there is nothing to say) is as events of AWS have been published.
 */
export function urlEvent(request: IncomingMessage, body: Buffer, call: UrlCall): object {
  const [path = '', ...query] = call.target.split('?');
  const rawPath = path === '' ? '/' : path;
  const rawQueryString = query.join('?');
  const parameters = combined(new URLSearchParams(rawQueryString));
  const cookies = (request.headersDistinct.cookie ?? []).flatMap((header) => header.split(/;\s*/));
  const isText = TEXT.test(request.headers['content-type'] ?? '') && isUtf8(body);
  const sourceIp = request.socket.remoteAddress ?? '127.0.0.1';
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    ...(cookies.length > 0 && { cookies }),
    headers: {
      ...headersOf(request),
      'x-amzn-trace-id': `Root=1-${Math.floor(call.atMs / 1000).toString(16)}-${call.requestId.replaceAll('-', '').slice(0, 24)}`,
      'x-forwarded-for': sourceIp,
      'x-forwarded-port': String(request.socket.localPort ?? ''),
      'x-forwarded-proto': 'http',
    },
    ...(Object.keys(parameters).length > 0 && { queryStringParameters: parameters }),
    requestContext: {
      accountId: 'anonymous',
      apiId: call.urlId,
      domainName: call.domainName,
      domainPrefix: call.urlId,
      http: {
        method: request.method,
        path: rawPath,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp,
        userAgent: request.headers['user-agent'] ?? '',
      },
      requestId: call.requestId,
      routeKey: '$default',
      stage: '$default',
      time: commonLogTime(call.atMs),
      timeEpoch: Math.floor(call.atMs),
    },
    ...(body.length > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

/** “Duplicate headers are combined with commas”, and so are duplicate query strings. */
function headersOf({ headersDistinct }: IncomingMessage): Record<string, string> {
  const kept = Object.entries(headersDistinct).filter(([name]) => !NOT_FORWARDED.has(name));
  return Object.fromEntries(kept.map(([name, values = []]) => [name, values.join(',')]));
}

function combined(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...new Set(query.keys())].map((name) => [name, query.getAll(name).join(',')]));
}

/** `12/Mar/2020:19:03:58 +0000` */
function commonLogTime(ms: number): string {
  const [date = '', time = ''] = new Date(ms).toISOString().split(/[T.]/);
  const [year, month, day] = date.split('-');
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}
