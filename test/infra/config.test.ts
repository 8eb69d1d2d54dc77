import { describe, expect, test } from 'vitest';
import { parseSettings, type SettingsInput, settingsOf } from '../../infra/config.ts';

const prod = settingsOf('prod');

function refusalOf(changes: object): string {
  try {
    parseSettings({ ...prod, ...changes } as SettingsInput);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the settings were accepted');
}

describe('settings of a stage', () => {
  test('dev is the stage where none is named', () => {
    expect(settingsOf(undefined)).toEqual(settingsOf('dev'));
  });

  test('another name is a stage of its own of the kind of dev, which leaves the identity to dev', () => {
    expect(settingsOf('sam')).toEqual({ ...settingsOf('dev'), stage: 'sam', emailIdentity: 'existing' });
  });

  test('prod keeps what it has: recovery, deletion protection, and what leaves its stack', () => {
    expect(prod).toMatchObject({
      pointInTimeRecovery: true,
      deletionProtection: true,
      removalPolicy: 'retain',
    });
  });

  test.each(['', '-sam', 'Sam', 'sam_1', 's'.repeat(21), 5, { stage: 'sam' }])(
    'the stage name %j is refused with what a name may be',
    (stage) => {
      expect(() => settingsOf(stage)).toThrow(
        `stage is ${JSON.stringify(stage)}; give 1 to 20 lower case letters, digits and "-", not starting with "-".`,
      );
    },
  );

  const thresholds = prod.thresholds;
  test.each([
    [{ logRetentionDays: 4 }, 'logRetentionDays is 4; give one of 1, 3, 5, 7, 14,'],
    [{ logLevel: 'LOUD' }, 'logLevel is "LOUD"; give one of DEBUG, INFO, WARN, ERROR.'],
    [{ pointInTimeRecovery: 'yes' }, 'pointInTimeRecovery is "yes"; give true or false.'],
    [{ deletionProtection: undefined }, 'deletionProtection is missing; give true or false.'],
    [{ removalPolicy: 'keep' }, 'removalPolicy is "keep"; give one of retain, destroy.'],
    [{ alarmEmail: 'ops' }, 'alarmEmail is "ops"; give an e-mail address'],
    [{ emailFrom: 'ops@' }, 'emailFrom is "ops@"; give an e-mail address'],
    [
      { thresholds: { ...thresholds, depth: { warning: 0 } } },
      'thresholds.depth.warning is 0; give a whole number from 1 to 1000000000.',
    ],
    [
      { thresholds: { ...thresholds, ageSeconds: { critical: 59 } } },
      'thresholds.ageSeconds.critical is 59; give a whole number from 60 to 1209600.',
    ],
    [
      { thresholds: { ...thresholds, failureRate: { warning: 10 } } },
      'thresholds.failureRate.warning is 10; give a number above 0 and at most 1.',
    ],
    [
      { thresholds: { ...thresholds, minimumVolume: 1.5 } },
      'thresholds.minimumVolume is 1.5; give a whole number from 1 to 1000000.',
    ],
    [
      { thresholds: { ...thresholds, depth: { warning: 9, critical: 9 } } },
      'thresholds.depth is {"warning":9,"critical":9}; give a warning below critical.',
    ],
    [
      { jobs: { 'send-email': { thresholds: { depth: { warning: 20_000 } } } } },
      'jobs.send-email.thresholds.depth is {"warning":20000}; with the stage\'s that is 20000 before 10000: give a warning below critical.',
    ],
    [
      { jobs: { 'send-email': { memoryMegabytes: 64 } } },
      'jobs.send-email.memoryMegabytes is 64; give a whole number from 128 to 10240.',
    ],
    [{ webhookConcurrency: 0 }, 'webhookConcurrency is 0; give a whole number from 1 to 1000.'],
    [
      { jobs: { 'send-email': { maxConcurrency: 1 } } },
      'jobs.send-email.maxConcurrency is 1; give a whole number from 2 to 1000.',
    ],
  ])('%j is refused with key, value and range', (changes, sentence) => {
    expect(refusalOf(changes)).toContain(`Settings of stage "prod": ${sentence}`);
  });

  test.each([
    [{ pointInTimeRecvery: true }, 'pointInTimeRecvery'],
    [{ thresholds: { ...thresholds, dept: 1 } }, 'thresholds.dept'],
    [{ jobs: { 'send-emails': {} } }, 'jobs.send-emails'],
    [{ jobs: { 'send-email': { memory: 256 } } }, 'jobs.send-email.memory'],
  ])('a setting that nothing reads is refused: %j', (changes, key) => {
    expect(refusalOf(changes)).toContain(`${key} is no setting; give `);
  });
});
