import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import type { JobHandler } from '../../../shared/consumer/index.ts';
import { defineJob, maxReceiveCount } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'renewed',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([10]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

const never: JobHandler<unknown> = async () => {
  throw new Error('must not run');
};

/** Receives that nothing came of: throttles, and looks from the console. */
async function spendReceives(consumer: InProcess<unknown, unknown>, count: number): Promise<void> {
  for (let spent = 0; spent < count; spent++) {
    await lab.cloud.sqs.receive(consumer.queueArn, { maxMessages: 10, visibilityTimeoutSeconds: 0 });
  }
}

describe('a job whose receives run out', () => {
  it('before it was decided is renewed, and waits no shorter for its next attempt', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    const handler = async () => {
      if (++runs === 1) throw new Error('failed');
    };
    await consumer.publish({ key: 'spent' });
    await spendReceives(consumer as never, maxReceiveCount(job) - 1);
    await consumer.drain({ handler });
    expect(runs).toBe(2);
    expect(await consumer.record('spent')).toMatchObject({ state: 'completed', attempts: 2, hop: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(consumer.count('Renewed')).toBe(1);
  });

  it('is renewed and leaves no letter, though its answer is lost at its very last receive', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'last' });
    await spendReceives(consumer as never, maxReceiveCount(job) - 1);
    const { sqs } = lab.cloud;
    const deleteMessages = sqs.deleteMessages;
    // What the mapping would do with an answer that it got.
    sqs.deleteMessages = () => [];
    let runs = 0;
    const handler = async () => {
      if (++runs === 1) throw new Error('failed');
    };
    await consumer.deliver({ handler });
    sqs.deleteMessages = deleteMessages;
    await lab.advance(7 * 60);
    await consumer.drain({ handler });
    expect(runs).toBe(2);
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('in an outage of its records is renewed until they are back', async () => {
    const consumer = new InProcess(lab, job);
    const down = Object.assign(Object.create(lab.dynamo), {
      send: () => Promise.reject(Object.assign(new Error('down'), { $metadata: { httpStatusCode: 500 } })),
    });
    const began = lab.cloud.clock.now();
    await consumer.publish({ key: 'outage' });
    while (lab.cloud.clock.now() < began + 6 * 3600_000) {
      await consumer.deliver({ handler: never, runtime: { dynamo: down } });
      await consumer.untilVisible();
    }
    expect(consumer.count('Renewed')).toBeGreaterThan(1);
    await consumer.drain({ handler: async () => 'ok' });
    expect(await consumer.record('outage')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('after it was decided goes to the dead-letter queue', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'decided' });
    await consumer.drain({
      handler: async () => {
        throw new Error('failed');
      },
    });
    expect(consumer.count('Renewed')).toBe(0);
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });
});
