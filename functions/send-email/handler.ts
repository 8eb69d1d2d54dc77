import { SESv2Client } from '@aws-sdk/client-sesv2';
import {
  CLIENT_DEFAULTS,
  consume,
  documentClient,
  NotDone,
  PermanentError,
  type Verified,
  verify,
} from '../../shared/consumer/index.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { sendEmail } from '../../shared/jobs/send-email.ts';
import { SesMailer } from './mailer.ts';
import { SentEvents } from './sent-events.ts';
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
const dynamo = documentClient();
const suppressions = new Suppressions(dynamo, required(tableVariable('suppressions')));
const events = new SentEvents(dynamo, required(tableVariable('email-events')));

/** SES's events come within seconds as a rule; when none has come after a quarter of an hour, a person decides. */
const LOOK = { everySeconds: 60, forSeconds: 900 };

export const handler = consume(sendEmail, async ({ notificationId, to, message }, context) => {
  const mail = render(message);
  let refused: PermanentError | undefined;
  const sent = await context.step(
    'send',
    async () => {
      // It was in vain, and would be again; the step is free for a redrive.
      if (refused) throw new NotDone(refused.message, { cause: refused });
      // This look is part of the step: an uncertain send must not end as suppressed.
      if (await isSuppressed(to)) return { suppressed: true };
      return mailer.send({ to, notificationId, ...mail }, context.signal);
    },
    // SES has no idempotency key: what may have been sent is not sent again before its own events say that it was not.
    { ifUncertain: verify(findSent, LOOK) },
  );
  if (!('invalidAddress' in sent)) return sent;
  await suppressions.add(to, sent.invalidAddress);
  context.log.info('The address is invalid and suppressed from now on.', { reason: sent.invalidAddress });
  return { suppressed: true };

  async function findSent({ begunAtMs }: { begunAtMs: number }): Promise<Verified<{ sesMessageId: string }>> {
    const told = await events.of(notificationId, begunAtMs);
    switch (told.mail) {
      case 'taken':
        return { found: 'done', result: { sesMessageId: told.sesMessageId } };
      case 'refused':
        refused = new PermanentError(
          `SES took the mail (${told.sesMessageId}) and did not send it: ${told.reason}. Mend its content, then redrive.`,
          { code: 'EMAIL_REFUSED' },
        );
        return { found: 'notDone' };
      case 'unknown':
        return { found: 'unknown' };
    }
  }
});

async function isSuppressed(address: string): Promise<boolean> {
  try {
    return await suppressions.has(address);
  } catch (error) {
    throw new NotDone('The suppressed addresses cannot be read.', { cause: error });
  }
}
