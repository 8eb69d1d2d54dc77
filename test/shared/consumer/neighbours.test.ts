import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { maxReceiveCount } from '../../../shared/jobs/define-job.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { probe } from '../../lab/probe/contract.ts';
import { countOf } from '../../lab/probe/counts.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE, seed: 1 });
});
afterAll(() => lab.stop());

describe('a job that kills its process in each of its attempts', () => {
  it('dead-letters none of the nine others that were received with it', async () => {
    const others = Array.from({ length: 9 }, (_, index) => `neighbour-${index}`);
    await lab.publisher.publishMany(probe, [
      { payload: { key: 'killer', acts: ['exit'] } },
      // Slow enough to be under way when the process dies.
      ...others.map((key) => ({ payload: { key, acts: ['slow' as const] } })),
    ]);
    await lab.drain();
    expect(await lab.record(probe, 'killer')).toMatchObject({
      state: 'dead',
      attempts: 4,
      verdict: { code: 'CRASHED' },
    });
    for (const key of others) expect(await lab.record(probe, key)).toMatchObject({ state: 'completed' });
    expect((await lab.deadLetters(probe)).map(({ job }) => job?.key)).toEqual(['killer']);
    // It was not for lack of harm: some of them died with it.
    const runs = await Promise.all(others.map((key) => countOf(lab, `run:${key}`)));
    expect(Math.max(...runs)).toBeGreaterThan(1);
    for (const [index, key] of others.entries()) {
      const record = await lab.record(probe, key);
      expect(record?.history ?? []).toHaveLength((record?.attempts ?? 0) - 1);
      expect(runs[index]).toBeLessThanOrEqual(record?.attempts ?? 0);
    }
  });
});

describe('a message that reuses a key', () => {
  it('is counted as dead-lettered once, however often it is received', async () => {
    const before = { dead: lab.metric(probe, 'DeadLettered').length, age: lab.metric(probe, 'Age').length };
    await lab.publish(probe, { key: 'reused', acts: ['return'] });
    await lab.drain();
    await lab.publish(probe, { key: 'reused', acts: ['throw'] });
    await lab.drain();
    expect(lab.metric(probe, 'DeadLettered').slice(before.dead)).toEqual([1]);
    // Once for the first job, and for the other as often as the redrive policy lets it be received.
    expect(lab.metric(probe, 'Age').slice(before.age)).toHaveLength(1 + maxReceiveCount(probe));
    expect((await lab.deadLetterOf(probe, 'reused'))?.reason.code).toBe('KEY_REUSED');
    expect(await countOf(lab, 'run:reused')).toBe(1);
    expect(await lab.record(probe, 'reused')).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('leaves the job that has the key its own fate while that one backs off', async () => {
    await lab.publish(probe, { key: 'reused early', acts: ['throw', 'return'] });
    await lab.settle();
    await lab.publish(probe, { key: 'reused early', acts: ['permanent'] });
    await lab.drain();
    expect(await countOf(lab, 'run:reused early')).toBe(2);
    expect(await lab.record(probe, 'reused early')).toMatchObject({ state: 'completed', attempts: 2 });
    const letters = (await lab.deadLetters(probe)).filter(({ job }) => job?.key === 'reused early');
    expect(letters.map(({ reason }) => reason.code)).toEqual(['KEY_REUSED']);
  });
});
