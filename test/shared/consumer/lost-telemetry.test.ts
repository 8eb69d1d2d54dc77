import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { PermanentError, type Runtime } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'untold',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  timeoutSeconds: 5,
  schedule: schedule([10]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** Each line and each metric throws. @returns how often one did */
function failing(): { readonly runtime: Pick<Runtime, 'logger' | 'metrics'>; readonly thrown: () => number } {
  let thrown = 0;
  const fail = (): never => {
    thrown++;
    throw new Error('Nobody takes it.');
  };
  const logger = new Logger({ logLevel: 'SILENT' });
  for (const method of ['debug', 'info', 'warn', 'error', 'createChild'] as const) logger[method] = fail;
  const metrics = new Metrics({ namespace: 'untold', logger });
  for (const method of ['addMetric', 'publishStoredMetrics'] as const) metrics[method] = fail;
  return { runtime: { logger, metrics }, thrown: () => thrown };
}

describe('a job whose logs and metrics are all lost', () => {
  it('completes after a retry, and its duplicate runs nothing', async () => {
    const consumer = new InProcess(lab, job);
    const { runtime, thrown } = failing();
    let runs = 0;
    await consumer.publish({ key: 'one' }, { key: 'one' });
    await consumer.drain({
      runtime,
      handler: async (_, { log }) => {
        log.info('It runs.');
        if (++runs === 1) throw new Error('once');
        return 'done';
      },
    });
    expect(runs).toBe(2);
    expect(await consumer.record('one')).toMatchObject({ state: 'completed', attempts: 2, result: '"done"' });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
    expect(thrown()).toBeGreaterThan(5);
  });

  it('is dead-lettered where it is given up on, and its neighbour completes', async () => {
    const consumer = new InProcess(lab, job);
    const { runtime } = failing();
    await consumer.publish({ key: 'hopeless' }, { key: 'neighbour' });
    await consumer.drain({
      runtime,
      handler: async ({ key }) => {
        if (key === 'hopeless') throw new PermanentError('There is no hope.');
      },
    });
    expect(await consumer.record('hopeless')).toMatchObject({ state: 'dead', attempts: 1 });
    expect(await consumer.record('neighbour')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('is tried again though SQS refuses its change of visibility, of which no line can tell', async () => {
    const consumer = new InProcess(lab, job);
    const { runtime } = failing();
    const lift = lab.cloud.faults.addOutside(({ operation, moment }) =>
      operation === 'ChangeMessageVisibilityBatch' && moment === 'before' ? { refuse: 'all' } : undefined,
    );
    let runs = 0;
    await consumer.publish({ key: 'unhidden' });
    await consumer.drain({
      runtime,
      handler: async () => {
        if (++runs === 1) throw new Error('once');
      },
    });
    lift();
    expect(await consumer.record('unhidden')).toMatchObject({ state: 'completed', attempts: 2 });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});
