/**
 * `npm run bench:webhooks`: deliveries to ten receivers of which two are down, one hangs and one redirects to an internal address, beside the same
 * deliveries to ten that are well. docs/benchmarks.md says how to read it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { allowLoopback } from '../cli/webhooks.ts';
import type { Behaviour } from '../samples/webhook-receiver/behaviour.ts';
import type { Receiver } from '../samples/webhook-receiver/receiver.ts';
import { WebhookReceivers } from '../samples/webhook-receiver/webhook-receivers.ts';
import { registerEndpoint } from '../shared/client/endpoints.ts';
import { JobLookup } from '../shared/client/job-lookup.ts';
import { Publisher } from '../shared/client/publisher.ts';
import { deliverWebhook } from '../shared/jobs/deliver-webhook.ts';
import { functionName, queueName } from '../shared/jobs/names.ts';
import { type EmbeddedCloud, startEmbeddedCloud } from './embedded-cloud.ts';
import { messagesOn, queueUrlOf } from './jobs-per-second.ts';
import { measured, printMachine, printTable, short, spread } from './report.ts';
import { CREDENTIALS, REGION } from './target.ts';

const STAGE = 'bench';
const LOOK_EVERY_MS = 25;
/** Start the functions' threads, before anybody is unwell. */
const WARM_EVENTS = 20;
const EVENT = 'event';

/** What befalls a receiver of the unwell ten; the others are well. */
const UNWELL: readonly { readonly how: string; readonly behaviour: Behaviour }[] = [
  { how: 'down (503)', behaviour: { answer: 'unavailable' } },
  { how: 'down (connection broken)', behaviour: { answer: 'dropped' } },
  { how: 'hangs', behaviour: { answer: 'forgotten' } },
  { how: 'redirects to an internal address', behaviour: { answer: 'redirected' } },
];
const RECEIVERS = 10;
const WELL = RECEIVERS - UNWELL.length;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    deliveries: { type: 'string', default: '5000' },
    /** Deliveries at a time: as many as the mapping allows where that is less. */
    workers: { type: 'string', default: '16' },
  },
});
const events = Math.round(Number(values.deliveries) / RECEIVERS);

/** How it went for the receivers that are well in both cases. */
interface Round {
  /** Deliveries a second, all of them together. */
  readonly rate: number;
  /** Seconds from the publish to each delivery. */
  readonly median: number;
  readonly slowest: number;
  /** Requests that the unwell ones got. */
  readonly toUnwell: number;
}

printMachine();
const rounds: Record<'well' | 'unwell', Round[]> = { well: [], unwell: [] };
let internal = 0;
let kept = 0;
for (let round = 0; round < Number(values.rounds); round++)
  for (const kind of ['well', 'unwell'] as const) rounds[kind].push(await measure(kind === 'unwell'));

const column = (of: (round: Round) => number): string[] => {
  const [well, unwell] = [measured(rounds.well.map(of)), measured(rounds.unwell.map(of))];
  return [spread(well), spread(unwell), `${short(unwell.median / well.median)}×`];
};
printTable(
  [`the ${WELL} that are well`, 'all ten are well', 'four are not', 'ratio'],
  [
    ['deliveries/s, to the last of them', ...column(({ rate }) => rate)],
    ['publish to delivery, median, s', ...column(({ median }) => median)],
    ['publish to delivery, slowest, s', ...column(({ slowest }) => slowest)],
  ],
);
printTable(
  ['the four that are not', 'while the others were served'],
  [
    ['requests to them', spread(measured(rounds.unwell.map(({ toUnwell }) => toUnwell)))],
    ['requests to the internal address', String(internal)],
    ['deliveries to them that are kept', `${kept} of ${events * UNWELL.length * rounds.unwell.length}`],
  ],
);
if (internal > 0 || kept < events * UNWELL.length * rounds.unwell.length) process.exitCode = 1;

/** A cloud of its own each time: what is left of the unwell ones' deliveries is in nobody's way. */
async function measure(isUnwell: boolean): Promise<Round> {
  const cloud = await startEmbeddedCloud(
    { program: 'infra/app.ts', stage: STAGE },
    { maxWorkers: Number(values.workers) },
  );
  const receivers = await WebhookReceivers.start();
  try {
    await allow(cloud);
    const all = await Promise.all(
      Array.from({ length: RECEIVERS }, (_, index) => register(receivers, cloud, index)),
    );
    await publish(cloud, 'warm', WARM_EVENTS);
    await served(all, WARM_EVENTS);
    for (const [index, { behaviour }] of UNWELL.entries()) if (isUnwell) all[index]?.behave(behaviour);
    const startMs = Date.now();
    await publish(cloud, EVENT, events);
    const [unwell, well] = [all.slice(0, UNWELL.length), all.slice(UNWELL.length)];
    await served(well, WARM_EVENTS + events);
    const seconds = arrivals(well)
      .map((atMs) => (atMs - startMs) / 1000)
      .toSorted((a, b) => a - b);
    const slowest = seconds.at(-1) ?? Number.NaN;
    if (isUnwell) {
      internal += receivers.internalRequests;
      kept += await keptOf(cloud);
    }
    return {
      rate: seconds.length / slowest,
      median: seconds[Math.floor(seconds.length / 2)] ?? Number.NaN,
      slowest,
      toUnwell: unwell.reduce((sum, { requests }) => sum + requests - WARM_EVENTS, 0),
    };
  } finally {
    await cloud.stop();
    await receivers.stop();
  }
}

async function allow({ endpoint }: EmbeddedCloud): Promise<void> {
  const lambda = new LambdaClient({ endpoint, region: REGION, credentials: CREDENTIALS });
  await allowLoopback(lambda, functionName(STAGE, deliverWebhook.type));
  lambda.destroy();
}

/** A tenant each. */
async function register(
  receivers: WebhookReceivers,
  { dynamo }: EmbeddedCloud,
  index: number,
): Promise<Receiver> {
  const receiver = receivers.open(`r-${index}`);
  const { secret } = await registerEndpoint(
    { tenant: `tenant-${index}`, endpointId: 'main', url: receiver.url, eventTypes: ['*'] },
    { dynamo, stage: STAGE, now: Date.now, allowLoopback: true },
  );
  receiver.trust(secret);
  return receiver;
}

/** Each event to each receiver, the receivers in turn. */
async function publish({ sqs }: EmbeddedCloud, name: string, count: number): Promise<void> {
  const queueUrl = await queueUrlOf(sqs, queueName(STAGE, deliverWebhook.type));
  const publisher = new Publisher({ sqs, source: '/bench', queueUrl: () => queueUrl });
  const occurredAt = new Date().toISOString();
  const publications = Array.from({ length: count * RECEIVERS }, (_, index) => {
    const tenant = `tenant-${index % RECEIVERS}`;
    const number = Math.floor(index / RECEIVERS);
    const event = { id: `${name}-${number}`, type: 'order.placed', occurredAt, data: { number } };
    return { payload: { tenant, endpointId: 'main', event }, partitionKey: tenant };
  });
  const { notAccepted } = await publisher.publishMany(deliverWebhook, publications);
  if (notAccepted[0])
    throw new Error(`${notAccepted.length} deliveries were not accepted: ${notAccepted[0].message}`);
}

/** When each event of the measurement came first. */
function arrivals(receivers: readonly Receiver[]): number[] {
  return receivers.flatMap(({ events: taken }) =>
    taken.filter(({ id }) => id.startsWith(EVENT)).map(({ firstAtMs }) => firstAtMs),
  );
}

async function served(receivers: readonly Receiver[], count: number): Promise<void> {
  while (receivers.some(({ events: taken }) => taken.length < count)) await sleep(LOOK_EVERY_MS);
  const wrong = receivers.flatMap(({ refused }) => refused);
  if (wrong[0]) throw new Error(`${wrong.length} deliveries were not rightly signed: ${wrong[0]}`);
}

/** How many of the unwell ones' deliveries are neither lost nor given up: begun ones by their records, the others by their messages. */
async function keptOf({ sqs, dynamo }: EmbeddedCloud): Promise<number> {
  const isTheirs = UNWELL.map((_, index) => `${deliverWebhook.type}#tenant-${index}/main/${EVENT}-`);
  let [waiting, ended] = [0, 0];
  for await (const { pk, state } of new JobLookup(dynamo, STAGE).all()) {
    if (!isTheirs.some((begin) => pk.startsWith(begin))) continue;
    if (state === 'dead' || state === 'completed') ended++;
    else waiting++;
  }
  const notBegun = events * UNWELL.length - waiting - ended;
  const queueUrl = await queueUrlOf(sqs, queueName(STAGE, deliverWebhook.type));
  return waiting + Math.min(notBegun, await messagesOn(sqs, queueUrl));
}
