import { randomBytes } from 'node:crypto';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import { issuesOf } from '../jobs/message.ts';
import { tableName } from '../jobs/names.ts';
import { OutboundRefused } from '../outbound/outbound-refused.ts';
import { publicUrl } from '../outbound/public-url.ts';
import { type WebhookEndpoint, webhookEndpoint } from '../webhooks/endpoint.ts';
import { newStandardSecret } from '../webhooks/standard-webhooks.ts';

/** How a tenant says where it wants its events. */
export interface Registration {
  readonly tenant: string;
  /** `https://`, on the public internet. */
  readonly url: string;
  /** Types, beginnings such as `order.*`, or `*`. */
  readonly eventTypes: readonly string[];
  /** Who hears when the endpoint is disabled. @default nobody: it is counted and logged */
  readonly contact?: string;
  /** @default a random one */
  readonly endpointId?: string;
}

/** Which endpoint. */
export type EndpointKey = Pick<WebhookEndpoint, 'tenant' | 'endpointId'>;

export interface EndpointOptions {
  readonly dynamo: DynamoDBDocumentClient;
  readonly stage: string;
  readonly now: () => number;
}

export interface RegisterOptions extends EndpointOptions {
  /** Lets it be on this machine, by http: for tests and local use alone. @default false */
  readonly allowLoopback?: boolean;
}

/** An endpoint that was not registered or changed: the message says why. Nothing was written. */
export class EndpointRefused extends HonestJobsError {
  override readonly name = 'EndpointRefused';
  readonly code: 'INVALID_ENDPOINT' | 'ENDPOINT_EXISTS' | 'ENDPOINT_UNKNOWN' | 'CHANGED_MEANWHILE';

  constructor(code: EndpointRefused['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** How long a secret that was replaced still signs. @default a day */
export const DEFAULT_OVERLAP_SECONDS = 86_400;
/** A secret that somebody else may know is not for weeks. */
export const LONGEST_OVERLAP_SECONDS = 7 * 86_400;

/** What is read may have been written by hand; what is written here says a little more. */
const asked = webhookEndpoint
  .omit({ secrets: true })
  .extend({ contact: z.string().min(1).max(320).optional() });

/** What a registration would write, without its secret. @throws EndpointRefused `INVALID_ENDPOINT` */
export function checkedRegistration(
  { tenant, url, eventTypes, contact, endpointId = newEndpointId() }: Registration,
  { now, allowLoopback = false }: Pick<RegisterOptions, 'now' | 'allowLoopback'>,
): Omit<WebhookEndpoint, 'secrets'> {
  checkUrl(url, allowLoopback);
  const parsed = asked.safeParse({
    tenant,
    endpointId,
    url,
    eventTypes,
    state: 'enabled',
    createdAtMs: now(),
    ...(contact === undefined ? {} : { contact }),
  });
  if (!parsed.success)
    throw new EndpointRefused('INVALID_ENDPOINT', `The endpoint is refused: ${issuesOf(parsed.error)}.`);
  return parsed.data;
}

/** Where its name leads is looked at at each delivery. */
function checkUrl(url: string, allowLoopback: boolean): void {
  try {
    publicUrl(url, { allowLoopback });
  } catch (error) {
    if (!(error instanceof OutboundRefused)) throw error;
    throw new EndpointRefused('INVALID_ENDPOINT', `The URL is refused: ${error.message}`);
  }
}

/**
 * Registers an endpoint, enabled, with a new secret. The answer is the only place that shows the secret.
 *
 * @throws EndpointRefused `INVALID_ENDPOINT`, `ENDPOINT_EXISTS`
 */
export async function registerEndpoint(
  registration: Registration,
  options: RegisterOptions,
): Promise<WebhookEndpoint & { readonly secret: string }> {
  const secret = newStandardSecret();
  const endpoint: WebhookEndpoint = { ...checkedRegistration(registration, options), secrets: [{ secret }] };
  const { tenant, endpointId } = endpoint;
  const put = new PutCommand({
    TableName: tableName(options.stage, 'webhook-endpoints'),
    Item: endpoint,
    ConditionExpression: 'attribute_not_exists(tenant)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  await writeEndpoint(
    new EndpointRefused(
      'ENDPOINT_EXISTS',
      `There is an endpoint ${tenant}/${endpointId} already; nothing was changed.`,
    ),
    () => options.dynamo.send(put),
    ({ secrets }) => secrets[0]?.secret === secret,
  );
  return { ...endpoint, secret };
}

/** All endpoints of a tenant, whatever their state. */
export async function endpointsOf(
  tenant: string,
  { dynamo, stage }: Pick<EndpointOptions, 'dynamo' | 'stage'>,
): Promise<WebhookEndpoint[]> {
  const pages = paginateQuery(
    { client: dynamo },
    {
      TableName: tableName(stage, 'webhook-endpoints'),
      KeyConditionExpression: 'tenant = :tenant',
      ExpressionAttributeValues: { ':tenant': tenant },
      ConsistentRead: true,
    },
  );
  const found: WebhookEndpoint[] = [];
  for await (const { Items = [] } of pages) found.push(...(Items as WebhookEndpoint[]));
  return found;
}

/** @throws EndpointRefused `ENDPOINT_UNKNOWN` */
export async function findEndpoint(
  { tenant, endpointId }: EndpointKey,
  { dynamo, stage }: Pick<EndpointOptions, 'dynamo' | 'stage'>,
): Promise<WebhookEndpoint> {
  const { Item } = await dynamo.send(
    new GetCommand({
      TableName: tableName(stage, 'webhook-endpoints'),
      Key: { tenant, endpointId },
      ConsistentRead: true,
    }),
  );
  if (!Item) throw unknownEndpoint({ tenant, endpointId });
  return Item as WebhookEndpoint;
}

/**
 * Gives the endpoint a new secret. What is sent is signed with the former one too, for so long.
 *
 * @param overlapSeconds 0 to a week. @default a day
 * @returns the new secret: the answer is the only place that shows it
 * @throws EndpointRefused `ENDPOINT_UNKNOWN`; `CHANGED_MEANWHILE` when somebody else rotates it at the same time
 */
export async function rotateEndpointSecret(
  { tenant, endpointId }: EndpointKey,
  { overlapSeconds = DEFAULT_OVERLAP_SECONDS, ...options }: EndpointOptions & { overlapSeconds?: number },
): Promise<{ readonly secret: string; readonly formerUntilMs: number }> {
  const before = await findEndpoint({ tenant, endpointId }, options);
  const nowMs = options.now();
  const secret = newStandardSecret();
  const formerUntilMs = nowMs + overlapSeconds * 1000;
  const former = before.secrets
    // One that was replaced before ends when it was said to, unless this is sooner.
    .map((one) => ({ ...one, untilMs: Math.min(one.untilMs ?? formerUntilMs, formerUntilMs) }))
    .filter(({ untilMs }) => untilMs > nowMs);
  const update = new UpdateCommand({
    TableName: tableName(options.stage, 'webhook-endpoints'),
    Key: { tenant, endpointId },
    UpdateExpression: 'SET secrets = :secrets',
    ConditionExpression: 'secrets = :before',
    ExpressionAttributeValues: { ':secrets': [{ secret }, ...former], ':before': before.secrets },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  await writeEndpoint(
    new EndpointRefused(
      'CHANGED_MEANWHILE',
      `Endpoint ${tenant}/${endpointId} has changed meanwhile, and nothing was written: look again.`,
    ),
    () => options.dynamo.send(update),
    ({ secrets }) => secrets[0]?.secret === secret,
  );
  return { secret, formerUntilMs };
}

/**
 * One write with a condition.
 *
 * @param refused what is thrown where the condition does not hold
 * @param isOurs tells what our own write made from what another one did
 */
export async function writeEndpoint(
  refused: EndpointRefused,
  send: () => Promise<unknown>,
  isOurs: (found: WebhookEndpoint) => boolean = () => false,
): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const found = error.Item && (unmarshall(error.Item) as WebhookEndpoint);
    // The answer to our own write was lost, and the SDK sent it again.
    if (!found || !isOurs(found)) throw refused;
  }
}

export function unknownEndpoint({ tenant, endpointId }: EndpointKey): EndpointRefused {
  return new EndpointRefused('ENDPOINT_UNKNOWN', `There is no endpoint ${tenant}/${endpointId}.`);
}

function newEndpointId(): string {
  return `ep_${randomBytes(9).toString('base64url')}`;
}
