import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { LARGEST_MESSAGE_BYTES, PublishError, Publisher } from '../../../shared/client/publisher.ts';
import { QueueNotFound, queueUrlsOfStage } from '../../../shared/client/queue-urls.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { type JobMessage, parseMessage } from '../../../shared/jobs/message.ts';
import { inbox, note, notes, numbered, refuseSome } from './inbox.ts';

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
