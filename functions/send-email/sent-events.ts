import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import {
  type EmailEventRecord,
  type EmailEventType,
  notificationTag,
} from '../../shared/jobs/email-event.ts';

/** What SES's own events tell of a notification's mails. */
export type Told =
  | { readonly mail: 'taken'; readonly sesMessageId: string }
  /** SES took it and did not send it; `reason` in its words. */
  | { readonly mail: 'refused'; readonly sesMessageId: string; readonly reason: string }
  /** No event came, or not yet: that says nothing. */
  | { readonly mail: 'unknown' };

const NOT_SENT: ReadonlySet<EmailEventType> = new Set(['REJECT', 'RENDERING_FAILURE']);

/** The clocks of SES and of a worker may be so far apart. */
const CLOCK_SKEW_MS = 60_000;

/** Reads what the function `email-events` recorded. */
export class SentEvents {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #tableName: string;

  constructor(dynamo: DynamoDBDocumentClient, tableName: string) {
    this.#dynamo = dynamo;
    this.#tableName = tableName;
  }

  /** @param sinceMs when the send began: a refusal of an earlier one says nothing of it */
  async of(notificationId: string, sinceMs: number): Promise<Told> {
    // A mail has six events at most, and a notification a few mails: one page.
    const { Items = [] } = await this.#dynamo.send(
      new QueryCommand({
        TableName: this.#tableName,
        KeyConditionExpression: 'notification = :notification',
        ExpressionAttributeValues: { ':notification': notificationTag(notificationId) },
        ConsistentRead: true,
      }),
    );
    return told(Items as EmailEventRecord[], sinceMs);
  }
}

/** The order of events says nothing: a `SEND` may come after the `REJECT` of the same mail. */
function told(events: readonly EmailEventRecord[], sinceMs: number): Told {
  const refusals = events.filter(({ type }) => NOT_SENT.has(type));
  const refused = new Set(refusals.map(({ sesMessageId }) => sesMessageId));
  const taken = events.find(({ sesMessageId }) => !refused.has(sesMessageId));
  if (taken) return { mail: 'taken', sesMessageId: taken.sesMessageId };
  const refusal = refusals.find(({ sentAtMs }) => sentAtMs >= sinceMs - CLOCK_SKEW_MS);
  if (!refusal) return { mail: 'unknown' };
  const { type, sesMessageId, reason = 'no reason given' } = refusal;
  return { mail: 'refused', sesMessageId, reason: `${type}: ${reason}` };
}
