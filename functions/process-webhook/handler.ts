import { consume, documentClient, PermanentError } from '../../shared/consumer/index.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { processWebhook } from '../../shared/jobs/process-webhook.ts';
import { MalformedEvent } from '../../shared/webhooks/provider.ts';
import { providerByName } from '../../shared/webhooks/providers.ts';
import { WebhookStates } from './webhook-states.ts';

const states = new WebhookStates(documentClient(), required(tableVariable('webhook-states')));

/** Reads the event here and not in the ingress: what it was read wrongly for is mended and redriven, and the provider need not send it again. */
export const handler = consume(processWebhook, async ({ provider: name, eventId, event }, { signal }) => {
  const provider = providerByName(name);
  if (!provider)
    throw new PermanentError(`There is no provider ${name}: add it to shared/webhooks/providers.ts.`, {
      code: 'UNKNOWN_PROVIDER',
    });
  try {
    const change = provider.changeOf(event);
    if (!change) return { ignored: provider.typeOf(event) };
    return await states.apply({ ...change, provider: name, eventId }, signal);
  } catch (error) {
    if (!(error instanceof MalformedEvent)) throw error;
    throw new PermanentError(`The event is not as ${name} documents it: ${error.message}`, {
      code: error.code,
      cause: error,
    });
  }
});
