import { deliver } from '../../functions/deliver-webhook/deliver.ts';
import { DeliveryLog } from '../../functions/deliver-webhook/delivery-log.ts';
import { Endpoints } from '../../functions/deliver-webhook/endpoints.ts';
import type { ItemChange } from '../../local/dynamodb/index.ts';
import type { JobContext, JobHandler } from '../../shared/consumer/index.ts';
import { OutboundRefused } from '../../shared/outbound/outbound-refused.ts';
import type { PostPublic, PublicAnswer } from '../../shared/outbound/post-public.ts';
import { ID_HEADER, TIMESTAMP_HEADER } from '../../shared/webhooks/standard-webhooks.ts';
import { TABLES } from './cloud.ts';
import { currentProcess, processNow } from './virtual-time.ts';
import type { World } from './world.ts';

const ENDPOINTS = 5;
const TENANT = 'tenant';
const SECRET = 'whsec_c2ltdWxhdGVkLXNlY3JldC1vZi0zMi1ieXRlcyEhISE=';
const ANSWER_MS = 15_000;
const TRAVEL_MS = { least: 10, spread: 300 };
/** A delivery that began before an endpoint was disabled may still post, a process that was frozen meanwhile included. */
const UNDER_WAY_MS = 90_000;
const OCCURRED_AT = '2026-01-05T08:00:00.000Z';

function endpointOf(job: string): string {
  return `endpoint-${Math.floor(Number(job.slice(-6)) / 50) % ENDPOINTS}`;
}

/** The servers that tenants have registered, and deliver-webhook's own parts that post to them. */
export class Receivers {
  readonly #world: World;
  /** job → how often its event was taken. */
  readonly #taken = new Map<string, number>();
  /** job → what the last answer to it asked for, in seconds. */
  readonly #asked = new Map<string, number>();
  readonly #bodies = new Map<string, string>();
  readonly #disabledMs = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Registers the endpoints. */
  async furnish(): Promise<void> {
    for (let number = 0; number < ENDPOINTS; number++)
      await this.#world.cloud.dynamo.execute('PutItem', {
        TableName: TABLES.endpoints,
        Item: {
          tenant: { S: TENANT },
          endpointId: { S: `endpoint-${number}` },
          url: { S: `https://endpoint-${number}.example/hooks` },
          secrets: { L: [{ M: { secret: { S: SECRET } } }] },
          eventTypes: { L: [{ S: 'order.*' }] },
          state: { S: 'enabled' },
        },
      });
  }

  deliver(job: string, context: JobContext): ReturnType<JobHandler<unknown>> {
    const { clients } = this.#world.cloud;
    const work = deliver({
      endpoints: new Endpoints(clients.dynamo, TABLES.endpoints),
      log: new DeliveryLog(clients.dynamo, TABLES.deliveries),
      post: (address, options) => this.#post(job, address, options),
      notify: async () => {},
      countDisabled: () => this.#world.count('endpoint disabled'),
      allowLoopback: false,
      now: processNow,
      random: this.#world.random,
    });
    const event = { id: job, type: 'order.placed', occurredAt: OCCURRED_AT, data: { job } };
    return work({ tenant: TENANT, endpointId: endpointOf(job), event }, context);
  }

  taken(job: string): number {
    return this.#taken.get(job) ?? 0;
  }

  /** What the last answer asked for, in seconds. */
  asked(job: string): number {
    return this.#asked.get(job) ?? 0;
  }

  changed({ newImage }: ItemChange): void {
    const id = String(newImage?.endpointId?.S);
    const disabled = newImage?.state?.S === 'disabled';
    if (disabled && !this.#disabledMs.has(id)) this.#disabledMs.set(id, this.#world.clock.now());
  }

  #post(
    job: string,
    address: string,
    { headers, body, signal }: Parameters<PostPublic>[1],
  ): Promise<PublicAnswer> {
    const world = this.#world;
    const process = currentProcess();
    const faults = world.plan.at('receiver', job);
    const has = (kind: string) => faults.find((fault) => fault.kind === kind);
    if (headers[ID_HEADER] !== job)
      world.violate('each request of an event has its id', `${job}: ${headers[ID_HEADER]}`);
    const said = this.#bodies.get(job) ?? body;
    this.#bodies.set(job, said);
    if (said !== body) world.violate('each request of an event has its body', job);
    if (!/^\d{10}$/.test(headers[TIMESTAMP_HEADER] ?? '')) world.violate('each request has its time', job);
    const disabledMs = this.#disabledMs.get(endpointOf(job));
    if (disabledMs !== undefined && world.clock.now() > disabledMs + UNDER_WAY_MS)
      world.violate('a disabled endpoint is left alone', `${job} was posted to ${address}`);
    const slowMs = has('receiver-slow')?.ms ?? 0;
    const hangs = has('receiver-hangs');
    const answer = has('receiver-answers');
    const broken = has('receiver-half-answers') !== undefined;
    const travelMs = TRAVEL_MS.least + world.random() * TRAVEL_MS.spread;
    return new Promise((resolve, reject) => {
      const refuse = (code: string, message: string) =>
        reject(new OutboundRefused(code, message, { passing: true, sent: true }));
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      setTimeout(() => refuse('TIMED_OUT', 'The simulated receiver did not answer.'), ANSWER_MS);
      world.clock.after(travelMs + slowMs, () => {
        if (hangs?.moment === 'before') return;
        const status = answer?.status ?? 200;
        const seconds = Math.ceil((answer?.ms ?? 0) / 1000);
        const taken = status < 300;
        if (taken) this.#taken.set(job, this.taken(job) + 1);
        world.trace(`${endpointOf(job)} answers ${status} to ${job}`);
        if (hangs) return;
        world.clock.schedule(
          TRAVEL_MS.least,
          () => {
            this.#asked.set(job, taken || broken ? 0 : seconds);
            if (broken) refuse('BROKEN_OFF', 'The simulated receiver broke off.');
            else
              resolve({
                status,
                headers: seconds > 0 && !taken ? { 'retry-after': String(seconds) } : {},
                body: 'x'.repeat(1024),
              });
          },
          process,
        );
      });
    });
  }
}
