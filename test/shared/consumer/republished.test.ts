import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { type JobHandler, PermanentError, RetryAfter } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

interface Payload {
  readonly key: string;
}

const job = defineJob({
  type: 'republished',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([10]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** Throws these, one an attempt, and then nothing. */
function throwing(...errors: Error[]): {
  readonly handler: JobHandler<Payload>;
  readonly runs: () => number;
} {
  let runs = 0;
  const handler: JobHandler<Payload> = async () => {
    const error = errors[runs++];
    if (error) throw error;
  };
  return { handler, runs: () => runs };
}

/** A job that was sent again once and then given up on; its letter lies in the dead-letter queue. */
async function died(consumer: InProcess<Payload, Payload>, key: string): Promise<void> {
  await consumer.publish({ key });
  await consumer.drain(throwing(new RetryAfter(60, 'later'), new PermanentError('no such account')));
  expect(await consumer.record(key)).toMatchObject({ state: 'dead', hop: 1 });
  expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  await lab.advance(60);
}

describe('a job that died after it was sent again, and is published anew', () => {
  it('is tried again after a failure', async () => {
    const consumer = new InProcess(lab, job);
    await died(consumer, 'fails once');
    await consumer.publish({ key: 'fails once' });
    const { handler, runs } = throwing(new Error('transient'));
    await consumer.drain({ handler });
    expect(runs()).toBe(2);
    expect(await consumer.record('fails once')).toMatchObject({ state: 'completed', life: 2, attempts: 2 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('is a dead letter when it is given up on again', async () => {
    const consumer = new InProcess(lab, job);
    await died(consumer, 'fails for good');
    await consumer.publish({ key: 'fails for good' });
    await consumer.drain(throwing(new PermanentError('still none')));
    expect(await consumer.record('fails for good')).toMatchObject({ state: 'dead', life: 2 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 2 });
  });

  it('is found as crashed where its process died, and runs again', async () => {
    const consumer = new InProcess(lab, job);
    await died(consumer, 'crashes');
    await consumer.publish({ key: 'crashes' });
    // An invocation that never answers: its message comes back when it is hidden no more.
    void consumer.deliver({ handler: () => new Promise(() => {}) });
    await lab.until(async () => (await consumer.record('crashes'))?.life === 2);
    await consumer.untilVisible();
    await consumer.drain(throwing());
    expect(await consumer.record('crashes')).toMatchObject({
      state: 'completed',
      attempts: 2,
      history: [{ code: 'PERMANENT' }, { code: 'CRASHED', life: 2 }],
    });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('and was published twice is carried by one of the two', async () => {
    const consumer = new InProcess(lab, job);
    await died(consumer, 'twice');
    await consumer.publish({ key: 'twice' }, { key: 'twice' });
    const { handler, runs } = throwing(new Error('transient'));
    await consumer.drain({ handler });
    expect(runs()).toBe(2);
    expect(await consumer.record('twice')).toMatchObject({ state: 'completed', attempts: 2 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('goes on one hop beyond the letter that still lies there', async () => {
    const consumer = new InProcess(lab, job);
    await died(consumer, 'deferred');
    await consumer.publish({ key: 'deferred' });
    await consumer.deliver(throwing(new RetryAfter(60, 'later')));
    await lab.advance(61);
    const { Messages: [message] = [] } = await lab.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: consumer.runtime.queueUrl, VisibilityTimeout: 0 }),
    );
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({ hop: 2 });
    await consumer.drain(throwing());
    expect(await consumer.record('deferred')).toMatchObject({ state: 'completed', hop: 2 });
  });
});

describe('a message that was sent again as often as it can be counted', () => {
  it('is sent again all the same', async () => {
    const consumer = new InProcess(lab, job);
    consumer.send(lab.message(job, { key: 'counted out' }, { hop: 2_147_483_647 }));
    await consumer.drain(throwing(new RetryAfter(60, 'later')));
    expect(await consumer.record('counted out')).toMatchObject({ state: 'completed' });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});

describe('a handler that changes its payload', () => {
  it.each([
    ['is deferred', new RetryAfter(60, 'later')],
    ['fails', new Error('transient')],
  ])('and %s finds it as it was published', async (what, error) => {
    const any = defineJob({
      type: 'republished-any',
      payload: z.object({ key: z.string(), list: z.unknown() }),
      key: ({ key }) => key,
      schedule: schedule([3600]),
    });
    const consumer = new InProcess(lab, any);
    const seen: unknown[] = [];
    const handler = async ({ list }: { list: unknown }) => {
      seen.push([...(list as string[])]);
      (list as string[]).sort();
      if (seen.length === 1) throw error;
    };
    await consumer.publish({ key: what, list: ['b', 'a'] });
    await consumer.deliver({ handler });
    await lab.advance(3660);
    await consumer.drain({ handler });
    expect(seen).toEqual([
      ['b', 'a'],
      ['b', 'a'],
    ]);
    expect(await consumer.record(what)).toMatchObject({ state: 'completed' });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});
