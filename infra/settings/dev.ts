import type { SettingsInput } from '../config.ts';

/** Cheap and quick to throw away. The base of every stage that is neither dev nor prod. */
export const dev: Omit<SettingsInput, 'stage'> = {
  logRetentionDays: 7,
  logLevel: 'INFO',
  pointInTimeRecovery: false,
  deletionProtection: false,
  removalPolicy: 'destroy',
  emailFrom: 'no-reply@dev.example.com',
  emailIdentity: 'create',
  runbook: 'docs/runbook.md',
  thresholds: {
    depth: { warning: 1000 },
    ageSeconds: { warning: 900 },
    failureRate: { warning: 0.2 },
    minimumVolume: 10,
  },
  jobs: {},
};
