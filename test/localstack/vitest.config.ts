import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** For suites against a cloud that runs beside: they wait for it more than they work. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/{conformance,integration}/**/*.test.ts', 'test/**/*.live.ts'],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
