import type { ChangeMessageVisibilityBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { AwsError } from '../../../local/kernel/errors.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'hidden',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([600]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterEach(() => {
  lab.cloud.sqs.intercept = undefined;
});
afterAll(() => lab.stop());

/** What befalls the nth change of visibility timeouts: the first hides the batch for its run, the second what comes again. */
function befall(fault: (nth: number) => void | Promise<void>): () => number {
  let calls = 0;
  lab.cloud.sqs.intercept = (operation) =>
    operation === 'ChangeMessageVisibilityBatch' ? fault(++calls) : undefined;
  return () => calls;
}

const refused = (): never => {
  throw new AwsError('AccessDeniedException', 'Not allowed.', 403);
};

/** Fails in its first attempt. */
function failingOnce() {
  let runs = 0;
  return {
    runs: () => runs,
    handler: async () => {
      if (++runs === 1) throw new Error('once');
    },
  };
}

describe('a change of visibility that SQS refuses', () => {
  it('keeps no job from running and completing', async () => {
    const consumer = new InProcess(lab, job);
    const calls = befall(refused);
    let runs = 0;
    await consumer.publish({ key: 'a' }, { key: 'b' });
    await consumer.deliver({ handler: async () => void runs++ });
    expect(calls()).toBe(1);
    expect(runs).toBe(2);
    expect(await consumer.record('a')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('brings a failed job back too early, and it waits without spending an attempt', async () => {
    const consumer = new InProcess(lab, job);
    // Hidden for what the invocation had left, and not for the delay of the schedule.
    befall((nth) => (nth === 2 ? refused() : undefined));
    const { handler, runs } = failingOnce();
    await consumer.publish({ key: 'early' });
    await consumer.deliver({ handler });
    const record = await consumer.record('early');
    await consumer.untilVisible();
    expect(lab.cloud.clock.now()).toBeLessThan(record?.notBeforeMs ?? 0);
    await consumer.deliver({ handler });
    expect(runs()).toBe(1);
    expect(await consumer.record('early')).toEqual(record);
    expect(consumer.count('Waited')).toBe(1);
    await consumer.drain({ handler });
    expect(runs()).toBe(2);
    expect(await consumer.record('early')).toMatchObject({ state: 'completed', attempts: 2 });
    expect((await consumer.record('early'))?.startedAtMs).toBeGreaterThanOrEqual(record?.notBeforeMs ?? 0);
  });

  it('brings a decided job to its dead letters all the same', async () => {
    const consumer = new InProcess(lab, job);
    befall(refused);
    let runs = 0;
    await consumer.publish({ key: 'decided' });
    const handler = async () => {
      runs++;
      throw new Error('always');
    };
    await consumer.drain({ handler });
    expect(runs).toBe(2);
    expect(await consumer.record('decided')).toMatchObject({ state: 'dead', attempts: 2 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
    expect(consumer.count('DeadLettered')).toBe(1);
  });
});

describe('a change of visibility that hangs', () => {
  it('keeps no job from beginning, and no batch from ending', async () => {
    const consumer = new InProcess(lab, job);
    const hanging = Promise.withResolvers<void>();
    befall(() => hanging.promise);
    let leftBehind = 0;
    const send = async (
      command: ChangeMessageVisibilityBatchCommand,
      options?: { abortSignal?: AbortSignal },
    ) => {
      try {
        return await lab.sqs.send(command, options);
      } finally {
        leftBehind++;
      }
    };
    const sqs: SQSClient = Object.assign(Object.create(lab.sqs), { send });
    const { handler, runs } = failingOnce();
    await consumer.publish({ key: 'one' }, { key: 'other' });
    const leftBehindAtStarts: number[] = [];
    await consumer.deliver({
      runtime: { sqs },
      handler: async () => {
        leftBehindAtStarts.push(leftBehind);
        await handler();
      },
    });
    hanging.resolve();
    // No handler waits for the call at the beginning, nor the batch for the answer of either.
    expect(leftBehindAtStarts).toEqual([0, 0]);
    expect(leftBehind).toBe(2);
    expect(runs()).toBe(2);
    const states = [(await consumer.record('one'))?.state, (await consumer.record('other'))?.state];
    expect(states.sort()).toEqual(['completed', 'retrying']);
    expect(consumer.messages()).toEqual({ left: 1, dead: 0 });
  });
});
