import { Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { User } from 'aws-cdk-lib/aws-iam';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseSettings, settingsOf } from '../../infra/config.ts';
import { JobQueue } from '../../infra/constructs/job-queue.ts';
import { newApp } from '../../infra/stage.ts';
import { defineJob } from '../../shared/jobs/define-job.ts';
import { schedule } from '../../shared/jobs/schedule.ts';
import { stackWith } from './platform-stack.ts';

const sendReceipt = defineJob({
  type: 'send-receipt',
  payload: z.object({ orderId: z.string() }),
  key: ({ orderId }) => orderId,
  timeoutSeconds: 60,
  schedule: schedule([10, 20]),
  batchSize: 5,
  maxConcurrency: 7,
  memoryMegabytes: 512,
});

const entry = 'functions/send-receipt/handler.ts';
const template = stackWith(settingsOf('dev'), (stack) => {
  new JobQueue(stack, 'SendReceipt', { job: sendReceipt, entry });
});
const QUEUE = 'honest-jobs-dev-send-receipt';
const idOf = (type: string, name: string) =>
  Object.keys(template.findResources(type, { Properties: { QueueName: name } }))[0];

describe('a job queue follows from its contract', () => {
  test('the queue keeps a message for 4 days and hides it for 6 times as long as the function may run', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: QUEUE,
      MessageRetentionPeriod: 4 * 86_400,
      VisibilityTimeout: 6 * (60 + 15),
    });
  });

  test('a message is moved to the dead-letter queue after two receives for each attempt and 5 to spare', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: QUEUE,
      RedrivePolicy: {
        deadLetterTargetArn: { 'Fn::GetAtt': [idOf('AWS::SQS::Queue', `${QUEUE}-dead`), 'Arn'] },
        maxReceiveCount: 2 * 3 + 5,
      },
    });
  });

  test('the dead-letter queue keeps a message for 14 days and takes it from its own queue alone', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: `${QUEUE}-dead`,
      MessageRetentionPeriod: 14 * 86_400,
      RedriveAllowPolicy: {
        redrivePermission: 'byQueue',
        sourceQueueArns: [{ 'Fn::Join': ['', Match.arrayWith([`:${QUEUE}`])] }],
      },
    });
  });

  test('both queues are encrypted and refuse what does not come by TLS', () => {
    template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
    for (const name of [QUEUE, `${QUEUE}-dead`])
      template.hasResourceProperties('AWS::SQS::QueuePolicy', {
        Queues: [{ Ref: idOf('AWS::SQS::Queue', name) }],
        PolicyDocument: {
          Statement: [
            Match.objectLike({
              Effect: 'Deny',
              Action: 'sqs:*',
              Principal: { AWS: '*' },
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            }),
          ],
        },
      });
  });

  test('the consumer has the memory of the contract and the margin beyond its timeout', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: QUEUE,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      MemorySize: 512,
      Timeout: 75,
      ReservedConcurrentExecutions: Match.absent(),
    });
  });

  test('the consumer finds in its environment what it reads', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          HONEST_JOBS_STAGE: 'dev',
          HONEST_JOBS_TABLE: Match.anyValue(),
          HONEST_JOBS_QUEUE_URL: { Ref: idOf('AWS::SQS::Queue', QUEUE) },
          HONEST_JOBS_QUEUE_ARN: { 'Fn::GetAtt': [idOf('AWS::SQS::Queue', QUEUE), 'Arn'] },
          HONEST_JOBS_SCHEDULE_GROUP: 'honest-jobs-dev',
          HONEST_JOBS_SCHEDULE_ROLE_ARN: {
            'Fn::GetAtt': [Match.stringLikeRegexp('^PlatformScheduleRole'), 'Arn'],
          },
          HONEST_JOBS_BUCKET: { 'Fn::ImportValue': Match.stringLikeRegexp('Payloads') },
          POWERTOOLS_SERVICE_NAME: 'send-receipt',
          POWERTOOLS_METRICS_NAMESPACE: 'honest-jobs/dev',
          POWERTOOLS_LOG_LEVEL: 'INFO',
          NODE_OPTIONS: '--enable-source-maps',
        },
      },
    });
  });

  test('the consumer logs into a group of its own, which forgets', () => {
    template.hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: `/aws/lambda/${QUEUE}`,
      RetentionInDays: 7,
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      LoggingConfig: { LogGroup: { Ref: Object.keys(template.findResources('AWS::Logs::LogGroup'))[0] } },
    });
  });

  test('the mapping reports failures one by one and limits concurrency itself', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [idOf('AWS::SQS::Queue', QUEUE), 'Arn'] },
      BatchSize: 5,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 7 },
    });
  });

  test('the dashboard has a row with the five metrics that every queue needs, and the dead letters', () => {
    const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
    const body = JSON.stringify(dashboard);
    const titles = [...body.matchAll(/\\"title\\":\\"([^"\\]+)\\"/g)].map(([, title]) => title);
    expect(titles).toEqual([
      'Queue length',
      'Waiting time',
      'Duration',
      'Failure rate',
      'Retries',
      'Dead letters',
    ]);
    // What no metric of ours shows: invocations that never got as far as a job.
    for (const metric of ['Errors', 'Throttles', 'Unreachable']) expect(body).toContain(`\\"${metric}\\"`);
  });
});

describe('settings of a stage', () => {
  test('override the limits of a contract', () => {
    const settings = parseSettings({
      ...settingsOf('dev'),
      jobs: { 'send-email': { maxConcurrency: 50, memoryMegabytes: 1024 } },
    });
    const overridden = stackWith(settings, (stack) => {
      new JobQueue(stack, 'SendEmail', { job: { ...sendReceipt, type: 'send-email' }, entry });
    });
    overridden.hasResourceProperties('AWS::Lambda::Function', { MemorySize: 1024 });
    overridden.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      ScalingConfig: { MaximumConcurrency: 50 },
    });
  });

  test('keep the queues of prod when their job type leaves the stack, and not when the deploy that made them is rolled back', () => {
    stackWith(settingsOf('prod'), (stack) => {
      new JobQueue(stack, 'SendReceipt', { job: sendReceipt, entry });
    }).allResources('AWS::SQS::Queue', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });
});

describe('the right to publish', () => {
  test('goes to the queue of the type alone, and a function is told its address', () => {
    const publishing = stackWith(settingsOf('dev'), (stack) => {
      const receipts = new JobQueue(stack, 'SendReceipt', { job: sendReceipt, entry });
      const orders = new JobQueue(stack, 'Orders', { job: { ...sendReceipt, type: 'orders' }, entry });
      receipts.grantPublish(orders.consumer);
    });
    const receipts = { 'Fn::GetAtt': [Match.stringLikeRegexp('^SendReceiptQueue'), 'Arn'] };
    publishing.hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('^Orders'),
      PolicyDocument: {
        Statement: Match.arrayWith([{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: receipts }]),
      },
    });
    publishing.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'honest-jobs-dev-orders',
      Environment: {
        Variables: { QUEUE_URL_SEND_RECEIPT: { Ref: Match.stringLikeRegexp('^SendReceiptQueue') } },
      },
    });
  });

  test('goes to a principal that is no function, too', () => {
    stackWith(settingsOf('dev'), (stack) => {
      new JobQueue(stack, 'SendReceipt', { job: sendReceipt, entry }).grantPublish(new User(stack, 'Shop'));
    }).hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('^Shop'),
      PolicyDocument: {
        Statement: [Match.objectLike({ Action: ['sqs:SendMessage', 'sqs:GetQueueUrl'] })],
      },
    });
  });
});

describe('a job queue that cannot work', () => {
  test('without a handler names the file to write', () => {
    expect(() =>
      stackWith(settingsOf('dev'), (stack) => {
        new JobQueue(stack, 'SendReceipt', { job: sendReceipt });
      }),
    ).toThrow(
      'The job type "send-receipt" has no handler: write functions/send-receipt/handler.ts, which exports `handler`.',
    );
  });

  test('without a platform says what to create', () => {
    expect(
      () => new JobQueue(new Stack(newApp(), 'Alone'), 'SendReceipt', { job: sendReceipt, entry }),
    ).toThrow(
      'Alone/SendReceipt is a job queue without a platform: create a JobPlatform in its stack first.',
    );
  });
});
