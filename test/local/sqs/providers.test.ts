import { describe, expect, it } from 'vitest';
import type { Properties, ResourceIdentity } from '../../../local/kernel/resources.ts';
import { openSqs, type SqsLab } from './sqs-lab.ts';

const IDENTITY: ResourceIdentity = {
  stackName: 'Jobs',
  logicalId: 'Queue',
  metadata: {},
  generatedName: () => 'Jobs-Queue-1A2B',
  assetDirectory: (key) => key,
};

function provision({ sqs }: SqsLab, type: string, properties: Properties) {
  const provider = sqs.providers().find((candidate) => candidate.type === type);
  if (provider === undefined) throw new Error(`SQS provides no ${type}`);
  return provider.provision(properties, IDENTITY);
}

describe('SQS resources of a template', () => {
  it('make a queue with every property that CDK writes', async () => {
    await using lab = openSqs();
    const dead = provision(lab, 'AWS::SQS::Queue', {
      QueueName: 'dead',
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
      RedriveAllowPolicy: {
        redrivePermission: 'byQueue',
        sourceQueueArns: ['arn:aws:sqs:us-east-1:000000000000:live'],
      },
    });
    const live = provision(lab, 'AWS::SQS::Queue', {
      QueueName: 'live',
      VisibilityTimeout: 180,
      DelaySeconds: 1,
      ReceiveMessageWaitTimeSeconds: 20,
      MaximumMessageSize: 2048,
      RedrivePolicy: { deadLetterTargetArn: dead.attributes.Arn, maxReceiveCount: 10 },
      Tags: [{ Key: 'team', Value: 'jobs' }],
    });
    expect(live).toEqual({
      ref: 'http://127.0.0.1:4566/000000000000/live',
      attributes: {
        Arn: 'arn:aws:sqs:us-east-1:000000000000:live',
        QueueName: 'live',
        QueueUrl: 'http://127.0.0.1:4566/000000000000/live',
      },
    });
    expect(lab.sqs.attributes(lab.sqs.arnOf('dead')).retentionSeconds).toBe(1_209_600);
    expect(lab.sqs.attributes(lab.sqs.arnOf('live'))).toEqual({
      visibilityTimeoutSeconds: 180,
      delaySeconds: 1,
      receiveWaitSeconds: 20,
      retentionSeconds: 345_600,
      maximumMessageBytes: 2048,
      redrivePolicy: { deadLetterTargetArn: dead.attributes.Arn, maxReceiveCount: 10 },
      redriveAllowPolicy: undefined,
    });
  });

  it('name a queue that has no name', async () => {
    await using lab = openSqs();
    expect(provision(lab, 'AWS::SQS::Queue', {}).attributes.QueueName).toBe('Jobs-Queue-1A2B');
  });

  it('deployed again change the settings, also back to defaults, and keep the messages', async () => {
    await using lab = openSqs();
    const arn = lab.sqs.arnOf('q');
    provision(lab, 'AWS::SQS::Queue', { QueueName: 'q', VisibilityTimeout: 180, DelaySeconds: 0 });
    lab.sqs.send(arn, { MessageBody: 'x' });
    provision(lab, 'AWS::SQS::Queue', { QueueName: 'q', DelaySeconds: 5 });
    expect(lab.sqs.attributes(arn)).toMatchObject({ visibilityTimeoutSeconds: 30, delaySeconds: 5 });
    expect(lab.sqs.counts(arn).visible).toBe(1);
  });

  it('put a policy on queues', async () => {
    await using lab = openSqs();
    const { ref } = provision(lab, 'AWS::SQS::Queue', { QueueName: 'q' });
    const PolicyDocument = { Version: '2012-10-17', Statement: [] };
    provision(lab, 'AWS::SQS::QueuePolicy', { Queues: [ref], PolicyDocument });
    const row = lab.context.store.db.prepare("SELECT attributes FROM sqs_queues WHERE name = 'q'").get();
    expect(JSON.parse(JSON.parse(String(row?.attributes)).Policy)).toEqual(PolicyDocument);
  });

  it.each([{ KmsMasterKeyId: 'alias/key' }, { FifoQueue: true }, { Colour: 'blue' }])(
    'refuse the property of %j by name',
    async (property) => {
      await using lab = openSqs();
      expect(() => provision(lab, 'AWS::SQS::Queue', property)).toThrow(
        new RegExp(`Jobs/Queue .*"${Object.keys(property)[0]}"`),
      );
    },
  );
});
