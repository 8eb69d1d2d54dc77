import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { synthesized } from './synthesized.ts';

const prod = synthesized({ stage: 'prod' });
const { jobs } = prod.template;
const idOf = (type: string, name: string): string =>
  [...prod.resources(type).keys()].find((id) => id.startsWith(name)) ?? `no ${name}`;
const topic = { Ref: idOf('AWS::SNS::Topic', 'EmailEvents') };
const recorder = idOf('AWS::Lambda::Function', 'EmailEvents');

describe("SES's events", () => {
  test('that decide what became of an e-mail go to a topic of their own, and no others', () => {
    jobs.hasResourceProperties('AWS::SES::ConfigurationSetEventDestination', {
      EventDestination: {
        Enabled: true,
        MatchingEventTypes: ['send', 'reject', 'delivery', 'bounce', 'complaint', 'renderingFailure'],
        SnsDestination: { TopicARN: topic },
      },
    });
  });

  test('are published by SES alone, for the one configuration set of this account, and over TLS', () => {
    jobs.hasResource('AWS::SNS::TopicPolicy', {
      Properties: {
        Topics: [topic],
        PolicyDocument: {
          Statement: [
            Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
            {
              Effect: 'Allow',
              Action: 'sns:Publish',
              Principal: { Service: 'ses.amazonaws.com' },
              Resource: topic,
              Condition: {
                StringEquals: {
                  'AWS:SourceAccount': { Ref: 'AWS::AccountId' },
                  'AWS:SourceArn': Match.anyValue(),
                },
              },
            },
          ],
        },
      },
    });
  });

  test('are encrypted on their way, by a key that SES may use for this account', () => {
    jobs.hasResourceProperties('AWS::SNS::Topic', {
      KmsMasterKeyId: { 'Fn::GetAtt': [idOf('AWS::KMS::Key', 'EmailEvents'), 'Arn'] },
    });
    jobs.hasResourceProperties('AWS::KMS::Key', {
      EnableKeyRotation: true,
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
            Principal: { Service: 'ses.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      },
    });
  });

  test('reach a function before SES publishes the first one', () => {
    jobs.hasResourceProperties('AWS::SNS::Subscription', {
      TopicArn: topic,
      Protocol: 'lambda',
      Endpoint: { 'Fn::GetAtt': [recorder, 'Arn'] },
    });
    const [destination] = Object.values(
      jobs.findResources('AWS::SES::ConfigurationSetEventDestination') as Record<
        string,
        { DependsOn: readonly string[] }
      >,
    );
    expect(destination?.DependsOn).toEqual(
      expect.arrayContaining([
        idOf('AWS::SNS::Subscription', 'EmailEvents'),
        idOf('AWS::SNS::TopicPolicy', 'EmailEvents'),
      ]),
    );
  });

  test('that the function fails on are tried twice more, and then kept for a person, who is told', () => {
    const queue = idOf('AWS::SQS::Queue', 'EmailEvents');
    jobs.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: recorder },
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [queue, 'Arn'] } } },
    });
    jobs.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'honest-jobs-prod-email-events-lost-events-warning',
      Threshold: 1,
    });
  });

  test('are recorded by a function that can put items into their table, and nothing else', () => {
    const [policy] = [...prod.resources('AWS::IAM::Policy').entries()]
      .filter(([id]) => id.startsWith('EmailEvents'))
      .map(([, { Properties }]) => Properties.PolicyDocument.Statement as { Action: unknown }[]);
    expect(policy?.flatMap(({ Action }) => Action)).toEqual([
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'dynamodb:PutItem',
      'sqs:SendMessage',
    ]);
  });
});
