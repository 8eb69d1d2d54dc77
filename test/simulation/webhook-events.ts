import { WebhookStates } from '../../functions/process-webhook/webhook-states.ts';
import type { ItemChange } from '../../local/dynamodb/index.ts';
import { TABLES } from './cloud.ts';
import type { World } from './world.ts';

/** An order goes this way, whatever comes late or never; none of its events takes it back. */
const WAY = ['placed', 'packed', 'shipped', 'delivered', 'returned'];
const PLACES_A_SUBJECT = 40;
const PLACES_A_STATE = PLACES_A_SUBJECT / WAY.length;

interface Told {
  readonly subject: string;
  readonly state: string;
  /** Two events tell the same of each moment. */
  readonly at: number;
}

/** What a provider's event tells: neighbours by number are events of one order. */
function toldBy(job: string): Told {
  const number = Number(job.slice(-6));
  const place = number % PLACES_A_SUBJECT;
  return {
    subject: `order-${Math.floor(number / PLACES_A_SUBJECT)}`,
    state: WAY[Math.floor(place / PLACES_A_STATE)] as string,
    at: Math.floor(place / 2),
  };
}

/** The orders of others, brought up to date by events in any order; and what must hold of them. */
export class WebhookEvents {
  readonly #world: World;
  readonly #rows = new Map<string, { readonly state: string; readonly at: number }>();
  /** Events that have changed a row. */
  readonly #applied = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** As functions/process-webhook does it, by its own parts. */
  async process(job: string, signal: AbortSignal): Promise<unknown> {
    const { subject, state, at } = toldBy(job);
    const states = new WebhookStates(this.#world.cloud.clients.dynamo, TABLES.states);
    return states.apply(
      { subject: { kind: 'order', id: subject }, state, at, provider: 'simulation', eventId: job },
      signal,
    );
  }

  changed({ oldImage, newImage }: ItemChange): void {
    const text = (name: string): string => String(newImage?.[name]?.S ?? newImage?.[name]?.N);
    const event = text('eventId');
    const row = { state: text('state'), at: Number(text('at')) };
    const before = this.#rows.get(text('subject'));
    this.#world.trace(`${text('subject')} is ${row.state} at ${row.at} by ${event}`);
    if (this.#applied.has(event))
      this.#world.violate('an event changes its subject once', `${event} changed ${text('subject')} again`);
    if (before && (row.at < before.at || WAY.indexOf(row.state) < WAY.indexOf(before.state)))
      this.#world.violate('an older event changes nothing', `${event} took ${text('subject')} back`);
    if (Number(text('changes')) !== Number(oldImage?.changes?.N ?? 0) + 1)
      this.#world.violate('changes are counted one by one', text('subject'));
    this.#applied.add(event);
    this.#rows.set(text('subject'), row);
  }

  /** Whether what a completed event told is in its subject's row, or something newer. */
  isKnown(job: string): boolean {
    const { subject, state, at } = toldBy(job);
    const row = this.#rows.get(`order/${subject}`);
    return row !== undefined && (row.at > at || (row.at === at && row.state === state));
  }
}
