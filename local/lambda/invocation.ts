import type { ReportedError } from './runtime/protocol.ts';

/**
 * The largest event of a synchronous invocation, and its largest response.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024;

export interface InvocationRequest {
  readonly requestId: string;
  /** JSON. */
  readonly payload: string;
  /** JSON, or absent. */
  readonly clientContext?: string | undefined;
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
