import { deliverWebhook } from '../jobs/deliver-webhook.ts';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import { issuesOf } from '../jobs/message.ts';
import { type WebhookEvent, webhookEvent } from '../jobs/webhook-event.ts';
import { type WebhookEndpoint, wantsType } from '../webhooks/endpoint.ts';
import { jsonOf } from '../webhooks/provider.ts';
import type { Publisher, PublishResult } from './publisher.ts';

/** A line that is no event. Nothing was published. */
export class NoEvent extends HonestJobsError {
  override readonly name = 'NoEvent';
  readonly code = 'NO_EVENT';
}

/** Reads events as their publisher keeps them, one a line: `{"id":…,"type":…,"occurredAt":…,"data":{…}}`. @throws NoEvent naming the first line that is none */
export function eventsOfLines(text: string): WebhookEvent[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const read = webhookEvent.safeParse(jsonOf(Buffer.from(line)));
    if (read.success) return [read.data];
    throw new NoEvent(`Line ${index + 1} is no event: ${issuesOf(read.error)}.`);
  });
}

/** Those of the events that the endpoint asks for, each once. */
export function eventsFor(endpoint: WebhookEndpoint, events: readonly WebhookEvent[]): WebhookEvent[] {
  const wanted = events.filter(({ type }) => wantsType(endpoint, type));
  return [...new Map(wanted.map((event) => [event.id, event])).values()];
}

/**
 * Delivers events to one endpoint alone, past `fan-out-event`: those that were published while it was disabled or not yet registered, of which it has no
 * delivery. One that it has taken is known by its key for as long as job records are kept, and changes nothing; one that is a dead letter begins a new life.
 */
export function replayEvents(
  { tenant, endpointId }: Pick<WebhookEndpoint, 'tenant' | 'endpointId'>,
  events: readonly WebhookEvent[],
  publisher: Pick<Publisher, 'publishMany'>,
): Promise<PublishResult> {
  return publisher.publishMany(
    deliverWebhook,
    events.map((event) => {
      const payload = { tenant, endpointId, event };
      return { payload, id: deliverWebhook.key(payload), partitionKey: tenant };
    }),
  );
}
