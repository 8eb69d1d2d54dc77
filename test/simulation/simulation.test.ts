import { expect, it } from 'vitest';
import { runShards } from './shards.ts';

it('a thousand jobs with a random seed keep every rule, whatever fails', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed} (again: npm run simulate -- --jobs 1000 --seed ${seed})`);
  const { reports, ok } = await runShards(
    { seed, jobs: 1000, jobsAWorld: 1000, density: 1, shrinkForMs: 20_000 },
    { processes: 1 },
  );
  expect(reports.map(({ violation }) => violation?.story)).toEqual([undefined]);
  expect(ok).toBe(true);
  // It would keep them too if nothing had run, or nothing had failed.
  expect(reports[0]?.outcomes.completed).toBeGreaterThan(800);
  expect(Object.keys(reports[0]?.struck ?? {}).length).toBeGreaterThan(20);
});

it('the same seed gives the same trace, in however many processes, and another seed another', async () => {
  const hashOf = async (seed: number, processes: number): Promise<string> => {
    const { hash, ok } = await runShards(
      { seed, jobs: 120, jobsAWorld: 60, density: 2, shrinkForMs: 0 },
      { processes },
    );
    expect(ok).toBe(true);
    return hash;
  };
  const first = await hashOf(4, 1);
  expect(await hashOf(4, 2)).toBe(first);
  expect(await hashOf(5, 2)).not.toBe(first);
});
