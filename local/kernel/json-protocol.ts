import { AwsError } from './errors.ts';
import type { ServiceRequest, ServiceResponse } from './service.ts';

/** One operation: takes the request's JSON, and what came with it, answers JSON, throws {@link AwsError}. */
// biome-ignore lint/suspicious/noExplicitAny: each operation states the shape of its own input
export type Operation = (input: any, signal: AbortSignal, headers: ServiceRequest['headers']) => unknown;

export interface JsonProtocolOptions {
  /** `1.0` or `1.1`, as the service's model says. */
  readonly version: '1.0' | '1.1';
  readonly operations: Readonly<Record<string, Operation>>;
  /** Headers beside the usual ones for an error (SQS's `x-amzn-query-error`). */
  readonly errorHeaders?: (error: AwsError) => Record<string, string>;
}

/** AWS JSON: the operation's name in `X-Amz-Target`, JSON in and out, errors as `__type` and `message`. */
export async function handleJson(
  request: ServiceRequest,
  options: JsonProtocolOptions,
): Promise<ServiceResponse> {
  const headers = { 'content-type': `application/x-amz-json-${options.version}` };
  try {
    const name = request.headers['x-amz-target']?.split('.').pop() ?? '';
    const operation = Object.hasOwn(options.operations, name) ? options.operations[name] : undefined;
    if (!operation)
      throw new AwsError(
        'UnknownOperationException',
        `The local cloud does not know the operation "${name}"`,
      );
    const output = await operation(parseJson(request.body), request.signal, request.headers);
    return { status: 200, headers, body: JSON.stringify(output ?? {}) };
  } catch (error) {
    const aws = asAwsError(error);
    return {
      status: aws.status,
      headers: { ...headers, ...options.errorHeaders?.(aws) },
      body: JSON.stringify({ __type: aws.code, message: aws.message, ...aws.details }),
    };
  }
}

/** @throws AwsError `SerializationException` */
export function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new AwsError('SerializationException', 'The request body is not JSON');
  }
}

/** What is no {@link AwsError} is a fault of the local cloud itself: answered as a 500 that names it. */
export function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new AwsError('InternalFailure', `The local cloud failed: ${message}`, 500);
}
