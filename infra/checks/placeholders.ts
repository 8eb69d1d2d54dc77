import { Annotations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Settings } from '../config.ts';

/** The domains that nobody has. https://www.rfc-editor.org/rfc/rfc2606#section-3 */
const NOBODYS_DOMAIN = /[@.]example\.(com|net|org)$/;

/** What a stage can be deployed with, and not be run with: `cdk` says so at each command. */
export function warnOfPlaceholders(scope: IConstruct, settings: Settings): void {
  const { stage, alarmEmail, emailFrom, runbook } = settings;
  const file = `infra/settings/${stage === 'prod' ? 'prod' : 'dev'}.ts`;
  const warn = (setting: keyof Settings, says: string): void =>
    Annotations.of(scope).addWarningV2(`honest-jobs:${setting}`, `${file}: ${says}`);
  if (alarmEmail === undefined)
    warn(
      'alarmEmail',
      'no alarmEmail, so nobody hears of an alarm who has not subscribed to the topic by hand.',
    );
  if (NOBODYS_DOMAIN.test(emailFrom))
    warn(
      'emailFrom',
      `emailFrom is ${emailFrom}, of a domain that SES will never verify, so no e-mail leaves.`,
    );
  if (!URL.canParse(runbook))
    warn('runbook', `runbook is ${runbook}, which is no address: nobody gets there from an alarm's mail.`);
}
