import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Publisher } from '../../shared/client/publisher.ts';
import { grantedQueueUrl } from '../../shared/client/queue-urls.ts';
import { CLIENT_DEFAULTS, repeat } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required } from '../../shared/jobs/environment.ts';
import { generateReport, notify } from '../../shared/jobs/generate-report.ts';
import { sendEmail } from '../../shared/jobs/send-email.ts';
import { runStage } from '../../shared/stages/index.ts';
import { announcementOf } from './announcement.ts';
import { signLinks } from './links.ts';

const bucket = required(ENVIRONMENT.bucket);
const s3 = new S3Client(CLIENT_DEFAULTS);
const publisher = new Publisher({
  sqs: new SQSClient(CLIENT_DEFAULTS),
  source: '/honest-jobs/generate-report',
  queueUrl: grantedQueueUrl,
});

export const handler = runStage(generateReport, notify, async (uploaded, { payload, step }) => {
  const { reportId } = payload;
  // Kept, so that the e-mail is the same each time: another run's links would be others.
  const signed = await step('sign', () => signLinks(uploaded, { s3, bucket, reportId }), {
    ifUncertain: repeat(),
  });
  const email = announcementOf(payload, { ...uploaded, ...signed }, { bucket, nowMs: Date.now() });
  // The e-mail's key is the report's id, and its payload follows from what was recorded: published twice, it is still one e-mail.
  await step('publish', () => publisher.publish(sendEmail, email), { ifUncertain: repeat() });
  return { ...uploaded, ...signed, notificationId: email.notificationId };
});
