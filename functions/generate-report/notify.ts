import { SQSClient } from '@aws-sdk/client-sqs';
import { Publisher } from '../../shared/client/publisher.ts';
import { grantedQueueUrl } from '../../shared/client/queue-urls.ts';
import { CLIENT_DEFAULTS, repeat } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required } from '../../shared/jobs/environment.ts';
import { generateReport, notify } from '../../shared/jobs/generate-report.ts';
import { sendEmail } from '../../shared/jobs/send-email.ts';
import { runStage } from '../../shared/stages/index.ts';
import { announcementOf } from './announcement.ts';

const bucket = required(ENVIRONMENT.bucket);
const publisher = new Publisher({
  sqs: new SQSClient(CLIENT_DEFAULTS),
  source: '/honest-jobs/generate-report',
  queueUrl: grantedQueueUrl,
});

export const handler = runStage(generateReport, notify, async (uploaded, { payload, step }) => {
  const email = announcementOf(payload, uploaded, bucket);
  // The e-mail's key is the report's id, and its payload follows from what was recorded: published twice, it is still one e-mail.
  await step('publish', () => publisher.publish(sendEmail, email), { ifUncertain: repeat() });
  return { ...uploaded, notificationId: email.notificationId };
});
