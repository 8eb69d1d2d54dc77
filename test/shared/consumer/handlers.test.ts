import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import * as z from 'zod';
import { consume, type JobHandler } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'handled',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([10]),
  timeoutSeconds: 1,
});
type Handler = JobHandler<{ key: string }>;

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

describe('a function with Powertools’ idempotency switched off', () => {
  it('does not start, since every duplicate would run', () => {
    const { runtime } = new InProcess(lab, job);
    vi.stubEnv('POWERTOOLS_IDEMPOTENCY_DISABLED', 'true');
    expect(() => consume(job, async () => {}, runtime)).toThrow('POWERTOOLS_IDEMPOTENCY_DISABLED is set');
    vi.unstubAllEnvs();
    expect(() => consume(job, async () => {}, runtime)).not.toThrow();
  });
});

describe('a handler that throws before it returns a promise', () => {
  it('has failed its attempt like any other, and its neighbours have their own outcomes', async () => {
    const consumer = new InProcess(lab, job);
    const runs: string[] = [];
    const handler = (({ key }) => {
      runs.push(key);
      if (key === 'sync' && runs.length < 4) throw new Error('at once');
      return Promise.resolve();
    }) as Handler;
    await consumer.publish({ key: 'before' }, { key: 'sync' }, { key: 'after' });
    await consumer.deliver({ handler });
    expect(await consumer.record('sync')).toMatchObject({
      state: 'retrying',
      attempts: 1,
      history: [{ code: 'Error', message: 'at once' }],
    });
    expect(consumer.messages()).toEqual({ left: 1, dead: 0 });
    await consumer.drain({ handler });
    expect(runs.sort()).toEqual(['after', 'before', 'sync', 'sync']);
    for (const key of ['before', 'sync', 'after'])
      expect(await consumer.record(key)).toMatchObject({ state: 'completed' });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});

describe('a handler that returns', () => {
  it('no promise has completed its job, and its result is kept', async () => {
    const consumer = new InProcess(lab, job);
    const handler = (() => ({ plain: true })) as unknown as Handler;
    await consumer.publish({ key: 'plain' });
    await consumer.drain({ handler });
    expect(await consumer.record('plain')).toMatchObject({ state: 'completed', result: '{"plain":true}' });
  });

  it('nothing has completed its job, without a result', async () => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: 'nothing' });
    await consumer.drain({ handler: async () => {} });
    const record = await consumer.record('nothing');
    expect(record?.state).toBe('completed');
    expect(record).not.toHaveProperty('result');
  });

  it('what no record can hold has completed its job all the same', async () => {
    const consumer = new InProcess(lab, job);
    let runs = 0;
    await consumer.publish({ key: 'too-large' });
    await consumer.drain({
      handler: async () => {
        runs++;
        return 'x'.repeat(500_000);
      },
    });
    expect(runs).toBe(1);
    const record = await consumer.record('too-large');
    expect(record).toMatchObject({ state: 'completed', attempts: 1 });
    expect(record).not.toHaveProperty('result');
  });
});

describe('a handler that throws what is no error', () => {
  it.each([
    ['a text', 'just text', /just text/],
    ['nothing', undefined, /undefined/],
    ['an object', { reason: 'because' }, /because/],
  ])('leaves it readable in the record: %s', async (what, thrown, message) => {
    const consumer = new InProcess(lab, job);
    await consumer.publish({ key: `thrown ${what}` });
    await consumer.drain({
      handler: async () => {
        throw thrown;
      },
    });
    const record = await consumer.record(`thrown ${what}`);
    expect(record).toMatchObject({ state: 'dead', attempts: 2, verdict: { code: 'NOT_AN_ERROR' } });
    expect(record?.verdict?.message).toMatch(message);
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });
});

describe('a handler that was abandoned', () => {
  it('and rejects or returns long after changes nothing any more', async () => {
    const consumer = new InProcess(lab, job);
    const late = Promise.withResolvers<void>();
    let runs = 0;
    await consumer.publish({ key: 'rejects' }, { key: 'returns' });
    await consumer.deliver({
      handler: async ({ key }) => {
        runs++;
        await late.promise;
        if (key === 'rejects') throw new Error('too late');
        return 'too late';
      },
    });
    const before = [await consumer.record('rejects'), await consumer.record('returns')];
    expect(before).toMatchObject([
      { state: 'retrying', history: [{ code: 'TIMED_OUT' }] },
      { state: 'retrying', history: [{ code: 'TIMED_OUT' }] },
    ]);
    late.resolve();
    await new Promise((turn) => setTimeout(turn, 50));
    expect([await consumer.record('rejects'), await consumer.record('returns')]).toEqual(before);
    await consumer.drain({ handler: async () => void runs++ });
    expect(runs).toBe(4);
    expect(await consumer.record('rejects')).toMatchObject({ state: 'completed', attempts: 2 });
    expect(await consumer.record('returns')).not.toHaveProperty('result');
  });
});
