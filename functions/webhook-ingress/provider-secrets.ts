import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { webhookSecretName } from '../../shared/jobs/names.ts';
import type { WebhookProvider } from '../../shared/webhooks/provider.ts';

/** How long a secret that was taken out may still verify. */
const CACHED_MS = 5 * 60_000;
/** Whoever sends wrong signatures causes no more reads than this; and how long a new secret may go unseen. */
const ANEW_AFTER_MS = 30_000;

/** A read that failed is not tried again before: it may take seconds, and anybody may ask for it. */
const FAILED_FOR_MS = 5000;

const secret = z.object({ secrets: z.array(z.string()) });

/** The signing secrets of a provider cannot be had: the request can be neither taken nor refused. */
export class SecretsUnavailable extends Error {
  override readonly name = 'SecretsUnavailable';
}

interface Read {
  readonly atMs: number;
  readonly secrets: readonly string[];
}

interface Failed {
  readonly atMs: number;
  readonly error: SecretsUnavailable;
}

/** The signing secrets that an operator fills in, read when they are needed. */
export class ProviderSecrets {
  readonly #client: SecretsManagerClient;
  readonly #stage: string;
  readonly #read = new Map<string, Read>();
  readonly #failed = new Map<string, Failed>();

  constructor(client: SecretsManagerClient, stage: string) {
    this.#client = client;
    this.#stage = stage;
  }

  /** Those that verify now: one, or more during a rotation. @throws SecretsUnavailable */
  async current(provider: WebhookProvider): Promise<readonly string[]> {
    const known = this.#read.get(provider.name);
    const isFresh = known && Date.now() - known.atMs < (known.secrets.length > 0 ? CACHED_MS : ANEW_AFTER_MS);
    return this.#filledIn(provider, isFresh ? known : await this.#readAnew(provider));
  }

  /**
   * Those that verify by now, after the ones before did not: so a new secret works at once.
   *
   * @returns `undefined` when they were read a moment ago
   * @throws SecretsUnavailable
   */
  async anew(provider: WebhookProvider): Promise<readonly string[] | undefined> {
    const known = this.#read.get(provider.name);
    if (known && Date.now() - known.atMs < ANEW_AFTER_MS) return undefined;
    return this.#filledIn(provider, await this.#readAnew(provider));
  }

  #filledIn(provider: WebhookProvider, { secrets }: Read): readonly string[] {
    if (secrets.length > 0) return secrets;
    throw new SecretsUnavailable(
      `The secret ${webhookSecretName(this.#stage, provider.name)} holds no signing secret of ${provider.name}: put {"secrets": ["…"]} into it.`,
    );
  }

  async #readAnew(provider: WebhookProvider): Promise<Read> {
    const failed = this.#failed.get(provider.name);
    if (failed && Date.now() - failed.atMs < FAILED_FOR_MS) throw failed.error;
    const SecretId = webhookSecretName(this.#stage, provider.name);
    let text: string;
    try {
      ({ SecretString: text = '' } = await this.#client.send(new GetSecretValueCommand({ SecretId })));
    } catch (cause) {
      const error = new SecretsUnavailable(`The secret ${SecretId} cannot be read.`, { cause });
      this.#failed.set(provider.name, { atMs: Date.now(), error });
      throw error;
    }
    const read = { atMs: Date.now(), secrets: secretsIn(text).filter((one) => provider.isSecret(one)) };
    this.#read.set(provider.name, read);
    return read;
  }
}

function secretsIn(text: string): readonly string[] {
  try {
    return secret.safeParse(JSON.parse(text)).data?.secrets ?? [];
  } catch {
    return [];
  }
}
