/** One queue, one function that does nothing, one mapping: what the platform itself costs a message. */
import { fileURLToPath } from 'node:url';
import { App, Stack } from 'aws-cdk-lib';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { TRIVIAL_QUEUE } from './queue-name.ts';

const BATCH_SIZE = 10;

// Not the stages' own app, which refuses a queue that has no more than this.
const app = new App({ analyticsReporting: false });
const stack = new Stack(app, 'HonestJobsBench-Trivial');
const queue = new Queue(stack, 'Queue', { queueName: TRIVIAL_QUEUE });
const consumer = new LambdaFunction(stack, 'Consumer', {
  code: Code.fromAsset(fileURLToPath(new URL('function', import.meta.url))),
  handler: 'index.handler',
  runtime: Runtime.NODEJS_24_X,
  architecture: Architecture.ARM_64,
});
consumer.addEventSource(new SqsEventSource(queue, { batchSize: BATCH_SIZE, reportBatchItemFailures: true }));
app.synth();
