import { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { Publisher } from '../../../shared/client/publisher.ts';
import { queueUrlsOfStage } from '../../../shared/client/queue-urls.ts';
import type { JobMessage } from '../../../shared/jobs/message.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { probe } from '../../lab/probe/contract.ts';
import { countOf } from '../../lab/probe/counts.ts';
import { clients, cloud, inbox, loseAnswers, note, notes, numbered, refuseSome } from './inbox.ts';

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

  it('is refused, and tried again, where the sender is at fault for sending too fast', async () => {
    const { sqs, publisher, batches } = inbox();
    refuseSome(sqs, ({ id }) => id === 'id-n1', { Code: 'RequestThrottled', SenderFault: true });
    const { notAccepted } = await publisher.publishMany(note, numbered(2));
    expect(notAccepted).toMatchObject([{ index: 1, code: 'RequestThrottled', kind: 'refused' }]);
    expect(batches).toEqual([2, 1, 1]);
  });

  it('is invalid, and not tried again, where the sender is at fault', async () => {
    const { sqs, publisher, batches, received } = inbox();
    refuseSome(sqs, ({ id }) => id === 'id-n1', { Code: 'InvalidMessageContents', SenderFault: true });
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(3));
    expect(accepted.map(({ index }) => index)).toEqual([0, 2]);
    expect(notAccepted).toMatchObject([{ index: 1, code: 'InvalidMessageContents', kind: 'invalid' }]);
    expect(batches).toEqual([3]);
    expect(await received()).toHaveLength(2);
  });
});

describe('a payload with characters that JSON can carry and SQS cannot', () => {
  it('is published, and read as it was', async () => {
    const { publisher, received } = inbox();
    const { notAccepted } = await publisher.publishMany(note, notes('\uFFFE and \uFFFF'));
    expect(notAccepted).toEqual([]);
    const [message] = await received();
    expect(message?.event.data).toMatchObject({ name: '\uFFFE and \uFFFF' });
  });
});

describe('a batch that SQS refuses as a whole', () => {
  it.each([
    ['ThrottlingException', 400],
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

  it.each([
    ['AccessDeniedException', 400],
    ['ExpiredToken', 403],
    ['AWS.SimpleQueueService.NonExistentQueue', 400],
  ])(
    'is tried once, and nothing after it, where SQS takes nothing of this publisher (%s)',
    async (code, status) => {
      const { publisher, batches } = inbox();
      cloud.sqs.intercept = (operation) => {
        if (operation === 'SendMessageBatch') throw new AwsError(code, 'Never.', status);
      };
      const { accepted, notAccepted } = await publisher.publishMany(note, numbered(25));
      expect(accepted).toEqual([]);
      expect(notAccepted.map(({ index }) => index)).toEqual(Array.from({ length: 25 }, (_, index) => index));
      expect(new Set(notAccepted.map(({ message, kind }) => `${kind}: ${message}`))).toEqual(
        new Set(['refused: Never.']),
      );
      expect(batches).toEqual([10]);
    },
  );

  it('leaves the batches after it their own answers, where its own messages are at fault', async () => {
    const { publisher, batches } = inbox();
    let calls = 0;
    cloud.sqs.intercept = (operation) => {
      if (operation === 'SendMessageBatch' && ++calls === 1)
        throw new AwsError('InvalidMessageContents', 'Not these.');
    };
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(12));
    expect(notAccepted.map(({ index, kind }) => [index, kind])).toEqual(
      Array.from({ length: 10 }, (_, index) => [index, 'refused']),
    );
    expect(accepted.map(({ index }) => index)).toEqual([10, 11]);
    expect(batches).toEqual([10, 2]);
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

  it('is unknown when SQS took it, lost its answer, and then said no', async () => {
    const { sqs, publisher, received } = inbox({ maxAttempts: 2 });
    loseAnswers(sqs, 1);
    let calls = 0;
    cloud.sqs.intercept = (operation) => {
      if (operation === 'SendMessageBatch' && ++calls > 1) throw new AwsError('AccessDeniedException', 'No.');
    };
    const { notAccepted } = await publisher.publishMany(note, numbered(12));
    const kinds = notAccepted.map(({ kind }) => kind);
    expect(kinds).toEqual([...Array(10).fill('unknown'), 'refused', 'refused']);
    expect(notAccepted[0]?.message).toBe('No. An earlier try had no answer.');
    cloud.sqs.intercept = undefined;
    expect(await received()).toHaveLength(10);
  });

  it('leaves the batches after it their own answers', async () => {
    const { sqs, publisher } = inbox();
    loseAnswers(sqs, 1);
    const { accepted, notAccepted } = await publisher.publishMany(note, numbered(12));
    expect(notAccepted.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(accepted.map(({ index }) => index)).toEqual([10, 11]);
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
