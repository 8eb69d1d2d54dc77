import { isCarried } from '../kernel/header.ts';
import type { ServiceResponse } from '../kernel/service.ts';

/** How the connection carries the body is not the function's to say. */
const NOT_TAKEN = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);
const JSON_TYPE = { 'content-type': 'application/json' };

/** Of a function that failed or timed out, or whose answer is no response. */
export const BAD_GATEWAY: ServiceResponse = {
  status: 502,
  headers: { 'content-type': 'text/plain' },
  body: 'Internal Server Error',
};

/**
 * The HTTP response that a function's answer means. “If your function returns valid JSON and doesn't return a `statusCode`, Lambda
 * assumes” 200, the content type application/json, and the answer itself as the body.
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
 *
 * @param payload JSON
 */
export function urlResponse(payload: string): ServiceResponse {
  const answer = JSON.parse(payload) as unknown;
  if (typeof answer !== 'object' || answer === null || !('statusCode' in answer))
    return { status: 200, headers: JSON_TYPE, body: payload };
  const { statusCode, headers = {}, cookies = [], body, isBase64Encoded } = answer as Record<string, unknown>;
  const status = Number(statusCode);
  if (typeof statusCode !== 'number' || !Number.isInteger(status) || status < 200 || status > 599)
    return BAD_GATEWAY;
  const sent = headersOf(headers);
  if (!sent || !Array.isArray(cookies)) return BAD_GATEWAY;
  if (!cookies.every((cookie) => isCarried('set-cookie', String(cookie)))) return BAD_GATEWAY;
  return {
    status,
    headers: { ...JSON_TYPE, ...sent, ...(cookies.length > 0 && { 'set-cookie': cookies.map(String) }) },
    body: bodyOf(body, isBase64Encoded === true),
  };
}

/** `undefined` for what HTTP cannot carry. */
function headersOf(headers: unknown): Record<string, string> | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined;
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (NOT_TAKEN.has(name.toLowerCase())) continue;
    if (!['string', 'number', 'boolean'].includes(typeof value)) return undefined;
    if (!isCarried(name, String(value))) return undefined;
    sent[name.toLowerCase()] = String(value);
  }
  return sent;
}

function bodyOf(body: unknown, isBase64Encoded: boolean): string | Buffer {
  if (body === undefined || body === null) return '';
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return isBase64Encoded ? Buffer.from(text, 'base64') : text;
}
