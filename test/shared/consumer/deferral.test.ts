import { type CreateScheduleCommandInput, SchedulerClient } from '@aws-sdk/client-scheduler';
import { PurgeQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { NotDone, RetryAfter, repeat } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'deferring',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([10, 60]),
  mostDeferrals: 4,
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

const later = (seconds: number): Error => new RetryAfter(seconds, 'the provider asked for it');

/** Throws what is given, one after the other, and then returns. */
function throwing(...errors: Error[]) {
  const runs: { readonly atMs: number; readonly attempt: number }[] = [];
  return {
    runs,
    handler: async (_: unknown, context: { job: { attempt: number } }) => {
      runs.push({ atMs: lab.cloud.clock.now(), attempt: context.job.attempt });
      const error = errors.shift();
      if (error) throw error;
    },
  };
}

describe('a handler that asks for later', () => {
  it('runs again after that time, and has spent no attempt', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = throwing(later(300));
    await consumer.publish({ key: 'once' });
    await consumer.deliver({ handler });
    expect(await consumer.record('once')).toMatchObject({
      state: 'deferred',
      attempts: 0,
      deferrals: 1,
      deferredBecause: 'the provider asked for it',
    });
    await consumer.drain({ handler });
    expect(runs.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect((runs[1]?.atMs ?? 0) - (runs[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(300_000);
    expect(await consumer.record('once')).toMatchObject({ state: 'completed', attempts: 1, hop: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(consumer.count('Deferred')).toBe(1);
  });

  it('beyond 15 minutes is sent by EventBridge Scheduler, at its time', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = throwing(later(86_400));
    await consumer.publish({ key: 'tomorrow' });
    await consumer.deliver({ handler });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    await lab.advance(86_390);
    await consumer.drain({ handler });
    expect(runs).toHaveLength(1);
    await lab.advance(20);
    await lab.settle();
    await consumer.drain({ handler });
    expect(runs).toHaveLength(2);
    expect(await consumer.record('tomorrow')).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('comes in steps of 15 minutes where the scheduler cannot be had', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = throwing(later(3600));
    const runtime = {
      schedules: { groupName: 'no-such-group', roleArn: 'arn:aws:iam::000000000000:role/none' },
    };
    await consumer.publish({ key: 'steps' });
    await consumer.drain({ handler, runtime });
    expect(runs).toHaveLength(2);
    expect((runs[1]?.atMs ?? 0) - (runs[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(3600_000);
    expect(await consumer.record('steps')).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('is scheduled in the partition that the stage is deployed in', async () => {
    const consumer = new InProcess(lab, job);
    const targets: unknown[] = [];
    const scheduler = new SchedulerClient({ region: 'cn-north-1' });
    scheduler.middlewareStack.add(() => ({ input }) => {
      targets.push((input as CreateScheduleCommandInput).Target?.Arn);
      throw new Error('Nothing is there.');
    });
    const roleArn = 'arn:aws-cn:iam::000000000000:role/none';
    await consumer.publish({ key: 'in China' });
    await consumer.drain({
      handler: throwing(later(3600)).handler,
      runtime: { scheduler, schedules: { groupName: 'no-such-group', roleArn } },
    });
    expect(targets[0]).toBe('arn:aws-cn:scheduler:::aws-sdk:sqs:sendMessage');
  });

  it('and fails in turn still ends, by its schedule', async () => {
    const consumer = new InProcess(lab, job);
    const failing = () => new Error('failed');
    const { runs, handler } = throwing(
      later(1),
      failing(),
      later(1),
      failing(),
      later(1),
      failing(),
      later(1),
    );
    await consumer.publish({ key: 'in turn' });
    await consumer.drain({ handler });
    expect(runs.map(({ attempt }) => attempt)).toEqual([1, 1, 2, 2, 3, 3]);
    expect(await consumer.record('in turn')).toMatchObject({ state: 'dead', attempts: 3, deferrals: 3 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('for ever ends as a dead letter that says so', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = throwing(...Array.from({ length: 20 }, () => later(10)));
    await consumer.publish({ key: 'for ever' });
    await consumer.drain({ handler });
    expect(runs).toHaveLength(5);
    expect(await consumer.record('for ever')).toMatchObject({
      state: 'dead',
      verdict: { code: 'DEFERRALS_EXHAUSTED', message: expect.stringContaining('the provider asked for it') },
    });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('in a step that certainly did nothing runs the step again', async () => {
    const consumer = new InProcess(lab, job);
    let calls = 0;
    await consumer.publish({ key: 'limited' });
    await consumer.drain({
      handler: async (_, { step }) => {
        await step(
          'call',
          async () => {
            if (++calls === 1) throw new NotDone('429', { cause: later(60) });
          },
          { ifUncertain: repeat() },
        );
      },
    });
    expect(calls).toBe(2);
    expect(await consumer.record('limited')).toMatchObject({ state: 'completed', attempts: 1, deferrals: 1 });
  });
});

describe('a deferred job', () => {
  it('whose process died before its message was sent again is sent again by the former one', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = throwing(later(600));
    const sqs = Object.assign(Object.create(lab.sqs), {
      // From the re-sending on nothing of the process is heard: its calls hang, and its answer never comes.
      send: () => new Promise(() => {}),
    });
    await consumer.publish({ key: 'crash' });
    void consumer.deliver({ handler, runtime: { sqs } }).catch(() => {});
    await lab.until(async () => (await consumer.record('crash'))?.state === 'deferred');
    await consumer.untilVisible();
    await consumer.drain({ handler });
    expect(runs).toHaveLength(2);
    expect((runs[1]?.atMs ?? 0) - (runs[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(600_000);
    expect(await consumer.record('crash')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('whose former message was not deleted runs once', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = throwing(later(20));
    await consumer.publish({ key: 'both' });
    await consumer.deliver({ handler });
    consumer.send(lab.message(job, { key: 'both' }));
    await consumer.drain({ handler });
    expect(runs).toHaveLength(2);
    expect(await consumer.record('both')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('whose message was lost runs when its job is published again', async () => {
    const consumer = new InProcess(lab, job);
    const { runs, handler } = throwing(later(60), later(60));
    await consumer.publish({ key: 'lost' });
    await consumer.deliver({ handler });
    await consumer.untilVisible();
    await consumer.deliver({ handler });
    await lab.sqs.send(new PurgeQueueCommand({ QueueUrl: consumer.runtime.queueUrl }));
    await lab.advance(120);
    await consumer.publish({ key: 'lost' });
    await consumer.drain({ handler });
    expect(runs).toHaveLength(3);
    expect(await consumer.record('lost')).toMatchObject({ state: 'completed', attempts: 1, hop: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('goes on with its own message attributes and tenant, by the scheduler too', async () => {
    const consumer = new InProcess(lab, job);
    const { handler } = throwing(later(60), later(3600));
    lab.cloud.sqs.send(consumer.queueArn, {
      MessageBody: lab.message(job, { key: 'attributes' }),
      MessageGroupId: 'tenant-1',
      MessageAttributes: {
        text: { DataType: 'String', StringValue: 'kept' },
        bytes: { DataType: 'Binary', BinaryValue: Buffer.from([1, 2, 250]).toString('base64') },
      },
    });
    for (let hop = 0; hop < 2; hop++) {
      await consumer.deliver({ handler });
      await lab.advance(hop === 0 ? 61 : 3601);
      await lab.settle();
    }
    const { Messages: [message] = [] } = await lab.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: consumer.runtime.queueUrl,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['MessageGroupId'],
      }),
    );
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({ hop: 2 });
    expect(message).toMatchObject({
      Attributes: { MessageGroupId: 'tenant-1' },
      MessageAttributes: {
        text: { StringValue: 'kept' },
        bytes: { BinaryValue: new Uint8Array([1, 2, 250]) },
      },
    });
  });
});
