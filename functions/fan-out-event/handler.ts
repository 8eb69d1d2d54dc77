import { SQSClient } from '@aws-sdk/client-sqs';
import { Publisher } from '../../shared/client/publisher.ts';
import { grantedQueueUrl } from '../../shared/client/queue-urls.ts';
import { CLIENT_DEFAULTS, consume, documentClient } from '../../shared/consumer/index.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { fanOutEvent } from '../../shared/jobs/fan-out-event.ts';
import { fanOut } from './fan-out.ts';

const publisher = new Publisher({
  sqs: new SQSClient(CLIENT_DEFAULTS),
  source: '/honest-jobs/fan-out-event',
  queueUrl: grantedQueueUrl,
});

export const handler = consume(
  fanOutEvent,
  fanOut({ dynamo: documentClient(), tableName: required(tableVariable('webhook-endpoints')), publisher }),
);
