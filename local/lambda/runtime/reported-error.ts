import type { ReportedError } from './protocol.ts';

/** What was thrown, as Lambda's Node runtime puts it into the response of a failed invocation. */
export function reportedError(thrown: unknown): ReportedError {
  if (!(thrown instanceof Error))
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  return { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') };
}
