import {
  type SendMessageBatchRequestEntry,
  type SendMessageBatchResult,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { AwsError } from '../../../local/kernel/errors.ts';
import { LARGEST_MESSAGE_BYTES, PublishError, Publisher } from '../../../shared/client/publisher.ts';
import { QueueNotFound, queueUrlsOfStage } from '../../../shared/client/queue-urls.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { type JobMessage, parseMessage } from '../../../shared/jobs/message.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { probe } from '../../lab/probe/contract.ts';
import { countOf } from '../../lab/probe/counts.ts';
import { openSqs, serveSqs } from '../../local/sqs/sqs-lab.ts';

const note = defineJob({
  type: 'note',
  payload: z.object({ name: z.string(), text: z.string().default('') }),
  key: ({ name }) => name,
});

const cloud = openSqs();
const served = await serveSqs(cloud);
const clients: SQSClient[] = [];
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
function inbox(settings: ConstructorParameters<typeof SQSClient>[0] = {}) {
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
function refuseSome(
  sqs: SQSClient,
  refused: (event: JobMessage) => boolean,
  answer?: { readonly Code: string; readonly Message?: string },
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
function loseAnswers(sqs: SQSClient, most = Number.POSITIVE_INFINITY): void {
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

const notes = (...names: string[]) =>
  names.map((name) => ({ payload: { name } as { name: string; text?: string }, id: `id-${name}` }));
const numbered = (count: number) => notes(...Array.from({ length: count }, (_, index) => `n${index}`));

describe('publishing many', () => {
  it('sends batches of ten, each job as a CloudEvent that the consumer can read', async () => {
    const { publisher, batches, received } = inbox();
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(23));
    expect(notAccepted).toEqual([]);
    expect(batches).toEqual([10, 10, 3]);
    const messages = await received();
    expect(messages).toHaveLength(23);
    expect(messages.every(({ body }) => parseMessage(body).ok)).toBe(true);
    expect(messages.find(({ event }) => event.id === 'id-n7')?.event).toEqual({
      specversion: '1.0',
      id: 'id-n7',
      source: '/test',
      type: 'note',
      time: '2026-03-01T12:00:00.000Z',
      datacontenttype: 'application/json',
      data: { name: 'n7' },
    });
    for (const { index, jobId, messageId } of accepted) {
      expect(jobId).toBe(`id-n${index}`);
      expect(messages.find((message) => message.messageId === messageId)?.event.id).toBe(jobId);
    }
    expect(accepted.map(({ index }) => index)).toEqual(Array.from({ length: 23 }, (_, index) => index));
  });

  it('ends a batch where 1 MiB would be passed', async () => {
    const { publisher, batches } = inbox();
    const text = 'x'.repeat(400_000);
    const publications = numbered(5).map(({ id, payload }) => ({ id, payload: { ...payload, text } }));
    const { accepted } = await publisher.publishMany(note, publications);
    expect(accepted).toHaveLength(5);
    expect(batches).toEqual([2, 2, 1]);
  });

  it('takes a message of 1 MiB less what a re-send adds, and none of a byte more', async () => {
    const { publisher, received } = inbox();
    const [empty] = notes('large');
    await publisher.publishMany(note, [{ id: 'id-large', payload: { name: 'large', text: '' } }]);
    const bare = Buffer.byteLength((await received())[0]?.body ?? '');
    const text = 'x'.repeat(LARGEST_MESSAGE_BYTES - bare);
    const { accepted, notAccepted } = await publisher.publishMany(note, [
      { ...empty, payload: { name: 'large', text } },
      { ...empty, payload: { name: 'large', text: `${text}x` } },
      ...notes('small'),
    ]);
    expect(accepted.map(({ index }) => index)).toEqual([0, 2]);
    expect(notAccepted).toMatchObject([
      {
        index: 1,
        code: 'TOO_LARGE',
        kind: 'invalid',
        message: expect.stringContaining('The message has 1048513 bytes; at most 1048512 go'),
      },
    ]);
  });

  it('sends the time after which a job is not worth doing, and refuses one that is none or has come', async () => {
    const { publisher, received } = inbox();
    const { notAccepted } = await publisher.publishMany(note, [
      { payload: { name: 'in-time' }, expiryTime: new Date('2026-03-01T12:00:00.001Z') },
      { payload: { name: 'now' }, expiryTime: new Date('2026-03-01T12:00:00Z') },
      { payload: { name: 'none' }, expiryTime: new Date('soon') },
    ]);
    expect(notAccepted).toMatchObject([
      {
        index: 1,
        code: 'INVALID_EXPIRY',
        message: expect.stringContaining('2026-03-01T12:00:00.000Z is not'),
      },
      { index: 2, code: 'INVALID_EXPIRY', message: 'The expiryTime is no time.' },
    ]);
    const bodies = (await received()).map(({ body }) => JSON.parse(body ?? '') as JobMessage);
    expect(bodies).toMatchObject([{ expirytime: '2026-03-01T12:00:00.001Z', data: { name: 'in-time' } }]);
  });

  it('asks for no queue when there is nothing to send', async () => {
    const { sqs } = inbox();
    const publisher = new Publisher({
      sqs,
      source: '/test',
      queueUrl: () => Promise.reject(new Error('asked')),
    });
    expect(await publisher.publishMany(note, [])).toEqual({ accepted: [], notAccepted: [] });
  });

  it('says that the queue is not there before it sends anything', async () => {
    const { sqs, batches } = inbox();
    const publisher = new Publisher({ sqs, source: '/test', queueUrl: queueUrlsOfStage(sqs, 'nowhere') });
    await expect(publisher.publishMany(note, numbered(1))).rejects.toBeInstanceOf(QueueNotFound);
    expect(batches).toEqual([]);
  });
});

describe('a batch that SQS refuses in part', () => {
  it('is tried again for what was refused, and answers in the order given', async () => {
    const { sqs, publisher, batches, pausesMs, received } = inbox();
    const seen = new Set<string>();
    const firstTime = ({ id }: JobMessage): boolean => !seen.has(id) && Boolean(seen.add(id));
    refuseSome(sqs, (event) => ['id-n0', 'id-n3'].includes(event.id) && firstTime(event), {
      Code: 'InternalError',
    });
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(5));
    expect(notAccepted).toEqual([]);
    expect(accepted.map(({ index, jobId }) => [index, jobId])).toEqual(
      [0, 1, 2, 3, 4].map((index) => [index, `id-n${index}`]),
    );
    expect(batches).toEqual([5, 2]);
    expect(pausesMs).toEqual([100]);
    expect((await received()).map(({ event }) => event.id).sort()).toEqual(numbered(5).map(({ id }) => id));
  });

  it('after three tries reports what is still refused, with the code of SQS', async () => {
    const { sqs, publisher, batches, pausesMs, received } = inbox();
    refuseSome(sqs, ({ id }) => id === 'id-n1', { Code: 'InternalError', Message: 'Try again.' });
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(3));
    expect(accepted.map(({ index }) => index)).toEqual([0, 2]);
    expect(notAccepted).toEqual([
      { index: 1, jobId: 'id-n1', code: 'InternalError', message: 'Try again.', kind: 'refused' },
    ]);
    expect(batches).toEqual([3, 1, 1]);
    expect(pausesMs).toEqual([100, 200]);
    expect(await received()).toHaveLength(2);
  });

  it('is unknown for what it says nothing of', async () => {
    const { sqs, publisher, batches } = inbox();
    refuseSome(sqs, ({ id }) => id === 'id-n1');
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(2));
    expect(accepted).toHaveLength(1);
    expect(notAccepted).toMatchObject([{ index: 1, code: 'NO_ANSWER', kind: 'unknown' }]);
    expect(batches).toEqual([2]);
  });

  it('is unknown for what was refused first and then lost its answer', async () => {
    const { sqs, publisher } = inbox();
    let tries = 0;
    refuseSome(sqs, () => tries++ === 0, { Code: 'InternalError' });
    loseAnswers(sqs);
    const { notAccepted } = await publisher.publishMany(note, numbered(1));
    expect(notAccepted).toMatchObject([{ index: 0, kind: 'unknown' }]);
  });

  it('is invalid, and not tried again, where the sender is at fault', async () => {
    const { publisher, batches, received } = inbox();
    // JSON can carry it, XML and so SQS cannot.
    const { accepted, notAccepted } = await publisher.publishMany(note, notes('before', '\uFFFE', 'after'));
    expect(accepted.map(({ index }) => index)).toEqual([0, 2]);
    expect(notAccepted).toMatchObject([{ index: 1, code: 'InvalidMessageContents', kind: 'invalid' }]);
    expect(batches).toEqual([3]);
    expect(await received()).toHaveLength(2);
  });
});

describe('a batch that SQS refuses as a whole', () => {
  it.each([
    ['ThrottlingException', 400],
    ['AccessDeniedException', 400],
    ['RequestThrottled', 403],
  ])('is tried three times and then reported as refused (%s)', async (code, status) => {
    const { publisher, batches, received } = inbox();
    cloud.sqs.intercept = (operation) => {
      if (operation === 'SendMessageBatch') throw new AwsError(code, 'Not now.', status);
    };
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(2));
    expect(accepted).toEqual([]);
    expect(notAccepted).toMatchObject([
      { index: 0, code, message: 'Not now.', kind: 'refused' },
      { index: 1, code, kind: 'refused' },
    ]);
    expect(batches).toEqual([2, 2, 2]);
    cloud.sqs.intercept = undefined;
    expect(await received()).toEqual([]);
  });

  it('goes through once the throttling has passed', async () => {
    const { publisher, received } = inbox();
    let calls = 0;
    cloud.sqs.intercept = (operation) => {
      if (operation === 'SendMessageBatch' && ++calls < 3)
        throw new AwsError('ThrottlingException', 'Not now.');
    };
    expect((await publisher.publishMany(note, numbered(2))).notAccepted).toEqual([]);
    expect(await received()).toHaveLength(2);
  });
});

describe('a batch without an answer', () => {
  it('is unknown when the answer is lost, though SQS took it, and is not sent again by itself', async () => {
    const { sqs, publisher, batches, received } = inbox();
    loseAnswers(sqs);
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(2));
    expect(accepted).toEqual([]);
    expect(notAccepted).toMatchObject([
      { index: 0, jobId: 'id-n0', message: 'socket hang up', kind: 'unknown' },
      { index: 1, jobId: 'id-n1', kind: 'unknown' },
    ]);
    expect(batches).toEqual([2]);
    expect(await received()).toHaveLength(2);
  });

  it('is unknown after a fault of the service', async () => {
    const { publisher } = inbox();
    cloud.sqs.intercept = () => {
      throw new AwsError('InternalFailure', 'Something broke.', 500);
    };
    const { notAccepted } = await publisher.publishMany(note, numbered(1));
    expect(notAccepted).toMatchObject([{ code: 'InternalFailure', kind: 'unknown' }]);
  });

  it('is unknown when nobody listens', async () => {
    const { publisher } = inbox({ endpoint: 'http://127.0.0.1:1' });
    const { notAccepted } = await publisher.publishMany(note, numbered(1));
    expect(notAccepted).toMatchObject([
      { kind: 'unknown', message: expect.stringContaining('ECONNREFUSED') },
    ]);
  });

  it('is unknown when the answer takes too long', async () => {
    const { publisher } = inbox({ requestHandler: { requestTimeout: 100, throwOnRequestTimeout: true } });
    let answer = (): void => {};
    cloud.sqs.intercept = () => new Promise((resume) => (answer = resume));
    const { notAccepted } = await publisher.publishMany(note, numbered(1));
    answer();
    expect(notAccepted).toMatchObject([{ code: 'TimeoutError', kind: 'unknown' }]);
  });

  it('leaves the batches after it their own answers', async () => {
    const { sqs, publisher } = inbox();
    loseAnswers(sqs, 1);
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(12));
    expect(notAccepted.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(accepted.map(({ index }) => index)).toEqual([10, 11]);
  });
});

describe('what the consumer could not read', () => {
  const loose = defineJob({ type: 'loose', payload: z.any(), key: (data) => String(data?.name ?? 'a') });
  const circular: Record<string, unknown> = {};
  circular.self = circular;

  it.each([
    [
      'a payload that fails its schema',
      note,
      { payload: { name: 7 as unknown as string } },
      'INVALID_PAYLOAD',
    ],
    ['a key that is empty', note, { payload: { name: '' } }, 'INVALID_KEY'],
    ['a key that is too long', note, { payload: { name: 'x'.repeat(1025) } }, 'INVALID_KEY'],
    ['a payload with a number that JSON has not', loose, { payload: { amount: 1n } }, 'INVALID_PAYLOAD'],
    ['a payload that holds itself', loose, { payload: circular }, 'INVALID_PAYLOAD'],
    [
      'a payload that its schema takes, but not once it was JSON',
      defineJob({ type: 'dated', payload: z.object({ at: z.date() }), key: () => 'a' }),
      { payload: { at: new Date(0) } },
      'INVALID_PAYLOAD',
    ],
    ['an empty id', note, { payload: { name: 'a' }, id: '' }, 'INVALID_ENVELOPE'],
    [
      'a trace context that is too long',
      note,
      { payload: { name: 'a' }, traceparent: 'x'.repeat(129) },
      'INVALID_ENVELOPE',
    ],
    ['an empty tenant', note, { payload: { name: 'a' }, partitionKey: '' }, 'INVALID_ENVELOPE'],
    ['a time that is none', note, { payload: { name: 'a' }, time: new Date(Number.NaN) }, 'INVALID_ENVELOPE'],
  ])('is invalid, and nothing of it is sent: %s', async (_what, job, publication, code) => {
    const { publisher, batches } = inbox();
    const { accepted, notAccepted } = await publisher.publishMany<unknown, unknown>(job as never, [
      publication as never,
    ]);
    expect(accepted).toEqual([]);
    expect(notAccepted).toMatchObject([{ index: 0, code, kind: 'invalid' }]);
    expect(batches).toEqual([]);
  });

  it('leaves its neighbours alone, and says which it was', async () => {
    const { publisher, received } = inbox();
    const { accepted, notAccepted } = await publisher.publishMany(note, notes('a', '', 'b', ''));
    expect(accepted.map(({ index }) => index)).toEqual([0, 2]);
    expect(notAccepted.map(({ index, jobId }) => [index, jobId])).toEqual([
      [1, 'id-'],
      [3, 'id-'],
    ]);
    expect(await received()).toHaveLength(2);
  });
});

describe('a tenant', () => {
  it('is the message group, and travels in the event', async () => {
    const { publisher, received } = inbox();
    await publisher.publishMany(note, [
      { payload: { name: 'a' }, partitionKey: 'tenant-7' },
      { payload: { name: 'b' } },
    ]);
    const messages = await received();
    const of = (name: string) => messages.find(({ event }) => (event.data as { name: string }).name === name);
    expect(of('a')?.attributes.MessageGroupId).toBe('tenant-7');
    expect(of('a')?.event.partitionkey).toBe('tenant-7');
    expect(of('b')?.attributes.MessageGroupId).toBeUndefined();
    expect(of('b')?.event).not.toHaveProperty('partitionkey');
  });

  it('whose name SQS would refuse is invalid, and takes no other tenant along', async () => {
    const { publisher } = inbox();
    const { accepted, notAccepted } = await publisher.publishMany(note, [
      { payload: { name: 'a' }, partitionKey: 'tenant 7' },
      { payload: { name: 'b' }, partitionKey: 'tenant-8' },
    ]);
    expect(accepted).toMatchObject([{ index: 1 }]);
    expect(notAccepted).toMatchObject([{ index: 0, code: 'INVALID_ENVELOPE', kind: 'invalid' }]);
  });
});

describe('publishing one', () => {
  it('answers with the ids of the job and of its message', async () => {
    const { publisher, received } = inbox();
    const { jobId, messageId } = await publisher.publish(note, { name: 'a' }, { traceparent: '00-1-2-01' });
    expect(await received()).toMatchObject([{ messageId, event: { id: jobId, traceparent: '00-1-2-01' } }]);
  });

  it('throws what it was refused for', async () => {
    const { sqs, publisher } = inbox();
    await expect(publisher.publish(note, { name: '' })).rejects.toMatchObject({
      name: 'PublishError',
      code: 'INVALID_KEY',
      refusal: { kind: 'invalid' },
    });
    refuseSome(sqs, () => true, { Code: 'InternalError', Message: 'Try again.' });
    const refused = await publisher
      .publish(note, { name: 'a' }, { id: 'job-1' })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PublishError);
    expect(refused).toMatchObject({
      code: 'InternalError',
      message: 'The note job job-1 was not accepted (refused): Try again.',
      refusal: { index: 0, jobId: 'job-1', kind: 'refused' },
    });
  });
});

describe('publishing again after an unknown answer', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
  });
  afterAll(() => lab.stop());

  it('is harmless: the job completes once, and nothing is dead-lettered', async () => {
    const publication = { payload: { key: 'twice', acts: ['return' as const] } };
    const sqs = new SQSClient({
      endpoint: lab.cloud.endpoint,
      region: lab.cloud.region,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
      maxAttempts: 1,
    });
    clients.push(sqs);
    loseAnswers(sqs, 1);
    const publisher = new Publisher({ sqs, source: '/test', queueUrl: queueUrlsOfStage(lab.sqs, STAGE) });
    const lost = await publisher.publishMany(probe, [publication]);
    expect(lost.notAccepted).toMatchObject([{ kind: 'unknown' }]);
    const again = await publisher.publishMany(probe, [publication]);
    expect(again.accepted).toHaveLength(1);
    await lab.drain();
    expect(await countOf(lab, 'run:twice')).toBe(1);
    expect(await lab.record(probe, 'twice')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(lab.metric(probe, 'Duplicates')).toEqual([1]);
    expect(await lab.deadLetters(probe)).toEqual([]);
  });
});
