import { SESv2Client } from '@aws-sdk/client-sesv2';
import {
  CLIENT_DEFAULTS,
  consume,
  deadLetter,
  documentClient,
  NotDone,
} from '../../shared/consumer/index.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { sendEmail } from '../../shared/jobs/send-email.ts';
import { SesMailer } from './mailer.ts';
import { Suppressions } from './suppressions.ts';
import { render } from './templates.ts';

/** Tries of its own would repeat a send whose answer was lost; the job's schedule is the only retry here. */
const ses = new SESv2Client({
  ...CLIENT_DEFAULTS,
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 20_000, throwOnRequestTimeout: true },
});
const mailer = new SesMailer(ses, {
  from: required('EMAIL_FROM'),
  configurationSet: required('EMAIL_CONFIGURATION_SET'),
});
const suppressions = new Suppressions(documentClient(), required(tableVariable('suppressions')));

export const handler = consume(sendEmail, async ({ notificationId, to, message }, context) => {
  const mail = render(message);
  // The look at the suppressions is part of the step: an uncertain send must not end as suppressed.
  const sent = await context.step(
    'send',
    async () =>
      (await isSuppressed(to))
        ? { suppressed: true }
        : mailer.send({ to, notificationId, ...mail }, context.signal),
    // SES has no idempotency key: what may have been sent is not sent again until somebody has looked.
    { ifUncertain: deadLetter() },
  );
  if (!('invalidAddress' in sent)) return sent;
  await suppressions.add(to, sent.invalidAddress);
  context.log.info('The address is invalid and suppressed from now on.', { reason: sent.invalidAddress });
  return { suppressed: true };
});

async function isSuppressed(address: string): Promise<boolean> {
  try {
    return await suppressions.has(address);
  } catch (error) {
    throw new NotDone('The suppressed addresses cannot be read.', { cause: error });
  }
}
