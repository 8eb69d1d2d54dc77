import type { Faults } from '../../local/faults/index.ts';

/** A call that a function made to the cloud. */
export interface RecordedCall {
  readonly functionName: string;
  /** The service's signing name. */
  readonly service: string;
  /** `PutItem`; for REST services method and path. */
  readonly operation: string;
  readonly query: URLSearchParams;
  /** The request's JSON; of S3 nothing, whose bodies are objects. */
  readonly input: unknown;
}

/** Writes down each call that a function makes from now on, in order, also those that fail. */
export function recordCalls(faults: Faults): readonly RecordedCall[] {
  const calls: RecordedCall[] = [];
  faults.add(({ moment, functionName, service, operation, query, input }) => {
    if (moment === 'before')
      calls.push({
        functionName,
        service,
        operation,
        query,
        input: service === 's3' ? undefined : input(),
      });
    return undefined;
  });
  return calls;
}
