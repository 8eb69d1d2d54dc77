import * as z from 'zod';
import { defineJob } from './define-job.ts';
import { tenantId, webhookEvent } from './webhook-event.ts';

/** Tells of an event each endpoint of its tenant that asks for its type: a `deliver-webhook` job for each. */
export const fanOutEvent = defineJob({
  type: 'fan-out-event',
  payload: z.object({ tenant: tenantId, event: webhookEvent }),
  key: ({ tenant, event }) => `${tenant}/${event.id}`,
});
