import { AwsError } from '../kernel/errors.ts';
import type { ReportedError } from './runtime/protocol.ts';

/**
 * The largest event of a synchronous invocation, and its largest response.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024;
/** The largest event of an asynchronous one. */
const EVENT_LIMIT_BYTES = 1024 * 1024;

export interface InvocationRequest {
  readonly requestId: string;
  /** JSON. */
  readonly payload: string;
  /** JSON, or absent. */
  readonly clientContext?: string | undefined;
  /** As `_X_AMZN_TRACE_ID`: that of the request or message which the event came by, or absent. */
  readonly traceHeader?: string | undefined;
}

/** How an invocation ended, as the caller of a RequestResponse invocation sees it. */
export interface InvocationResult {
  readonly requestId: string;
  /** JSON: what the handler returned, or the error. */
  readonly payload: string;
  /** Set when the function failed; Lambda calls every failure of Node code `Unhandled`. */
  readonly functionError: 'Unhandled' | undefined;
  /** What the invocation logged, its last lines. */
  readonly logTail: string;
  readonly durationMs: number;
}

/** One line of a function's log. */
export interface LogLine {
  readonly functionName: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly line: string;
  readonly atMs: number;
}

/** @throws AwsError `RequestTooLargeException` */
export function checkPayloadSize(bytes: number, invocationType: string): void {
  const limitBytes = invocationType === 'Event' ? EVENT_LIMIT_BYTES : PAYLOAD_LIMIT_BYTES;
  if (bytes <= limitBytes) return;
  throw new AwsError(
    'RequestTooLargeException',
    `${bytes} byte payload is too large for the ${invocationType} invocation type (limit ${limitBytes} bytes)`,
    413,
    { Type: 'User' },
  );
}

/** The error that the sandbox reports when the function's process ended under it. */
export function exitError(requestId: string, cause: string): ReportedError {
  return {
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${requestId} Error: Runtime exited ${cause}`,
  };
}

export function timeoutError(requestId: string, timeoutSeconds: number): ReportedError {
  return {
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${timeoutSeconds.toFixed(2)} seconds`,
  };
}
