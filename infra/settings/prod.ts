import type { SettingsInput } from '../config.ts';

export const prod: Omit<SettingsInput, 'stage'> = {
  logRetentionDays: 90,
  logLevel: 'INFO',
  pointInTimeRecovery: true,
  deletionProtection: true,
  removalPolicy: 'retain',
  emailFrom: 'no-reply@example.com',
  emailIdentity: 'create',
  runbook: 'docs/runbook.md',
  thresholds: {
    depth: { warning: 1000, critical: 10_000 },
    ageSeconds: { warning: 300, critical: 1800 },
    // Below a tenth the schedule copes; at a half a dependency is down.
    failureRate: { warning: 0.1, critical: 0.5 },
    minimumVolume: 20,
  },
  // 200 requests a second. The URL is anybody's: without it they could take all that the account may run, the consumers' part too.
  webhookConcurrency: 20,
  jobs: {},
};
