import { SQSClient } from '@aws-sdk/client-sqs';
import { Publisher } from '../../shared/client/publisher.ts';
import { grantedQueueUrl } from '../../shared/client/queue-urls.ts';
import { CLIENT_DEFAULTS, consume, documentClient, repeat } from '../../shared/consumer/index.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { placeOrder } from '../../shared/jobs/place-order.ts';
import { sendEmail } from '../../shared/jobs/send-email.ts';
import { confirmationOf } from './confirmation.ts';
import { reserveOrder } from './reserve-order.ts';

const tables = { orders: required(tableVariable('orders')), stock: required(tableVariable('stock')) };
const dynamo = documentClient();
const publisher = new Publisher({
  sqs: new SQSClient(CLIENT_DEFAULTS),
  source: '/honest-jobs/place-order',
  queueUrl: grantedQueueUrl,
});

export const handler = consume(placeOrder, async (order, { step, signal }) => {
  await reserveOrder(order, { dynamo, tables, signal });
  // The e-mail's key is the order's reference: published twice, it is still one e-mail.
  await step('confirm', () => publisher.publish(sendEmail, confirmationOf(order)), { ifUncertain: repeat() });
  return { reference: order.reference };
});
