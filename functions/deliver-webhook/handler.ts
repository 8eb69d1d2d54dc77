import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Publisher } from '../../shared/client/publisher.ts';
import { grantedQueueUrl } from '../../shared/client/queue-urls.ts';
import { CLIENT_DEFAULTS, consume, documentClient } from '../../shared/consumer/index.ts';
import { deliverWebhook } from '../../shared/jobs/deliver-webhook.ts';
import { ALLOW_LOOPBACK_VARIABLE, required, tableVariable } from '../../shared/jobs/environment.ts';
import { sendEmail } from '../../shared/jobs/send-email.ts';
import { postPublic } from '../../shared/outbound/post-public.ts';
import { WEBHOOK_METRICS } from '../../shared/webhooks/metrics.ts';
import { deliver } from './deliver.ts';
import { DeliveryLog } from './delivery-log.ts';
import { Endpoints } from './endpoints.ts';
import { noticeOf } from './notice.ts';

const dynamo = documentClient();
const publisher = new Publisher({
  sqs: new SQSClient(CLIENT_DEFAULTS),
  source: '/honest-jobs/deliver-webhook',
  queueUrl: grantedQueueUrl,
});

export const handler = consume(
  deliverWebhook,
  deliver({
    endpoints: new Endpoints(dynamo, required(tableVariable('webhook-endpoints'))),
    log: new DeliveryLog(dynamo, required(tableVariable('webhook-deliveries'))),
    post: postPublic,
    notify: async (endpoint) => {
      const notice = noticeOf(endpoint);
      if (notice) await publisher.publish(sendEmail, notice);
    },
    countDisabled: () =>
      new Metrics().singleMetric().addMetric(WEBHOOK_METRICS.endpointsDisabled, MetricUnit.Count, 1),
    allowLoopback: process.env[ALLOW_LOOPBACK_VARIABLE] === 'true',
    now: Date.now,
    random: Math.random,
  }),
);
