import type { InvocationResult } from './invocation.ts';

export interface GivenUpEvent {
  readonly requestId: string;
  readonly functionArn: string;
  /** JSON. */
  readonly payload: string;
  /** Invocations that the function failed. */
  readonly failures: number;
  /** Else the event grew too old. */
  readonly retriesExhausted: boolean;
  /** Of the last invocation; absent when it was throttled or stopped. */
  readonly result: InvocationResult | undefined;
  readonly atMs: number;
}

/**
 * What an on-failure destination gets of an event that was given up.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
export function failureRecord(event: GivenUpEvent): string {
  const { requestId, functionArn, payload, failures, retriesExhausted, result, atMs } = event;
  return JSON.stringify({
    version: '1.0',
    timestamp: new Date(atMs).toISOString(),
    requestContext: {
      requestId,
      functionArn: `${functionArn}:$LATEST`,
      condition: retriesExhausted ? 'RetriesExhausted' : 'EventAgeExceeded',
      approximateInvokeCount: failures,
    },
    requestPayload: JSON.parse(payload) as unknown,
    ...(result && {
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        ...(result.functionError && { functionError: result.functionError }),
      },
      responsePayload: JSON.parse(result.payload) as unknown,
    }),
  });
}
