import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** What the bundler holds in a bundle as bytes (infra/constructs/bundled-code.ts), a test imports as bytes too. */
const BYTES = /\.(wasm|ttf|woff)$/;

export default defineConfig({
  plugins: [
    {
      name: 'bytes',
      enforce: 'pre',
      load: (id) =>
        BYTES.test(id)
          ? `export default new Uint8Array(Buffer.from('${readFileSync(id, 'base64')}', 'base64'));`
          : undefined,
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/lab/global-setup.ts'],
    // Real functions start in worker threads of the test's own process: two files at a time is what two cores carry.
    pool: 'forks',
    server: { deps: { inline: [BYTES] } },
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
