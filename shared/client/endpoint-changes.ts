import { DeleteCommand, UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { tableName } from '../jobs/names.ts';
import type { WebhookEndpoint } from '../webhooks/endpoint.ts';
import {
  checkedRegistration,
  type EndpointKey,
  type EndpointOptions,
  EndpointRefused,
  findEndpoint,
  type RegisterOptions,
  type Registration,
  unknownEndpoint,
  writeEndpoint,
} from './endpoints.ts';

/** What deliveries found of the endpoint. */
const MARKS = ['failingSinceMs', 'failures', 'refusedSinceMs', 'refusals', 'pausedUntilMs', 'probe'] as const;

/** Lets events go to it again, as if it had never failed. @throws EndpointRefused `ENDPOINT_UNKNOWN` */
export async function enableEndpoint(key: EndpointKey, options: EndpointOptions): Promise<void> {
  await update(key, options, {
    UpdateExpression: `SET #state = :state REMOVE disabledAtMs, disabledBecause, noticeDue, ${MARKS.join(', ')}`,
    ExpressionAttributeNames: { '#state': 'state' },
    ExpressionAttributeValues: { ':state': 'enabled' },
  });
}

/** Ends deliveries to it; those that wait are refused at their next attempt. @throws EndpointRefused `ENDPOINT_UNKNOWN` */
export async function disableEndpoint(
  key: EndpointKey,
  because: string,
  options: EndpointOptions,
): Promise<void> {
  await update(key, options, {
    UpdateExpression: 'SET #state = :state, disabledAtMs = :now, disabledBecause = :because',
    ExpressionAttributeNames: { '#state': 'state' },
    ExpressionAttributeValues: { ':state': 'disabled', ':now': options.now(), ':because': because },
  });
}

/** What is to be another than it was. */
export type EndpointChange = Partial<Pick<Registration, 'url' | 'eventTypes'>> & {
  /** `null`: nobody hears any more. */
  readonly contact?: string | null;
};

/** What the change would make of the endpoint, without its secrets. @throws EndpointRefused `INVALID_ENDPOINT` */
export function checkedChange(
  { secrets: _, ...before }: WebhookEndpoint,
  { contact, ...change }: EndpointChange,
  options: Pick<RegisterOptions, 'now' | 'allowLoopback'>,
): Omit<WebhookEndpoint, 'secrets'> {
  const { contact: former, ...rest } = before;
  const asked = contact === undefined ? former : (contact ?? undefined);
  const { url, eventTypes } = { ...rest, ...change };
  const { tenant, endpointId } = rest;
  const checked = checkedRegistration(
    { tenant, endpointId, url, eventTypes, ...(asked === undefined ? {} : { contact: asked }) },
    options,
  );
  return { ...rest, url, eventTypes: checked.eventTypes, ...(asked === undefined ? {} : { contact: asked }) };
}

/**
 * Gives the endpoint another address, other event types or another contact. Its secrets and its state stay. Of another address nothing is known yet: what
 * deliveries found of the former one is forgotten, and what waits goes to the new one.
 *
 * @throws EndpointRefused `INVALID_ENDPOINT`; `ENDPOINT_UNKNOWN`; `CHANGED_MEANWHILE` when somebody else changes it at the same time
 */
export async function changeEndpoint(
  key: EndpointKey,
  change: EndpointChange,
  options: RegisterOptions,
): Promise<void> {
  const before = await findEndpoint(key, options);
  const { url, eventTypes, contact } = checkedChange(before, change, options);
  const removed = [...(contact === undefined ? ['contact'] : []), ...(url === before.url ? [] : MARKS)];
  await update(
    key,
    options,
    {
      UpdateExpression: `SET #url = :url, eventTypes = :types${contact === undefined ? '' : ', contact = :contact'}${
        removed.length === 0 ? '' : ` REMOVE ${removed.join(', ')}`
      }`,
      ConditionExpression: '#url = :before',
      ExpressionAttributeNames: { '#url': 'url' },
      ExpressionAttributeValues: {
        ':url': url,
        ':types': eventTypes,
        ':before': before.url,
        ...(contact === undefined ? {} : { ':contact': contact }),
      },
    },
    new EndpointRefused(
      'CHANGED_MEANWHILE',
      `Endpoint ${key.tenant}/${key.endpointId} has changed meanwhile, and nothing was written: look again.`,
    ),
    (found) =>
      found.url === url && found.contact === contact && found.eventTypes.join() === eventTypes.join(),
  );
}

/** Forgets the endpoint and its secrets: what waits for it becomes dead letters, `ENDPOINT_UNKNOWN`. What was delivered stays known. @throws EndpointRefused `ENDPOINT_UNKNOWN` */
export async function removeEndpoint(
  { tenant, endpointId }: EndpointKey,
  options: Pick<EndpointOptions, 'dynamo' | 'stage'>,
): Promise<void> {
  await findEndpoint({ tenant, endpointId }, options);
  // Without a condition: where the answer is lost, the SDK's second try finds it gone by the first.
  await options.dynamo.send(
    new DeleteCommand({
      TableName: tableName(options.stage, 'webhook-endpoints'),
      Key: { tenant, endpointId },
    }),
  );
}

async function update(
  key: EndpointKey,
  { dynamo, stage }: Pick<EndpointOptions, 'dynamo' | 'stage'>,
  change: Omit<UpdateCommandInput, 'TableName' | 'Key'>,
  refused = unknownEndpoint(key),
  isOurs?: (found: WebhookEndpoint) => boolean,
): Promise<void> {
  const { tenant, endpointId } = key;
  const command = new UpdateCommand({
    TableName: tableName(stage, 'webhook-endpoints'),
    Key: { tenant, endpointId },
    // An update would create what is not there.
    ConditionExpression: 'attribute_exists(tenant)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    ...change,
  });
  await writeEndpoint(refused, () => dynamo.send(command), isOurs);
}
