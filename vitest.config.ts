import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** What the bundler holds in a bundle as bytes (infra/constructs/bundled-code.ts), a test imports as bytes too. */
const BYTES = /\.(wasm|ttf|woff)$/;

/**
 * Suites that run every fault against every job, wait in real time, or start whole programs, executions or ways of a webhook: `npm run
 * test:thorough`. Apart, so that `npm test` stays under three minutes on two cores; CI runs both. `--mode all` finds a test in either.
 */
const THOROUGH = [
  'test/faults/**/*.test.ts',
  'test/functions/*/crashes.test.ts',
  'test/functions/charge-card/provider-*.test.ts',
  'test/functions/webhook-ingress/{requests,signatures,trouble}.test.ts',
  'test/functions/process-webhook/received.test.ts',
  'test/functions/fan-out-event/*.test.ts',
  'test/functions/deliver-webhook/{deliveries,endpoint-health}.test.ts',
  'test/functions/generate-report/{recovery,large-upload,report,report-document}.test.ts',
  'test/integration/**/*.test.ts',
  'test/simulation/planted-bugs.test.ts',
  'test/docs/**/*.test.ts',
  'test/cli/start.test.ts',
  'test/cli/stages.test.ts',
  'test/cli/account/stage-runs.test.ts',
  'test/cli/commands-that-change.test.ts',
  'test/local/states/restart.test.ts',
  'test/local/lambda/lineage.test.ts',
  'test/shared/consumer/{recording,remembering,time-left}.test.ts',
  'test/shared/outbound/post-public.test.ts',
  'test/shared/stages/{execution-ended,late-resumes,staged-jobs,sweep}.test.ts',
  'test/shared/client/{cancel-staged,stage-status}.test.ts',
  'test/powertools/**/*.test.ts',
  'test/functions/send-email/uncertain-sends.test.ts',
  'test/infra/{app,deferrals,outages}.test.ts',
  'test/clients/**/*.test.ts',
  'test/infra/lint/**/*.test.ts',
  'test/infra/roles/**/*.test.ts',
];

export default defineConfig(({ mode }) => ({
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
    include: mode === 'thorough' ? THOROUGH : ['test/**/*.test.ts'],
    exclude: mode === 'thorough' || mode === 'all' ? [] : THOROUGH,
    globalSetup: ['test/lab/global-setup.ts'],
    // Real functions start in worker threads of the test's own process: two files at a time is what two cores carry.
    pool: 'forks',
    server: { deps: { inline: [BYTES] } },
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
}));
