import { AwsError } from '../kernel/errors.ts';
import type { ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { type XmlElements, xmlDocument } from '../kernel/xml.ts';

/** A request as an operation sees it: addressed, and its body out of its chunks. */
export interface S3Call {
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface Address {
  /** Empty for the service itself. */
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
}

export const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
/** S3 takes keys up to so long. */
const KEY_LIMIT_BYTES = 1024;
/** `bucket.localhost`, `bucket.127.0.0.1`, `bucket.s3.us-east-1.localhost` and the like. */
const VIRTUAL_HOST = /^(?<bucket>.+?)\.(?:s3[.-].*|localhost|127\.0\.0\.1)$/;

/** The bucket in the path, or in the name of the host. @throws AwsError `KeyTooLongError`, `InvalidURI` */
export function addressOf({ path, headers }: ServiceRequest): Address {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  const inHost = VIRTUAL_HOST.exec(host)?.groups?.bucket;
  const decoded = decodePath(path.slice(1));
  const slash = decoded.indexOf('/');
  const address =
    inHost !== undefined && inHost !== 's3'
      ? { bucket: inHost, key: decoded }
      : slash < 0
        ? { bucket: decoded, key: '' }
        : { bucket: decoded.slice(0, slash), key: decoded.slice(slash + 1) };
  if (Buffer.byteLength(address.key) > KEY_LIMIT_BYTES)
    throw new AwsError('KeyTooLongError', 'Your key is too long', 400, {
      Size: String(Buffer.byteLength(address.key)),
      MaxSizeAllowed: String(KEY_LIMIT_BYTES),
    });
  return address;
}

export function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new AwsError('InvalidURI', "Couldn't parse the specified URI.");
  }
}

export function xmlAnswer(
  root: string,
  fields: XmlElements,
  headers: Readonly<Record<string, string>> = {},
): ServiceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml', ...headers },
    body: xmlDocument(root, NAMESPACE, fields),
  };
}

export function emptyAnswer(status: number, headers: Readonly<Record<string, string>> = {}): ServiceResponse {
  return { status, headers, body: '' };
}

/** ISO 8601 in XML, RFC 9110 in headers. */
export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
