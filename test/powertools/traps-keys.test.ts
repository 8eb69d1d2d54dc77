/** Rows of the table of Powertools' traps that are about what is the same work. In each: that the trap is real, and that it is closed here. */
import { IdempotencyConfig } from '@aws-lambda-powertools/idempotency';
import { StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import * as z from 'zod';
import { AwsError } from '../../local/kernel/errors.ts';
import {
  DEAD_LETTER_RETENTION_SECONDS,
  defineJob,
  maxReceiveCount,
  RETENTION_SECONDS,
} from '../../shared/jobs/define-job.ts';
import { schedule } from '../../shared/jobs/schedule.ts';
import { STAGE } from '../lab/global-setup.ts';
import { InProcess } from '../lab/in-process.ts';
import { Lab } from '../lab/lab.ts';
import { config, Theirs } from './theirs.ts';

const job = defineJob({
  type: 'trapped',
  payload: z.object({ key: z.string(), amount: z.number().optional() }),
  key: ({ key }) => key,
  schedule: schedule([30, 30]),
  batchSize: 1,
});

let lab: Lab;
let theirs: Theirs;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
beforeEach(async () => {
  theirs = await Theirs.create(lab);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  lab.cloud.dynamodb.intercept = undefined;
  lab.cloud.sqs.intercept = undefined;
  theirs.stop();
});
afterAll(() => lab.stop());

describe('a key that is missing', () => {
  it('Powertools: silently switches idempotency off, as for a path into a body that is text', async () => {
    let effects = 0;
    const work = theirs.idempotent(async () => ++effects, {
      config: config({ eventKeyJmesPath: 'body.jobId' }),
    });
    const record = { messageId: 'm-1', body: JSON.stringify({ jobId: 'job-1' }) };
    await work(record);
    await work(record);
    expect(effects).toBe(2);
    expect(await theirs.items()).toEqual([]);
  });

  it('here: is the message’s own fault: dead-lettered with that reason, and nothing runs', async () => {
    const keyless = defineJob({
      ...job,
      type: 'keyless',
      payload: z.object({ jobId: z.string().optional() }),
      key: ({ jobId }) => jobId as string,
    });
    const consumer = new InProcess(lab, keyless);
    let runs = 0;
    consumer.send(lab.message(keyless, {}));
    consumer.send(lab.message(keyless, {}));
    await consumer.drain({ handler: async () => void runs++ });
    expect(runs).toBe(0);
    expect(consumer.messages()).toEqual({ left: 0, dead: 2 });
    expect(consumer.count('DeadLettered')).toBe(2);
  });
});

describe('a duplicate that comes while the first one runs', () => {
  it('Powertools: throws, and so fails its item', async () => {
    const gate = Promise.withResolvers<void>();
    const work = theirs.idempotent(() => gate.promise);
    const first = work({ key: 'a' });
    await lab.until(async () => (await theirs.items()).length === 1);
    await expect(work({ key: 'a' })).rejects.toMatchObject({ name: 'IdempotencyAlreadyInProgressError' });
    gate.resolve();
    await first;
  });

  it('here: waits, fails nothing, spends no attempt, and ends as a duplicate', async () => {
    const consumer = new InProcess(lab, job);
    const gate = Promise.withResolvers<void>();
    let runs = 0;
    const handler = async () => {
      runs++;
      await gate.promise;
    };
    await consumer.publish({ key: 'concurrent' });
    const first = consumer.deliver({ handler });
    await lab.until(async () => runs === 1);
    await consumer.publish({ key: 'concurrent' });
    await consumer.deliver({ handler });
    expect(consumer.count('Waited')).toBe(1);
    expect(consumer.count('Failed')).toBe(0);
    gate.resolve();
    await first;
    await consumer.drain({ handler });
    expect(runs).toBe(1);
    expect(await consumer.record('concurrent')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(consumer.count('Duplicates')).toBe(1);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});

describe('a duplicate that comes late', () => {
  it('Powertools: an hour later the key is forgotten, and the effect happens again', async () => {
    let effects = 0;
    const work = theirs.idempotent(async () => ++effects);
    await work({ key: 'a' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_601_000 });
    await work({ key: 'a' });
    expect(effects).toBe(2);
  });

  it('here: it is known for as long as a message can lie on its queue, among the dead letters, and again on its queue', async () => {
    // A lab of its own, since its time moves by weeks.
    const own = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
    const consumer = new InProcess(own, job);
    let runs = 0;
    const handler = async () => void runs++;
    await consumer.publish({ key: 'late' });
    await consumer.drain({ handler });
    const { expiration = 0 } = (await consumer.record('late')) ?? {};
    const windowSeconds = 2 * RETENTION_SECONDS + DEAD_LETTER_RETENTION_SECONDS;
    expect(expiration - own.cloud.clock.now() / 1000).toBeGreaterThan(windowSeconds - 60);
    await own.cloud.clock.advance((windowSeconds - 3600) * 1000);
    await consumer.publish({ key: 'late' });
    await consumer.drain({ handler });
    await own.stop();
    expect(runs).toBe(1);
    expect(consumer.count('Duplicates')).toBe(1);
  });
});

describe('the same key with another payload', () => {
  it('Powertools: without payload validation replays the old result', async () => {
    const work = theirs.idempotent(async ({ amount }) => `charged ${amount}`);
    expect(await work({ key: 'a', amount: 1 })).toBe('charged 1');
    expect(await work({ key: 'a', amount: 1000 })).toBe('charged 1');
  });

  it('here: is dead-lettered as a key that somebody reuses, and the first job stands', async () => {
    const consumer = new InProcess(lab, job);
    const charged: unknown[] = [];
    const handler = async ({ amount }: { amount?: number | undefined }) => void charged.push(amount);
    await consumer.publish({ key: 'reused', amount: 1 });
    await consumer.drain({ handler });
    const first = await consumer.record('reused');
    await consumer.publish({ key: 'reused', amount: 1000 });
    await consumer.drain({ handler });
    expect(charged).toEqual([1]);
    expect(await consumer.record('reused')).toEqual(first);
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
    expect(consumer.count('DeadLettered')).toBe(1);
  });
});

describe('a message that is redriven', () => {
  it('Powertools: keyed by messageId, as its documentation keys batches, the effect happens again', async () => {
    const { sqs, clock } = lab.cloud;
    const dead = sqs.arnOf('keyed-by-message-dead');
    sqs.createQueue('keyed-by-message-dead');
    sqs.createQueue('keyed-by-message', {
      VisibilityTimeout: '30',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 1 }),
    });
    const queue = sqs.arnOf('keyed-by-message');
    let effects = 0;
    const layer = theirs.layer();
    const settings = config({ eventKeyJmesPath: 'messageId' });
    const work = theirs.idempotent(async () => ++effects, { layer, config: settings });
    const receive = async () => {
      const [message] = await sqs.receive(queue);
      if (message) await work({ messageId: message.messageId, body: message.body });
      return message?.messageId;
    };
    sqs.send(queue, { MessageBody: 'job-1' });
    const before = await receive();
    // Its deletion is lost, so that it comes to lie among the dead letters.
    await clock.pass(31_000);
    expect(await receive()).toBeUndefined();
    await lab.sqs.send(new StartMessageMoveTaskCommand({ SourceArn: dead }));
    let after: string | undefined;
    await lab.until(async () => {
      await clock.pass(1000);
      after = await receive();
      return after !== undefined;
    });
    expect(after).not.toBe(before);
    expect(effects).toBe(2);
  });

  it('here: is known by the key of its contract, and nothing happens again', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    const handler = async () => void runs++;
    lab.cloud.sqs.intercept = (operation) => {
      if (operation === 'DeleteMessageBatch')
        throw new AwsError('InternalError', 'The deletion was lost.', 500);
    };
    await consumer.publish({ key: 'redriven' });
    for (let receive = 0; receive < maxReceiveCount(job); receive++) {
      await expect(consumer.deliver({ handler })).rejects.toThrow('The deletion was lost.');
      await consumer.untilVisible();
    }
    expect(await consumer.deliver({ handler })).toBeUndefined();
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
    lab.cloud.sqs.intercept = undefined;
    await lab.sqs.send(new StartMessageMoveTaskCommand({ SourceArn: consumer.deadLetterArn }));
    await lab.until(async () => {
      await lab.advance(1);
      return consumer.messages().left === 1;
    });
    await consumer.drain({ handler });
    expect(runs).toBe(1);
    expect(await consumer.record('redriven')).toMatchObject({ state: 'completed', life: 1, attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});

describe('the cache and the hash', () => {
  it('Powertools: the cache keeps more than the 256 entries of its documentation, and hashes are MD5', async () => {
    expect(new IdempotencyConfig({})).toMatchObject({ maxLocalCacheSize: 1000, hashFunction: 'md5' });
    const layer = theirs.layer();
    const work = theirs.idempotent(async ({ key }) => key, {
      layer,
      config: config({ useLocalCache: true }),
    });
    await work({ key: 'first' });
    expect((await theirs.items())[0]?.id).toMatch(/^theirs#[A-Za-z0-9+/]{22}==$/);
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 15 }, (_, index) => work({ key: `${round}-${index}` })));
    let calls = 0;
    lab.cloud.dynamodb.intercept = () => {
      calls++;
      return undefined;
    };
    expect(await work({ key: 'first' })).toBe('first');
    expect(calls).toBe(0);
  });

  it('here: a key is readable, payloads are hashed with SHA-256, and nothing but the record is asked', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    const handler = async () => void runs++;
    await consumer.publish({ key: 'plain key' });
    await consumer.drain({ handler });
    const record = await consumer.record('plain key');
    expect(record?.pk).toBe('trapped#plain key');
    expect(record?.payloadHash).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const { jobsTable: TableName } = consumer.runtime;
    await lab.dynamo.send(new DeleteCommand({ TableName, Key: { pk: record?.pk, sk: record?.sk } }));
    await consumer.publish({ key: 'plain key' });
    await consumer.drain({ handler });
    expect(runs).toBe(2);
  });
});
