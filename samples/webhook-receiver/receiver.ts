import { Webhook } from 'standardwebhooks';
import type { Behaviour } from './behaviour.ts';

/** An event that a receiver has taken, however often it came. */
export interface TakenEvent {
  /** Its `webhook-id`, by which a second delivery is known. */
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  /** When it came first, milliseconds since the epoch. */
  readonly firstAtMs: number;
  /** How often it came with a right signature. */
  readonly deliveries: number;
  /** Of each delivery, the time that its signature bears, in seconds since the epoch. */
  readonly signedAt: readonly number[];
}

/** A delivery as HTTP brings it. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One delivery of an event that was taken. */
export type TakenDelivery = Pick<TakenEvent, 'id' | 'type' | 'data'> & {
  readonly atMs: number;
  readonly signedAt: number;
};

interface ReceiverOptions {
  /** Milliseconds since the epoch, by which a signature is too old or too new. */
  readonly now: () => number;
  /** Told of each delivery that is taken. */
  readonly onTaken: (delivery: TakenDelivery) => void;
}

/** A customer's endpoint: verifies what comes as the Standard Webhooks library does, and takes each event once, by its `webhook-id`. */
export class Receiver {
  readonly name: string;
  readonly url: string;
  readonly #now: () => number;
  readonly #onTaken: ReceiverOptions['onTaken'];
  readonly #taken = new Map<string, TakenEvent>();
  #webhooks: readonly Webhook[] = [];
  #behaviour: Behaviour | undefined;
  /** How many requests the behaviour has befallen. */
  #befallen = 0;
  #requests = 0;
  #refused: string[] = [];

  constructor(name: string, url: string, { now, onTaken }: ReceiverOptions) {
    this.name = name;
    this.url = url;
    this.#now = now;
    this.#onTaken = onTaken;
  }

  /** What it verifies by from now on: the secret that its owner was shown, or two while one is rotated. */
  trust(...secrets: readonly string[]): void {
    this.#webhooks = secrets.map((secret) => new Webhook(secret));
  }

  /** Sets how it is from now on. @default well */
  behave(behaviour?: Behaviour): void {
    this.#behaviour = behaviour;
    this.#befallen = 0;
  }

  /** Every event that it has taken, in order of the first time. */
  get events(): readonly TakenEvent[] {
    return [...this.#taken.values()];
  }

  /** How many requests came, whatever became of them. */
  get requests(): number {
    return this.#requests;
  }

  /** Why deliveries were refused whose signature is not right. */
  get refused(): readonly string[] {
    return this.#refused;
  }

  /** What befalls the request that has just come. */
  meet(): Behaviour | undefined {
    this.#requests++;
    const behaviour = this.#behaviour;
    if (!behaviour || this.#befallen >= (behaviour.times ?? Number.POSITIVE_INFINITY)) return undefined;
    this.#befallen++;
    return behaviour;
  }

  /** @returns whether the delivery is what its sender signed */
  take({ headers, body }: Delivery): boolean {
    const reason = this.#flawIn({ headers, body });
    if (reason !== undefined) {
      this.#refused.push(reason);
      return false;
    }
    const { type, data } = JSON.parse(body) as { type: string; data: unknown };
    const signedAt = Number(headers['webhook-timestamp']);
    const delivery = { id: headers['webhook-id'] ?? '', type, data, atMs: this.#now(), signedAt };
    this.remember(delivery);
    this.#onTaken(delivery);
    return true;
  }

  remember({ id, type, data, atMs, signedAt }: TakenDelivery): void {
    const before = this.#taken.get(id);
    this.#taken.set(id, {
      id,
      type,
      data,
      firstAtMs: before?.firstAtMs ?? atMs,
      deliveries: (before?.deliveries ?? 0) + 1,
      signedAt: [...(before?.signedAt ?? []), signedAt],
    });
  }

  #flawIn({ headers, body }: Delivery): string | undefined {
    const flaws = this.#webhooks.map((webhook) => {
      try {
        at(this.#now(), () => webhook.verify(body, headers));
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    });
    return flaws.includes(undefined) ? undefined : (flaws[0] ?? 'no secret is known');
  }
}

/** The library reads this machine's clock, and a local cloud may be days ahead of it. */
function at<Result>(nowMs: number, look: () => Result): Result {
  const { now } = Date;
  Date.now = () => nowMs;
  try {
    return look();
  } finally {
    Date.now = now;
  }
}
