import { gunzipSync } from 'node:zlib';
import { cbor, dateToTag } from '@smithy/core/cbor';
import { AwsError } from '../kernel/errors.ts';
import { asAwsError, handleJson, type Operation } from '../kernel/json-protocol.ts';
import type { ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { queryErrorHeader } from './errors.ts';

type Operations = Readonly<Record<string, Operation>>;

const RPC_PATH = /^\/service\/GraniteServiceVersion20100801\/operation\/(\w+)$/;

/**
 * CloudWatch is spoken in three protocols. Current SDKs and the AWS CLI take Smithy RPC v2 with CBOR, or AWS JSON 1.0; the
 * query protocol of older ones is answered with the reason why it is refused.
 *
 * @param operations answer points in time as `Date`
 */
export async function handleCloudWatch(
  request: ServiceRequest,
  operations: Operations,
): Promise<ServiceResponse> {
  const { headers, path } = request;
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return QUERY_REFUSED;
  const name = RPC_PATH.exec(path)?.[1];
  const body = unzipped(request);
  if (!body) return NOT_UNZIPPED;
  const plain = { ...request, body };
  if (name !== undefined) return handleCbor(plain, name, operations);
  const inSeconds = Object.entries(operations).map(([each, operation]): [string, Operation] => [
    each,
    async (input, ...request) =>
      withDates(await operation(input, ...request), (date) => date.getTime() / 1000),
  ]);
  return handleJson(plain, {
    version: '1.0',
    operations: Object.fromEntries(inSeconds),
    errorHeaders: queryErrorHeader,
  });
}

/** @see https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html */
async function handleCbor(
  { body, signal, headers: received }: ServiceRequest,
  name: string,
  operations: Operations,
): Promise<ServiceResponse> {
  const headers = { 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor' };
  try {
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
    if (!operation)
      throw new AwsError(
        'UnknownOperationException',
        `The local cloud does not know the operation "${name}" of CloudWatch`,
      );
    const output = await operation(readCbor(body), signal, received);
    return { status: 200, headers, body: writeCbor(output ?? {}) };
  } catch (error) {
    const aws = asAwsError(error);
    return {
      status: aws.status,
      headers: { ...headers, ...queryErrorHeader(aws) },
      body: writeCbor({ __type: aws.code, message: aws.message, ...aws.details }),
    };
  }
}

/** SDKs compress PutMetricData from 10 KB. */
function unzipped({ headers, body }: ServiceRequest): Buffer | undefined {
  if (headers['content-encoding'] !== 'gzip') return body;
  try {
    return gunzipSync(body);
  } catch {
    return undefined;
  }
}

function readCbor(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return withTimes(cbor.deserialize(body));
  } catch (error) {
    throw new AwsError('SerializationException', `The request body is no CBOR: ${(error as Error).message}`);
  }
}

function writeCbor(value: unknown): Buffer {
  return Buffer.from(cbor.serialize(withDates(value, dateToTag)));
}

/** CBOR's tag 1 is a point in time, in seconds since the epoch. */
function withTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTimes);
  if (!isPlain(value)) return value;
  if (Number(value.tag) === 1 && 'value' in value) return new Date(Number(value.value) * 1000);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withTimes(each)]));
}

/** Writes each date in the protocol's way, and leaves out what is undefined. */
function withDates(value: unknown, write: (date: Date) => unknown): unknown {
  if (value instanceof Date) return write(value);
  if (Array.isArray(value)) return value.map((each) => withDates(each, write));
  if (!isPlain(value)) return value;
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(members.map(([key, each]) => [key, withDates(each, write)]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) !== Date.prototype;
}

const NOT_UNZIPPED: ServiceResponse = {
  status: 400,
  headers: { 'content-type': 'application/json', 'x-amzn-errortype': 'SerializationException' },
  body: JSON.stringify({ __type: 'SerializationException', message: 'The request body is not gzip' }),
};

const QUERY_REFUSED: ServiceResponse = {
  status: 400,
  headers: { 'content-type': 'text/xml' },
  body:
    '<?xml version="1.0"?><ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error><Type>Sender</Type>' +
    '<Code>UnsupportedOperation</Code><Message>The local cloud speaks AWS JSON and CBOR for CloudWatch. ' +
    'This SDK or CLI sends the older query protocol: use a version of 2026.</Message></Error></ErrorResponse>',
};
