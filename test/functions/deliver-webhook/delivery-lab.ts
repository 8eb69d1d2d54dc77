import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { Webhook } from 'standardwebhooks';
import { inject, vi } from 'vitest';
import type * as z from 'zod';
import { allowLoopback } from '../../../cli/webhooks.ts';
import { deliveriesTo } from '../../../shared/client/deliveries.ts';
import { type Registration, registerEndpoint } from '../../../shared/client/endpoints.ts';
import { notificationTag } from '../../../shared/jobs/email-event.ts';
import { functionName, tableName } from '../../../shared/jobs/names.ts';
import type { JobRecord } from '../../../shared/jobs/record.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import type { WebhookDelivery, WebhookEndpoint } from '../../../shared/webhooks/endpoint.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab, type LabOptions } from '../../lab/lab.ts';

export type Delivery = z.input<typeof JOBS.deliverWebhook.payload>;

/** One request as a customer's server saw it. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The cloud's time. */
  readonly atMs: number;
}

export type Answer = (response: ServerResponse, nth: number) => unknown;

/** A status, and `retry-after` where there is one. */
export const answers =
  (status: number, retryAfter?: string): Answer =>
  (response) =>
    response
      .writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter })
      .end(`answer ${status}`);

/** A tenant's server at a path of its own. */
export class Customer {
  readonly received: Received[] = [];
  readonly endpoint: WebhookEndpoint & { readonly secret: string };
  answer: Answer = answers(204);

  constructor(endpoint: Customer['endpoint']) {
    this.endpoint = endpoint;
  }

  /** What the `standardwebhooks` library says of a request with one secret, at the time that the cloud has it. */
  verifies({ headers, body, atMs }: Received, secret = this.endpoint.secret): boolean {
    vi.useFakeTimers({ toFake: ['Date'], now: atMs });
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    } finally {
      vi.useRealTimers();
    }
  }
}

const { deliverWebhook } = JOBS;
let made = 0;

/** The deployed template, whose deliveries may reach this machine, and customers' servers on it. */
export class DeliveryLab {
  readonly lab: Lab;
  readonly #server: Server;
  readonly #customers = new Map<string, Customer>();

  static async start(options: Partial<LabOptions> = {}): Promise<DeliveryLab> {
    return DeliveryLab.in(await Lab.start({ assembly: inject('assembly'), stage: STAGE, ...options }));
  }

  /** In a lab that others use too. */
  static async in(lab: Lab): Promise<DeliveryLab> {
    const lambda = new LambdaClient({
      endpoint: lab.cloud.endpoint,
      region: lab.cloud.region,
      credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
    });
    await allowLoopback(lambda, functionName(STAGE, deliverWebhook.type));
    lambda.destroy();
    const one = new DeliveryLab(lab);
    one.#server.listen(0, '127.0.0.1');
    await once(one.#server, 'listening');
    return one;
  }

  private constructor(lab: Lab) {
    this.lab = lab;
    this.#server = createServer(async (request, response) => {
      const customer = this.#customers.get(request.url ?? '');
      if (!customer) return response.writeHead(404).end();
      const atMs = lab.cloud.clock.now();
      customer.received.push({ headers: request.headers, body: await text(request).catch(() => ''), atMs });
      return customer.answer(response, customer.received.length);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A customer with an endpoint of its own; a tenant of its own too unless one is given. */
  async customer(changes: Partial<Registration> = {}): Promise<Customer> {
    const path = `/customer-${++made}?key=address-secret-${made}`;
    const endpoint = await registerEndpoint(
      { tenant: `tenant-${made}`, url: this.url + path, eventTypes: ['order.*'], ...changes },
      { dynamo: this.lab.dynamo, stage: STAGE, now: () => this.lab.cloud.clock.now(), allowLoopback: true },
    );
    const customer = new Customer(endpoint);
    this.#customers.set(path, customer);
    return customer;
  }

  /** An event that no test has told of before, on its way to the customer. */
  delivery({ endpoint: { tenant, endpointId } }: Customer, eventId = `evt-${++made}`): Delivery {
    return { tenant, endpointId, event: this.event(eventId) };
  }

  event(id = `evt-${++made}`, type = 'order.placed'): Delivery['event'] {
    return { id, type, occurredAt: '2026-11-25T10:00:00Z', data: { orderId: `order-${id}` } };
  }

  /** Publishes the deliveries and lets everything come to its end. */
  async run(...deliveries: readonly Delivery[]): Promise<void> {
    await this.publish(...deliveries);
    await this.lab.drain();
  }

  async publish(...deliveries: readonly Delivery[]): Promise<void> {
    for (const delivery of deliveries)
      await this.lab.publish(deliverWebhook, delivery, { partitionKey: delivery.tenant });
  }

  find(delivery: Delivery): Promise<JobRecord | undefined> {
    return this.lab.record(deliverWebhook, keyOf(delivery));
  }

  /** A delivery's record, which is there. */
  async record(delivery: Delivery): Promise<JobRecord> {
    const record = await this.find(delivery);
    if (!record) throw new Error(`There is no record of ${keyOf(delivery)}`);
    return record;
  }

  /** The customer's endpoint as it is in the table. */
  async endpoint({ endpoint: { tenant, endpointId } }: Customer): Promise<WebhookEndpoint> {
    const { Item } = await this.lab.dynamo.send(
      new GetCommand({
        TableName: tableName(STAGE, 'webhook-endpoints'),
        Key: { tenant, endpointId },
        ConsistentRead: true,
      }),
    );
    return Item as WebhookEndpoint;
  }

  /** Writes into the endpoint's item, as time or a person would. */
  async change(
    { endpoint: { tenant, endpointId } }: Customer,
    values: Partial<WebhookEndpoint>,
  ): Promise<void> {
    const names = Object.keys(values);
    await this.lab.dynamo.send(
      new UpdateCommand({
        TableName: tableName(STAGE, 'webhook-endpoints'),
        Key: { tenant, endpointId },
        UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(', ')}`,
        ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(
          Object.entries(values).map(([name, value]) => [`:${name}`, value]),
        ),
      }),
    );
  }

  /** What the tenant may see of the attempts, oldest first. */
  async attempts(delivery: Delivery): Promise<readonly WebhookDelivery[]> {
    const { deliveries } = await deliveriesTo(delivery, {
      dynamo: this.lab.dynamo,
      stage: STAGE,
      eventId: delivery.event.id,
    });
    return deliveries;
  }

  /** The notices that went out of an endpoint that was disabled. */
  notices({ endpoint: { tenant, endpointId } }: Customer) {
    const beginning = notificationTag(`endpoint-disabled:${tenant}/${endpointId}/`);
    return this.lab.cloud.ses.sent().filter(({ tags }) => tags.notification?.startsWith(beginning));
  }

  async stop(): Promise<void> {
    this.close();
    await this.lab.stop();
  }

  /** Ends the customers' servers alone. */
  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

export function keyOf({ tenant, endpointId, event }: Delivery): string {
  return `${tenant}/${endpointId}/${event.id}`;
}
