import {
  type SendMessageBatchRequestEntry,
  type SendMessageBatchResult,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach } from 'vitest';
import * as z from 'zod';
import { Publisher } from '../../../shared/client/publisher.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import type { JobMessage } from '../../../shared/jobs/message.ts';
import { openSqs, serveSqs } from '../../local/sqs/sqs-lab.ts';

export const note = defineJob({
  type: 'note',
  payload: z.object({ name: z.string(), text: z.string().default('') }),
  key: ({ name }) => name,
});

export const cloud = openSqs();
const served = await serveSqs(cloud);
export const clients: SQSClient[] = [];
afterEach(() => {
  cloud.sqs.intercept = undefined;
  for (const client of clients.splice(0)) client.destroy();
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await cloud[Symbol.asyncDispose]();
});

let made = 0;

/** A queue of its own, the publisher that sends to it, and what either saw. */
export function inbox(settings: ConstructorParameters<typeof SQSClient>[0] = {}) {
  const name = `inbox-${++made}`;
  const queueUrl = cloud.sqs.createQueue(name);
  const sqs = new SQSClient({
    endpoint: served.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    ...settings,
  });
  clients.push(sqs);
  const batches: number[] = [];
  observe(sqs, (entries) => batches.push(entries.length));
  const pausesMs: number[] = [];
  const publisher = new Publisher({
    sqs,
    source: '/test',
    queueUrl: () => queueUrl,
    now: () => Date.parse('2026-03-01T12:00:00Z'),
    sleep: async (milliseconds) => void pausesMs.push(milliseconds),
  });
  const received = async () => {
    const messages = await cloud.sqs.receive(cloud.sqs.arnOf(name), { maxMessages: 1000 });
    return messages.map((message) => ({ ...message, event: JSON.parse(message.body) as JobMessage }));
  };
  return { sqs, publisher, batches, pausesMs, received };
}

/** Shows each try of a batch as it leaves the SDK. */
function observe(sqs: SQSClient, seen: (entries: SendMessageBatchRequestEntry[]) => void): void {
  sqs.middlewareStack.add(
    (next) => async (args) => {
      const { Entries } = args.input as { Entries?: SendMessageBatchRequestEntry[] };
      if (Entries) seen(Entries);
      return next(args);
    },
    { step: 'initialize', priority: 'high' },
  );
}

/** SQS takes those entries and answers for the others as `answer` says, or not at all. */
export function refuseSome(
  sqs: SQSClient,
  refused: (event: JobMessage) => boolean,
  answer?: { readonly Code: string; readonly Message?: string; readonly SenderFault?: boolean },
): void {
  sqs.middlewareStack.add(
    (next) => async (args) => {
      const { Entries = [], ...input } = args.input as { Entries?: SendMessageBatchRequestEntry[] };
      const held = Entries.filter(({ MessageBody = '' }) => refused(JSON.parse(MessageBody) as JobMessage));
      const left = Entries.filter((entry) => !held.includes(entry));
      const Failed = answer ? held.map(({ Id }) => ({ Id, SenderFault: false, ...answer })) : [];
      if (left.length === 0) return { response: {}, output: { $metadata: {}, Successful: [], Failed } };
      const done = await next({ ...args, input: { ...input, Entries: left } as typeof args.input });
      const output = done.output as SendMessageBatchResult;
      Object.assign(output, { Failed: [...(output.Failed ?? []), ...Failed] });
      return done;
    },
    { step: 'initialize', priority: 'low' },
  );
}

/** SQS does what it is told, and its answer never arrives. */
export function loseAnswers(sqs: SQSClient, most = Number.POSITIVE_INFINITY): void {
  let lost = 0;
  sqs.middlewareStack.add(
    (next) => async (args) => {
      const done = await next(args);
      if (lost++ < most) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
      return done;
    },
    { step: 'deserialize', priority: 'high' },
  );
}

export const notes = (...names: string[]) =>
  names.map((name) => ({ payload: { name } as { name: string; text?: string }, id: `id-${name}` }));
export const numbered = (count: number) => notes(...Array.from({ length: count }, (_, index) => `n${index}`));
