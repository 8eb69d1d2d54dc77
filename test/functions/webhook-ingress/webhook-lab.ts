import { createHmac } from 'node:crypto';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import { functionName, tableName, WEBHOOK_INGRESS, webhookSecretName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { newStandardSecret, signatures } from '../../../shared/webhooks/standard-webhooks.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

export interface ShopEvent {
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly id: string; readonly version: number };
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly id?: string; readonly error?: string };
}

interface Delivery {
  /** The event's id; the same at each try. */
  readonly id: string;
  readonly body: string;
  /** When the provider signs. @default now */
  readonly atMs?: number;
  /** @default the one of the lab */
  readonly secrets?: readonly string[];
  readonly path?: string;
}

const { processWebhook } = JOBS;
let made = 0;

/** The deployed template, whose providers' secrets are filled in, and who sends webhooks to it. */
export class WebhookLab {
  readonly lab: Lab;
  /** Of the ingress; ends in `/`. */
  readonly url: string;
  readonly shopSecret = newStandardSecret();
  readonly stripeSecret = `whsec_${'aB3'.repeat(10)}`;
  readonly #secrets: SecretsManagerClient;

  /** @param options.fillIn whether the secrets are filled in, as after a deployment an operator does @default true */
  static async start({ fillIn = true } = {}): Promise<WebhookLab> {
    const lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
    return fillIn ? WebhookLab.on(lab) : new WebhookLab(lab);
  }

  /** In a lab that is there, and is stopped with this one. */
  static async on(lab: Lab): Promise<WebhookLab> {
    const one = new WebhookLab(lab);
    await one.fillIn('acme-shop', { secrets: [one.shopSecret] });
    await one.fillIn('stripe', { secrets: [one.stripeSecret] });
    return one;
  }

  private constructor(lab: Lab) {
    this.lab = lab;
    this.url = lab.cloud.deployment.stacks.map(({ outputs }) => outputs.WebhookUrl).find(Boolean) as string;
    const { endpoint, region } = lab.cloud;
    this.#secrets = new SecretsManagerClient({
      endpoint,
      region,
      credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
    });
  }

  /** As an operator does. */
  async fillIn(provider: string, secret: unknown): Promise<void> {
    await this.#secrets.send(
      new PutSecretValueCommand({
        SecretId: webhookSecretName(STAGE, provider),
        SecretString: typeof secret === 'string' ? secret : JSON.stringify(secret),
      }),
    );
  }

  /** What a secret is before anybody has filled it in. */
  async secretOf(provider: string): Promise<unknown> {
    const { SecretString = '' } = await this.#secrets.send(
      new GetSecretValueCommand({ SecretId: webhookSecretName(STAGE, provider) }),
    );
    return JSON.parse(SecretString);
  }

  /** An id that no test has used before. */
  id(prefix = 'o'): string {
    return `${prefix}-${++made}`;
  }

  /** An event of the shop's, of an order unless `type` says otherwise. */
  event(id: string, version: number, type: string): ShopEvent {
    return { type, timestamp: new Date(this.nowMs).toISOString(), data: { id, version } };
  }

  get nowMs(): number {
    return this.lab.cloud.clock.now();
  }

  /** What the shop sends: signed by Standard Webhooks. */
  request({
    id,
    body,
    atMs = this.nowMs,
    secrets = [this.shopSecret],
    path = 'acme-shop',
  }: Delivery): Request {
    const timestamp = Math.floor(atMs / 1000);
    return new Request(`${this.url}${path}`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signatures(secrets, id, timestamp, body),
      },
    });
  }

  async deliver(delivery: Delivery): Promise<Reply> {
    return this.send(this.request(delivery));
  }

  /** Delivers one of the shop's events under an id. */
  deliverEvent(id: string, event: ShopEvent): Promise<Reply> {
    return this.deliver({ id, body: JSON.stringify(event) });
  }

  /** What Stripe sends. */
  deliverStripe(
    event: object,
    { secret = this.stripeSecret, atMs = this.nowMs }: { secret?: string; atMs?: number } = {},
  ): Promise<Reply> {
    const body = JSON.stringify(event, null, 2);
    const timestamp = Math.floor(atMs / 1000);
    const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    return this.send(
      new Request(`${this.url}stripe`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'stripe-signature': `t=${timestamp},v1=${signature},v0=${'0'.repeat(64)}`,
        },
      }),
    );
  }

  async send(request: Request): Promise<Reply> {
    const response = await fetch(request);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) };
  }

  /** Ends every environment of the ingress, so that the next one knows nothing. */
  killIngress(): Promise<void> {
    return this.lab.cloud.faults.kill(this.ingress);
  }

  get ingress(): string {
    return functionName(STAGE, WEBHOOK_INGRESS);
  }

  record(eventId: string, provider = 'acme-shop') {
    return this.lab.record(processWebhook, `${provider}/${eventId}`);
  }

  /** What the table says of a payment or an order. */
  async row(subject: string): Promise<Record<string, unknown> | undefined> {
    const { Item } = await this.lab.dynamo.send(
      new GetCommand({
        TableName: tableName(STAGE, 'webhook-states'),
        Key: { subject },
        ConsistentRead: true,
      }),
    );
    return Item;
  }

  async stop(): Promise<void> {
    this.#secrets.destroy();
    await this.lab.stop();
  }
}

/** What Lambda itself answers may be no JSON. */
function parsed(text: string): Reply['body'] {
  try {
    return JSON.parse(text);
  } catch {
    return { error: text };
  }
}
