import { PublishError, type Publisher } from '../../shared/client/publisher.ts';
import { processWebhook } from '../../shared/jobs/process-webhook.ts';
import type { RefusalReason } from '../../shared/webhooks/metrics.ts';
import { type Refusal, unreadableBody, type WebhookProvider } from '../../shared/webhooks/provider.ts';
import { providerByName } from '../../shared/webhooks/providers.ts';
import { type ProviderSecrets, SecretsUnavailable } from './provider-secrets.ts';
import type { UrlRequest } from './url-request.ts';

/** Far more than any event, and what a job's message surely holds: the largest body in bytes. */
export const LARGEST_BODY_BYTES = 200_000;
/** What an unavailable service is given before the provider's next try. Most have a schedule of their own. */
const RETRY_AFTER_SECONDS = 60;

/** What the sender is told. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, string>>;
  /** Of what was not taken. */
  readonly because?: RefusalReason;
  /** For our own logs; never sent. */
  readonly cause?: unknown;
}

interface Environment {
  readonly secrets: ProviderSecrets;
  readonly publisher: Publisher;
  readonly nowMs: () => number;
}

/**
 * Takes one request: 202 once its event is in the queue, and never before; 4xx for what will never be taken as it is; 503 for what may be taken
 * later. The provider's own retries are the same job: same key, same payload.
 */
export async function receive(request: UrlRequest, environment: Environment): Promise<Answer> {
  const provider = providerByName(request.path.slice(1));
  if (!provider) return refused(404, 'provider', 'Nobody receives webhooks at this path.');
  if (request.method !== 'POST')
    return refused(405, 'method', 'Webhooks are sent by POST.', { allow: 'POST' });
  if (request.body.length > LARGEST_BODY_BYTES)
    return refused(
      413,
      'size',
      `The body has ${request.body.length} bytes; at most ${LARGEST_BODY_BYTES} are taken.`,
    );
  try {
    const refusal = await verified(provider, request, environment);
    return refusal ? refusedFor(refusal) : await queued(provider, request, environment.publisher);
  } catch (error) {
    if (error instanceof SecretsUnavailable)
      return unavailable('This address is not ready to verify signatures.', error);
    throw error;
  }
}

/** A signature that does not fit is looked at once more with secrets that were read anew: a rotation needs no deploy and no wait. */
async function verified(
  provider: WebhookProvider,
  { headers, body }: UrlRequest,
  { secrets, nowMs }: Environment,
): Promise<Refusal | undefined> {
  const refusal = provider.verify(headers, body, await secrets.current(provider), nowMs());
  if (refusal?.because !== 'signature') return refusal;
  const anew = await secrets.anew(provider);
  return anew ? provider.verify(headers, body, anew, nowMs()) : refusal;
}

async function queued(
  provider: WebhookProvider,
  { headers, body }: UrlRequest,
  publisher: Publisher,
): Promise<Answer> {
  const accepted = provider.accept(headers, body);
  if ('status' in accepted) return refusedFor(accepted);
  const { eventId, event } = accepted;
  const id = `${provider.name}:${eventId}`;
  try {
    await publisher.publish(
      processWebhook,
      { provider: provider.name, eventId, event: event as Record<string, unknown> },
      { id, partitionKey: provider.name },
    );
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    if (error.refusal.kind === 'invalid') return refusedFor(unreadableBody(error.refusal.message));
    return unavailable('The event could not be put into the queue.', error);
  }
  return { status: 202, headers: {}, body: { id } };
}

function refusedFor({ status, because, reason }: Refusal): Answer {
  return refused(status, because, reason);
}

function refused(
  status: number,
  because: RefusalReason,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers, body: { error }, because };
}

function unavailable(what: string, cause: unknown): Answer {
  const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) };
  return { ...refused(503, 'unavailable', `${what} Send it again later.`, headers), cause };
}
