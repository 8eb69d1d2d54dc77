import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { runShards } from './shards.ts';

const SEED = 20_260;

describe('the simulation finds a consumer that', () => {
  it.each(PLANTED_BUGS.map((bug, index) => ({ ...bug, index })))(
    '$name',
    async ({ name, rules, index }) => {
      const { reports, ok } = await runShards(
        { seed: SEED, jobs: 2000, jobsAWorld: 100, density: 4, shrinkForMs: 0 },
        {
          processes: 1,
          execArgv: ['--import', './test/simulation/plant.ts'],
          env: { SIMULATION_PLANTED_BUG: String(index) },
        },
      );
      const found = reports.find(({ violation }) => violation);
      console.log(
        `${name}: caught in world ${found?.place.index} of seed ${SEED}, its own seed ${found?.place.seed}`,
      );
      expect(ok).toBe(false);
      expect(rules).toContain(found?.violation?.rule);
    },
    120_000,
  );
});
