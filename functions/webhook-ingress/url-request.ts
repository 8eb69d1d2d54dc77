import type { LambdaFunctionURLEvent } from 'aws-lambda';
import type { Headers } from '../../shared/webhooks/provider.ts';

/** An HTTP request as the ingress reads it. */
export interface UrlRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Reads what Lambda makes of a request to a function's URL. https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads */
export function requestOf(event: LambdaFunctionURLEvent): UrlRequest {
  const { rawPath, headers, body = '', isBase64Encoded, requestContext } = event;
  return {
    method: requestContext.http.method,
    path: rawPath,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
  };
}
