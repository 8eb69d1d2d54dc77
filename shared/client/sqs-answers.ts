import type { SendMessageBatchCommand } from '@aws-sdk/client-sqs';

/** What is known of all tries of one call, those that the SDK makes by itself, too. */
export interface Tries {
  /** One of them has no answer: SQS may have done what it asked for. */
  readonly lost: boolean;
}

/** Notes each try of a call beneath the SDK's retries, of which the call itself tells the last one only. */
export function watchTries(command: SendMessageBatchCommand): Tries {
  const tries = { lost: false };
  command.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        tries.lost ||= !isRefusal(error);
        throw error;
      }
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  return tries;
}

/** A 4xx is an answer (a throttle, a lacking permission): nothing of the batch was taken. Without one, all or nothing was. */
export function isRefusal(error: unknown): boolean {
  const status = statusOf(error);
  return status >= 400 && status < 500;
}

/** Whether the same call may be taken a moment later. */
export function isPassing(error: unknown): boolean {
  return [408, 429].includes(statusOf(error)) || PASSING.test((error as Error).name);
}

/** Whether SQS finds fault with what was sent, rather than with who sends it, how often, or where to. */
export function isOfWhatWasSent(code: string): boolean {
  return OF_WHAT_WAS_SENT.test(code);
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html, and what the SDK itself takes for a throttle. */
const PASSING = /throttl|toomanyrequests|limitexceeded|overlimit|slowdown|requesttimeout|priorrequest/i;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html#API_SendMessageBatch_Errors */
const OF_WHAT_WAS_SENT =
  /InvalidMessageContents|InvalidParameter|InvalidAttribute|MissingParameter|TooLong|BatchEntry|BatchRequest|EntriesInBatch/;

function statusOf(error: unknown): number {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
}
