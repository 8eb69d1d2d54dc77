import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { RetryAfter } from '../../shared/consumer/index.ts';

/** Where the card provider is, and the key that it knows us by. */
export interface ProviderSettings {
  /** Ends in `/`. */
  readonly url: string;
  readonly apiKey: string;
}

/** How long a new value may go unseen. A key that the provider refuses is read anew at once. */
const CACHED_MS = 5 * 60_000;
/** A person has to act first. */
const LOOK_AGAIN_SECONDS = 900;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

const settings = z.object({
  url: z
    .string()
    .refine(isSafe)
    .transform((url) => (url.endsWith('/') ? url : `${url}/`)),
  /** Visible ASCII: it goes into a header. */
  apiKey: z.string().regex(/^[\x21-\x7e]{1,1000}$/),
});

/** The secret that an operator fills in, read when it is needed. */
export class ProviderSecret {
  /** The secret's name, for messages to people. */
  readonly name: string;
  readonly #client: SecretsManagerClient;
  #cached: { readonly settings: ProviderSettings; readonly untilMs: number } | undefined;

  constructor(client: SecretsManagerClient, name: string) {
    this.#client = client;
    this.name = name;
  }

  /** @throws RetryAfter while it cannot be read or is not filled in: no job is lost for want of a setting */
  async current(): Promise<ProviderSettings> {
    if (this.#cached && Date.now() < this.#cached.untilMs) return this.#cached.settings;
    const read = settings.safeParse(json(await this.#read()));
    if (!read.success)
      throw new RetryAfter(
        LOOK_AGAIN_SECONDS,
        `The secret ${this.name} is not filled in: put {"url": "https://…", "apiKey": "…"} into it. The job waits meanwhile.`,
      );
    this.#cached = { settings: read.data, untilMs: Date.now() + CACHED_MS };
    return read.data;
  }

  /** The next call reads it anew. */
  forget(): void {
    this.#cached = undefined;
  }

  /** What a job waits for whose key the provider does not take. */
  refused(): RetryAfter {
    return new RetryAfter(
      LOOK_AGAIN_SECONDS,
      `The card provider refuses the API key: put a valid one into the secret ${this.name}. The job waits meanwhile.`,
    );
  }

  async #read(): Promise<string> {
    try {
      const { SecretString = '' } = await this.#client.send(
        new GetSecretValueCommand({ SecretId: this.name }),
      );
      return SecretString;
    } catch (cause) {
      throw new RetryAfter(60, `The secret ${this.name} cannot be read.`, { cause });
    }
  }
}

/** Card tokens and our key go over TLS; a provider on this machine needs none. */
function isSafe(text: string): boolean {
  const url = URL.parse(text);
  if (!url) return false;
  const { username, password, search, hash } = url;
  if (username + password + search + hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
