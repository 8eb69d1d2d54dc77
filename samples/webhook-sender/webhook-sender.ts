import { randomBytes } from 'node:crypto';
import { type OutgoingEvent, type ProviderName, requestOf } from './outgoing.ts';

export interface WebhookSenderOptions {
  /** Where a provider sends its events. */
  readonly urlOf: (provider: ProviderName) => string;
  /** Milliseconds since the epoch, as the receiver has it. @default this machine's time */
  readonly now?: () => number;
  /** Lets so many seconds pass between two tries. */
  readonly wait: (seconds: number) => Promise<void>;
  /** Keeps time from running ahead while a request is under way, or its signature would be old when it comes; returns the release. @default time goes on */
  readonly hold?: () => () => void;
}

/** What became of an event that was sent once. */
export interface SentEvent {
  readonly outgoing: OutgoingEvent;
  /** The status of each try's answer; 0 where none came. */
  readonly answers: readonly number[];
}

/** Seconds between the tries. Providers try for days; here that is long enough to outlive an outage of the sample day. */
const PAUSES_SECONDS = [5, 30, 120, 300, 900];
const ANSWER_MS = 30_000;

/** Providers that send us webhooks, on this machine: each try is signed anew, and whatever is not answered by a 2xx is sent again. */
export class WebhookSender {
  readonly secrets: Readonly<Record<ProviderName, string>> = {
    'acme-shop': newSecret(),
    stripe: newSecret(),
  };
  readonly #options: WebhookSenderOptions;
  readonly #sent: SentEvent[] = [];

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  /** What was sent, in order of its last answer. */
  get sent(): readonly SentEvent[] {
    return this.#sent;
  }

  /** Sends an event until it is taken, or no try is left. A forger tries until there is an answer that is no 5xx. */
  async send(outgoing: OutgoingEvent): Promise<SentEvent> {
    const answers: number[] = [];
    for (;;) {
      const status = await this.#try(outgoing, answers.length);
      answers.push(status);
      const pause = PAUSES_SECONDS[answers.length - 1];
      if (isTaken(status) || (outgoing.forgery && status >= 400 && status < 500) || pause === undefined)
        break;
      await this.#options.wait(pause);
    }
    const sent = { outgoing, answers };
    this.#sent.push(sent);
    return sent;
  }

  async #try(outgoing: OutgoingEvent, tries: number): Promise<number> {
    const { urlOf, now = () => Date.now(), hold } = this.#options;
    const { provider } = outgoing;
    const release = hold?.();
    try {
      const response = await fetch(urlOf(provider), {
        method: 'POST',
        ...requestOf(outgoing, this.secrets[provider], now(), tries),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      await response.body?.cancel();
      return response.status;
    } catch {
      return 0;
    } finally {
      release?.();
    }
  }
}

export function isTaken(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

/** As both providers show it at registration. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
