import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** An HTTP date has no parts of a second: what differs by less is no difference. */
const TOLERANCE_MS = 2000;

/**
 * The time of the cloud that the client talks to, by the dates of its answers: whether a lease is over must not depend on this machine's
 * clock, and a local cloud may be days ahead of it. Until the first answer it is this machine's.
 */
export function serviceClock(client: DynamoDBClient): () => number {
  let aheadMs = 0;
  client.middlewareStack.add(
    (next) => async (args) => {
      const output = await next(args);
      const { headers } = output.response as { headers?: Record<string, string> };
      const differenceMs = Date.parse(headers?.date ?? '') - Date.now();
      if (!Number.isNaN(differenceMs)) aheadMs = Math.abs(differenceMs) > TOLERANCE_MS ? differenceMs : 0;
      return output;
    },
    { step: 'deserialize', name: 'serviceClock' },
  );
  return () => Date.now() + aheadMs;
}
