import * as z from 'zod';
import { defineJob } from './define-job.ts';
import { schedule } from './schedule.ts';
import { endpointId, tenantId, webhookEvent } from './webhook-event.ts';

/** From the look-up of the name to the status; Standard Webhooks advises 15 to 30 s. */
export const ANSWER_SECONDS = 15;

/** Tells one endpoint of one event. */
export const deliverWebhook = defineJob({
  type: 'deliver-webhook',
  payload: z.object({ tenant: tenantId, endpointId, event: webhookEvent }),
  key: ({ tenant, endpointId: endpoint, event: { id } }) => `${tenant}/${endpoint}/${id}`,
  // The answer, and what is written before and after it.
  timeoutSeconds: ANSWER_SECONDS + 10,
  // The sample of Standard Webhooks: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
  schedule: schedule([5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600]),
  // Ten a batch, as by default. Its deliveries wait side by side, so that one server that hangs keeps a slot for 15 s and no neighbour waiting; one message
  // a batch, it would keep a slot just as long, and the others would wait one after the other (docs/decisions/0016 has the measurement).
  // So many slots, since they wait and do not work: all of them hang only where so many batches met an endpoint before its first time-out was known.
  maxConcurrency: 50,
  // Two for each rest of its endpoint, of which there are 240 at most in the five days until that is disabled.
  mostDeferrals: 1000,
});
