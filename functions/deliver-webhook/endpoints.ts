import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { PermanentError } from '../../shared/consumer/index.ts';
import { conditionalUpdate } from '../../shared/jobs/conditional-update.ts';
import { issuesOf } from '../../shared/jobs/message.ts';
import { type WebhookEndpoint, webhookEndpoint } from '../../shared/webhooks/endpoint.ts';

export type EndpointKey = Pick<WebhookEndpoint, 'tenant' | 'endpointId'>;

interface Change {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly remove?: readonly string[];
  /** Beside that the endpoint is there. Its values are those of `values`. */
  readonly condition: string;
  readonly values?: Readonly<Record<string, unknown>>;
}

/** The endpoints as deliveries read them, and what deliveries write of them. No write brings back one that was removed. */
export class Endpoints {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #tableName: string;

  /** @param tableName the table `webhook-endpoints` */
  constructor(dynamo: DynamoDBDocumentClient, tableName: string) {
    this.#dynamo = dynamo;
    this.#tableName = tableName;
  }

  /** @throws PermanentError `ENDPOINT_UNREADABLE` */
  async find({ tenant, endpointId }: EndpointKey): Promise<WebhookEndpoint | undefined> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#tableName, Key: { tenant, endpointId }, ConsistentRead: true }),
    );
    return Item && parsed(Item);
  }

  /**
   * Takes the one try that there is after a pause, for as long as `untilMs`.
   *
   * @param probe the try's own name, so that one whose answer was lost is recognised
   */
  async takeProbe(endpoint: WebhookEndpoint, probe: string, untilMs: number): Promise<boolean> {
    const { changed, item } = await this.#change(endpoint, {
      set: { pausedUntilMs: untilMs, probe },
      condition: '#state = :enabled AND pausedUntilMs = :seen',
      values: { ':enabled': 'enabled', ':seen': endpoint.pausedUntilMs },
    });
    return changed || item?.probe === probe;
  }

  /** A delivery succeeded: nothing that failed before counts any more. */
  async succeeded(endpoint: WebhookEndpoint): Promise<void> {
    await this.#change(endpoint, {
      remove: ['failingSinceMs', 'failures', 'refusedSinceMs', 'refusals', 'pausedUntilMs', 'probe'],
      condition: '#state = :enabled',
      values: { ':enabled': 'enabled' },
    });
  }

  /**
   * A delivery failed, and it is the endpoint's fault. Of those that were under way together only the first counts, or one outage would look like many.
   *
   * @returns the endpoint as it is now; `undefined` where another one had been first
   */
  async failed(
    endpoint: WebhookEndpoint,
    { nowMs, pausedUntilMs }: { readonly nowMs: number; readonly pausedUntilMs: number },
  ): Promise<WebhookEndpoint | undefined> {
    const { failures, failingSinceMs = nowMs } = endpoint;
    const { changed, item } = await this.#change(endpoint, {
      set: { failures: (failures ?? 0) + 1, failingSinceMs, pausedUntilMs },
      remove: ['probe'],
      ...asSeen('failures', failures),
    });
    return changed ? item : undefined;
  }

  /**
   * A delivery was refused by an endpoint that answers, so that it need not rest. As with failures, of those that were under way together only the
   * first counts.
   *
   * @param probe the delivery's own try after a pause: it is given back, and the pause with it
   * @returns the endpoint as it is now; `undefined` where another one had been first
   */
  async refused(
    endpoint: WebhookEndpoint,
    { nowMs, probe }: { readonly nowMs: number; readonly probe: string | undefined },
  ): Promise<WebhookEndpoint | undefined> {
    const { refusals, refusedSinceMs = nowMs } = endpoint;
    const { changed, item } = await this.#change(endpoint, {
      set: { refusals: (refusals ?? 0) + 1, refusedSinceMs },
      ...(probe === undefined
        ? asSeen('refusals', refusals)
        : {
            remove: ['pausedUntilMs', 'probe'],
            condition: '#state = :enabled AND #probe = :probe',
            values: { ':enabled': 'enabled', ':probe': probe },
          }),
    });
    return changed ? item : undefined;
  }

  /**
   * Disables the endpoint, unless its owner gave it another address meanwhile.
   *
   * @param options.unlessSince the mark that says since when nothing has succeeded: disables it only if it is as it was
   * @returns the endpoint as it is now, and whether it was this call that disabled it
   */
  async disable(
    endpoint: WebhookEndpoint,
    {
      nowMs,
      because,
      unlessSince: mark,
    }: {
      readonly nowMs: number;
      readonly because: string;
      readonly unlessSince?: 'failingSinceMs' | 'refusedSinceMs';
    },
  ): Promise<{ readonly endpoint: WebhookEndpoint | undefined; readonly disabled: boolean }> {
    const { changed, item } = await this.#change(endpoint, {
      set: {
        state: 'disabled',
        disabledAtMs: nowMs,
        disabledBecause: because,
        ...(endpoint.contact === undefined ? {} : { noticeDue: true }),
      },
      remove: ['pausedUntilMs', 'probe'],
      condition: `#state = :enabled AND #url = :url${mark === undefined ? '' : ` AND ${mark} = :since`}`,
      values: {
        ':enabled': 'enabled',
        ':url': endpoint.url,
        ...(mark === undefined ? {} : { ':since': endpoint[mark] }),
      },
    });
    return { endpoint: item, disabled: changed };
  }

  /** Its owner has been written to. */
  async noticeGiven(endpoint: WebhookEndpoint): Promise<void> {
    await this.#change(endpoint, {
      remove: ['noticeDue'],
      condition: 'disabledAtMs = :at',
      values: { ':at': endpoint.disabledAtMs },
    });
  }

  /** @returns the endpoint after the change, or as it was where the condition did not hold */
  async #change(
    { tenant, endpointId }: EndpointKey,
    { set = {}, remove = [], condition, values = {} }: Change,
  ): Promise<{ readonly changed: boolean; readonly item: WebhookEndpoint | undefined }> {
    const names = [...Object.keys(set), ...remove];
    const assignments = Object.keys(set).map((name) => `#${name} = :set_${name}`);
    const whole = `attribute_exists(endpointId) AND ${condition}`;
    const updated = await conditionalUpdate<Record<string, unknown>>(this.#dynamo, {
      TableName: this.#tableName,
      Key: { tenant, endpointId },
      UpdateExpression: [
        ...(assignments.length > 0 ? [`SET ${assignments.join(', ')}`] : []),
        ...(remove.length > 0 ? [`REMOVE ${remove.map((name) => `#${name}`).join(', ')}`] : []),
      ].join(' '),
      ConditionExpression: whole,
      ExpressionAttributeNames: {
        ...Object.fromEntries(names.map((name) => [`#${name}`, name])),
        ...(whole.includes('#state') ? { '#state': 'state' } : {}),
        ...(whole.includes('#url') ? { '#url': 'url' } : {}),
      },
      ExpressionAttributeValues: {
        ...Object.fromEntries(Object.entries(set).map(([name, value]) => [`:set_${name}`, value])),
        ...values,
      },
      ReturnValues: 'ALL_NEW',
    });
    const item = updated.written ? updated.attributes : updated.inTheWay;
    return { changed: updated.written, item: item && parsed(item) };
  }
}

/** Nobody has counted since the number was read. */
function asSeen(
  name: 'failures' | 'refusals',
  seen: number | undefined,
): Pick<Change, 'condition' | 'values'> {
  return seen === undefined
    ? { condition: `#state = :enabled AND attribute_not_exists(${name})`, values: { ':enabled': 'enabled' } }
    : {
        condition: `#state = :enabled AND ${name} = :seen`,
        values: { ':enabled': 'enabled', ':seen': seen },
      };
}

function parsed(item: unknown): WebhookEndpoint {
  const read = webhookEndpoint.safeParse(item);
  if (read.success) return read.data;
  throw new PermanentError(
    `The endpoint is not as it should be in the table webhook-endpoints: ${issuesOf(read.error)}. Mend it, then redrive.`,
    { code: 'ENDPOINT_UNREADABLE' },
  );
}
