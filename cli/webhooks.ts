import { readFileSync } from 'node:fs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  GetFunctionConfigurationCommand,
  GetFunctionUrlConfigCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeleteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { LocalCloud } from '../local/cloud.ts';
import type { Incoming } from '../samples/webhook-events.ts';
import { SAMPLE_ENDPOINTS } from '../samples/webhook-receiver/day.ts';
import type { Receiver } from '../samples/webhook-receiver/receiver.ts';
import { WebhookReceivers } from '../samples/webhook-receiver/webhook-receivers.ts';
import { WebhookSender } from '../samples/webhook-sender/webhook-sender.ts';
import { endpointsOf, registerEndpoint } from '../shared/client/endpoints.ts';
import { ALLOW_LOOPBACK_VARIABLE } from '../shared/jobs/environment.ts';
import { functionName, tableName, WEBHOOK_INGRESS, webhookSecretName } from '../shared/jobs/names.ts';
import { JOBS } from '../shared/jobs/registry.ts';
import type { WebhookEndpoint } from '../shared/webhooks/endpoint.ts';

/** A tenant's server, and the endpoint that it registered. */
export interface Customer {
  readonly endpoint: Pick<WebhookEndpoint, 'tenant' | 'endpointId'>;
  readonly receiver: Receiver;
}

/** The other ends of all webhooks, on this machine: the providers that send them to us, and the tenants' servers that we send them to. */
export interface WebhookWorld {
  /** Where providers send their events: `<ingressUrl><provider>`. */
  readonly ingressUrl: string;
  readonly sender: WebhookSender;
  readonly customers: readonly Customer[];
  /** How many requests came to an address that nobody may be led to. */
  internalRequests(): number;
  stop(): Promise<void>;
}

interface Place {
  readonly cloud: LocalCloud;
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  readonly stage: string;
  /** Where the receivers remember what they have taken. */
  readonly memory: string;
}

/** Does what people do after a deployment: providers' secrets are filled in, tenants register their endpoints, and deliveries may reach this machine. */
export async function openWebhooks(place: Place): Promise<WebhookWorld> {
  const { cloud, client, stage, memory } = place;
  const now = (): number => cloud.clock.now();
  const lambda = new LambdaClient(client);
  const receivers = await WebhookReceivers.start({ now, file: memory });
  try {
    await allowLoopback(lambda, functionName(stage, JOBS.deliverWebhook.type));
    const { FunctionUrl: ingressUrl = '' } = await lambda.send(
      new GetFunctionUrlConfigCommand({ FunctionName: functionName(stage, WEBHOOK_INGRESS) }),
    );
    const sender = new WebhookSender({
      urlOf: (provider) => `${ingressUrl}${provider}`,
      now,
      wait: (seconds) => new Promise((resume) => cloud.clock.after(seconds * 1000, () => resume())),
      hold: () => cloud.clock.hold(),
    });
    await fillInSecrets(sender, place);
    const customers = await registerAll(receivers, place);
    return {
      ingressUrl,
      sender,
      customers,
      internalRequests: () => receivers.internalRequests,
      stop: () => receivers.stop(),
    };
  } catch (error) {
    await receivers.stop();
    throw error;
  } finally {
    lambda.destroy();
  }
}

/** No template sets it: what is deployed reaches nothing but the public internet. */
export async function allowLoopback(lambda: LambdaClient, FunctionName: string): Promise<void> {
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  await lambda.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Environment: { Variables: { ...Environment?.Variables, [ALLOW_LOOPBACK_VARIABLE]: 'true' } },
    }),
  );
}

async function fillInSecrets({ secrets }: WebhookSender, { client, stage }: Place): Promise<void> {
  const manager = new SecretsManagerClient(client);
  for (const [provider, secret] of Object.entries(secrets))
    await manager.send(
      new PutSecretValueCommand({
        SecretId: webhookSecretName(stage, provider),
        SecretString: JSON.stringify({ secrets: [secret] }),
      }),
    );
  manager.destroy();
}

/** Anew at each start, since the servers have other addresses then; one that was disabled stays so. */
async function registerAll(
  receivers: WebhookReceivers,
  { cloud, client, stage }: Place,
): Promise<Customer[]> {
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(client));
  const customers: Customer[] = [];
  for (const { tenant, endpointId, eventTypes, contact } of SAMPLE_ENDPOINTS) {
    const endpoint = { tenant, endpointId };
    const receiver = receivers.open(`${tenant}/${endpointId}`);
    customers.push({ endpoint, receiver });
    const former = await endpointsOf(tenant, { dynamo, stage });
    if (former.some((one) => one.endpointId === endpointId && one.state === 'disabled')) continue;
    await dynamo.send(new DeleteCommand({ TableName: tableName(stage, 'webhook-endpoints'), Key: endpoint }));
    const { secret } = await registerEndpoint(
      { ...endpoint, url: receiver.url, eventTypes, ...(contact === undefined ? {} : { contact }) },
      { dynamo, stage, now: () => cloud.clock.now(), allowLoopback: true },
    );
    receiver.trust(secret);
  }
  dynamo.destroy();
  return customers;
}

/** The events that providers send in the sample day. */
export function readIncoming(): Incoming[] {
  const text = readFileSync(new URL('../samples/webhooks.ndjson', import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Incoming);
}

/** Sends each event when its time has come, and again until it is taken. @returns once all were taken or given up */
export async function sendIncoming(
  events: readonly Incoming[],
  sender: WebhookSender,
  door: { readonly until: (afterSeconds: number) => Promise<void>; readonly interruption?: AbortSignal },
): Promise<void> {
  const sends: Promise<unknown>[] = [];
  for (const { afterSeconds, ...event } of events) {
    await door.until(afterSeconds);
    if (door.interruption?.aborted) return;
    sends.push(sender.send(event));
  }
  await Promise.all(sends);
}
