import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { parseSettings, type Settings, settingsOf } from '../../../infra/config.ts';
import { addStage, newApp } from '../../../infra/stage.ts';

/** What `cdk` prints of a stage with these settings, without the hint of how to silence each. */
function warnings(stage: string, changes: Partial<Settings> = {}): string[] {
  const app = newApp({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const { jobs, state } = addStage(app, parseSettings({ ...settingsOf(stage), ...changes }));
  return [state, jobs]
    .flatMap((stack) => Annotations.fromStack(stack).findWarning('*', Match.anyValue()))
    .map(({ entry }) => String(entry.data).replace(/ \[ack: .*\]$/, ''));
}

describe('a stage whose settings are still those of the repository', () => {
  test('is warned of who hears no alarm, of a sender that is nobody and of a runbook that no mail leads to', () => {
    expect(warnings('prod')).toEqual([
      'infra/settings/prod.ts: no alarmEmail, so nobody hears of an alarm who has not subscribed to the topic by hand.',
      'infra/settings/prod.ts: emailFrom is no-reply@example.com, of a domain that SES will never verify, so no e-mail leaves.',
      "infra/settings/prod.ts: runbook is docs/runbook.md, which is no address: nobody gets there from an alarm's mail.",
    ]);
  });

  test('is told the file that its settings are from', () => {
    for (const warning of warnings('sam')) expect(warning).toMatch(/^infra\/settings\/dev\.ts: /);
  });

  test.each(['jobs@example.org', 'jobs@mail.example.net'])('is warned of the sender %s', (emailFrom) => {
    expect(warnings('dev', { emailFrom }).join()).toContain(`emailFrom is ${emailFrom}`);
  });
});

test('settings that are meant are not warned of', () => {
  const meant = {
    alarmEmail: 'night@shop.example',
    emailFrom: 'jobs@counterexample.com',
    runbook: 'https://wiki.shop.example/honest-jobs/runbook',
  };
  expect(warnings('prod', meant)).toEqual([]);
});
