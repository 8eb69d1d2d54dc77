import * as z from 'zod';
import { defineJob } from './define-job.ts';

/** Applies an event that a provider sent us, in the provider's own order: one that comes late changes nothing. */
export const processWebhook = defineJob({
  type: 'process-webhook',
  payload: z.object({
    /** One of `shared/webhooks/providers.ts`. */
    provider: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be the name of a provider'),
    /** The provider's own, the same at each of its retries. */
    eventId: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 visible ASCII characters'),
    /** As it was signed, without what varies between the provider's retries. */
    event: z.record(z.string(), z.unknown()),
  }),
  key: ({ provider, eventId }) => `${provider}/${eventId}`,
});
