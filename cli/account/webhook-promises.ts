import { isTaken, type SentEvent } from '../../samples/webhook-sender/webhook-sender.ts';
import { type JobRecord, jobPartitionKey } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import type { WebhookEvent } from '../../shared/jobs/webhook-event.ts';
import { type WebhookEndpoint, wantsType } from '../../shared/webhooks/endpoint.ts';
import type { Change } from '../../shared/webhooks/provider.ts';
import { providerByName } from '../../shared/webhooks/providers.ts';
import { reaches } from '../../shared/webhooks/states.ts';
import type { FeedEntry } from '../feed.ts';
import { completedJobs, hasEnded } from './completed-jobs.ts';
import type { Evidence } from './evidence.ts';
import type { Promised } from './promises.ts';
import type { CustomerFacts, WebhookEvidence } from './webhook-evidence.ts';

/** Holds what providers and tenants say against our records and tables. */
export function judgeWebhooks(
  accepted: readonly FeedEntry[],
  { records }: Pick<Evidence, 'records'>,
  webhooks: WebhookEvidence,
): Promised[] {
  return [
    everyWebhookWasTaken(records, webhooks),
    statesAreOfTheNewestEvents(records, webhooks),
    everyEventWasDelivered(accepted, records, webhooks),
    nothingReachedTheInternalAddress(webhooks),
  ];
}

/** Why a delivery may die: its endpoint is gone, or was disabled for that. */
const OF_NO_ENDPOINT: ReadonlySet<string> = new Set(['HTTP_410', 'ENDPOINT_DISABLED']);

function jobOf({ outgoing: { provider, id } }: SentEvent): string {
  return jobPartitionKey(JOBS.processWebhook.type, `${provider}/${id}`);
}

function everyWebhookWasTaken(records: Evidence['records'], { sent }: WebhookEvidence): Promised {
  const broken = sent.flatMap((event) => {
    const { outgoing, answers } = event;
    const name = `${outgoing.provider}'s event ${outgoing.id}`;
    const record = records.get(jobOf(event));
    if (outgoing.forgery) {
      if (record) return [`${name} was ${outgoing.forgery}, and there is a job for it`];
      const status = answers.at(-1);
      return status === 400 || status === 401
        ? []
        : [`${name} was ${outgoing.forgery}, and was answered ${status}`];
    }
    if (!isTaken(answers.at(-1))) return [`${name} was never taken: ${answers.join(', ')}`];
    return hasEnded(record) ? [] : [`${name} was taken, and its job is ${record?.state ?? 'not there'}`];
  });
  const forged = sent.filter(({ outgoing }) => outgoing.forgery).length;
  return {
    promise: 'Every webhook of a provider was taken and ended, and nothing that others forged',
    checked: `${sent.length - forged} sent, ${forged} forged`,
    broken,
  };
}

/** The newest event of each subject that is no impossible one, read again and put in order here. */
function statesAreOfTheNewestEvents(
  records: Evidence['records'],
  { sent, states }: WebhookEvidence,
): Promised {
  const expected = new Map<string, Change>();
  for (const event of sent) {
    const { provider, event: body, forgery } = event.outgoing;
    const change = forgery ? undefined : providerByName(provider)?.changeOf(body);
    if (!change || records.get(jobOf(event))?.state !== 'completed') continue;
    const subject = `${change.subject.kind}/${change.subject.id}`;
    const before = expected.get(subject);
    if (!before || isAfter(change, before)) expected.set(subject, change);
  }
  const held = new Map(states.map(({ subject, state }) => [subject, state]));
  return {
    promise: 'Each payment and order of a provider is as its newest event says, in whatever order they came',
    checked: `${expected.size} of them`,
    broken: [...expected].flatMap(([subject, { state }]) =>
      held.get(subject) === state
        ? []
        : [`${subject} is ${held.get(subject) ?? 'not there'}, its newest event says ${state}`],
    ),
  };
}

function isAfter(change: Change, before: Change): boolean {
  if (change.at !== before.at) return change.at > before.at;
  return reaches(change.subject.kind, before.state, change.state);
}

/** Each event that fanned out, at each endpoint that asked for it. */
function everyEventWasDelivered(
  accepted: readonly FeedEntry[],
  records: Evidence['records'],
  { endpoints, customers }: WebhookEvidence,
): Promised {
  const published = [...completedJobs(accepted, JOBS.fanOutEvent.type, records).values()].map(
    ({ data }) => data as { readonly tenant: string; readonly event: WebhookEvent },
  );
  const told = published.flatMap(({ tenant, event }) =>
    endpoints
      .filter((endpoint) => endpoint.tenant === tenant && wantsType(endpoint, event.type))
      .map((endpoint) => ({ endpoint, event })),
  );
  let delivered = 0;
  const broken = told.flatMap(({ endpoint, event }) => {
    const { tenant, endpointId } = endpoint;
    const pk = jobPartitionKey(JOBS.deliverWebhook.type, `${tenant}/${endpointId}/${event.id}`);
    const record = records.get(pk);
    if (record?.state === 'completed') delivered++;
    const customer = customers.find((one) => one.tenant === tenant && one.endpointId === endpointId);
    return customer ? amiss(pk, record, { endpoint, event, customer }) : [];
  });
  for (const { tenant, endpointId, events, refused } of customers) {
    const name = `${tenant}/${endpointId}`;
    broken.push(...refused.map((reason) => `${name} was sent what is not rightly signed: ${reason}`));
    for (const { id } of events)
      if (!records.has(jobPartitionKey(JOBS.fanOutEvent.type, `${tenant}/${id}`)))
        broken.push(`${name} was told of ${id}, which nobody published`);
  }
  return {
    promise:
      'Every event reached each endpoint that asked for it, under one id and rightly signed, or the endpoint was disabled',
    checked: `${published.length} events, ${told.length} deliveries, ${delivered} completed, ${customers.reduce((sum, { requests }) => sum + requests, 0)} requests`,
    broken,
  };
}

function amiss(
  pk: string,
  record: JobRecord | undefined,
  facts: {
    readonly endpoint: WebhookEndpoint;
    readonly event: WebhookEvent;
    readonly customer: CustomerFacts;
  },
): string[] {
  const { endpoint, event, customer } = facts;
  if (!record) return endpoint.state === 'disabled' ? [] : [`${pk} was never published`];
  if (!hasEnded(record)) return [`${pk} is still ${record.state}`];
  if (record.state === 'dead')
    return OF_NO_ENDPOINT.has(record.verdict?.code ?? '') ? [] : [`${pk} died: ${record.verdict?.message}`];
  // Somebody cancelled it.
  if (record.state !== 'completed') return [];
  const taken = customer.events.filter(({ id }) => id === event.id);
  if (taken.length === 0) return [`${pk} completed, and its endpoint does not know the event`];
  return taken
    .filter(({ type, data }) => type !== event.type || JSON.stringify(data) !== JSON.stringify(event.data))
    .map(({ type }) => `${pk} brought another event than was published: ${type}`);
}

function nothingReachedTheInternalAddress({ internalRequests, customers }: WebhookEvidence): Promised {
  return {
    promise: 'Nothing reached the internal address that a receiver redirects to',
    checked: `${customers.length} receivers`,
    broken: internalRequests === 0 ? [] : [`${internalRequests} requests reached it`],
  };
}
