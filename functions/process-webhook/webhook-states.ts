import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { PermanentError } from '../../shared/consumer/index.ts';
import { conditionalUpdate } from '../../shared/jobs/conditional-update.ts';
import type { Change } from '../../shared/webhooks/provider.ts';
import { reaches, statesBefore } from '../../shared/webhooks/states.ts';

/** A change, and the event that tells of it. */
export interface ToldChange extends Change {
  readonly provider: string;
  readonly eventId: string;
}

/** What became of an event. */
export type Applied =
  | { readonly subject: string; readonly applied: true; readonly state: string }
  /** A newer event stands; or another one of the same time that says the same. */
  | { readonly subject: string; readonly applied: false; readonly because: 'older' | 'said-already' };

/** What the table keeps of a payment or an order. */
interface StateRow {
  readonly subject: string;
  readonly state: string;
  readonly at: number;
  /** The event that brought it here. */
  readonly eventId: string;
  readonly provider: string;
}

/** The payments and orders of others, each in a row of its own, as the newest event of its provider says. */
export class WebhookStates {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #tableName: string;

  constructor(dynamo: DynamoDBDocumentClient, tableName: string) {
    this.#dynamo = dynamo;
    this.#tableName = tableName;
  }

  /**
   * One conditional write, which carries its own proof: no step is needed around it.
   *
   * @throws PermanentError `IMPOSSIBLE_TRANSITION`, `OTHER_PROVIDER`
   */
  async apply(change: ToldChange, signal: AbortSignal): Promise<Applied> {
    const { state, at, provider, eventId } = change;
    const subject = `${change.subject.kind}/${change.subject.id}`;
    const former = statesBefore(change.subject.kind, state);
    const formerNames = former.map((_, place) => `:former${place}`);
    const isIn = (names: readonly string[]) => `provider = :provider AND #state IN (${names.join(', ')})`;
    const mayStand = [
      'attribute_not_exists(subject)',
      `(${isIn([':state', ...formerNames])} AND #at < :at)`,
      ...(former.length > 0 ? [`(${isIn(formerNames)} AND #at = :at)`] : []),
    ];
    const updated = await conditionalUpdate<StateRow>(
      this.#dynamo,
      {
        TableName: this.#tableName,
        Key: { subject },
        UpdateExpression:
          'SET #state = :state, #at = :at, eventId = :eventId, provider = :provider, updatedAt = :now ADD changes :one',
        ConditionExpression: mayStand.join(' OR '),
        ExpressionAttributeNames: { '#state': 'state', '#at': 'at' },
        ExpressionAttributeValues: {
          ...Object.fromEntries(former.map((one, place) => [`:former${place}`, one])),
          ':state': state,
          ':at': at,
          ':eventId': eventId,
          ':provider': provider,
          ':now': new Date().toISOString(),
          ':one': 1,
        },
      },
      { abortSignal: signal },
    );
    if (updated.written) return { subject, applied: true, state };
    // The condition holds where no row is, so one was there.
    if (!updated.inTheWay) throw new Error(`${subject} was refused, and nothing is in its way. Try again.`);
    return whyNot(change, updated.inTheWay);
  }
}

function whyNot(change: ToldChange, row: StateRow): Applied {
  const { state, at, provider, eventId } = change;
  const { subject } = row;
  const { kind } = change.subject;
  if (row.provider !== provider)
    throw new PermanentError(
      `${subject} is known from ${row.provider}, and now ${provider} tells of it: their times cannot be compared. Give each provider ids of its own in its changeOf.`,
      { code: 'OTHER_PROVIDER' },
    );
  // This very event, whose completion was not recorded.
  if (row.eventId === eventId) return { subject, applied: true, state: row.state };
  if (at === row.at && state === row.state) return { subject, applied: false, because: 'said-already' };
  if (at < row.at || (at === row.at && reaches(kind, state, row.state)))
    return { subject, applied: false, because: 'older' };
  throw new PermanentError(
    `${subject} is ${row.state} by event ${row.eventId} (at ${row.at}), and event ${eventId} (at ${at}) says ${state}: none is ${state} after ${row.state}. Ask ${provider} which is true; mend the table, or the states in shared/webhooks/states.ts, then redrive.`,
    { code: 'IMPOSSIBLE_TRANSITION' },
  );
}
