import { Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';

export interface AlarmTopicProps {
  /** Who is told. SNS asks them to confirm first. @default nobody: subscribe by hand */
  readonly email?: string | undefined;
}

/**
 * Where every alarm of a stage goes; TLS only.
 *
 * Not encrypted with a KMS key: CloudWatch cannot publish to a topic under AWS's own key, and a key of ours costs a dollar a
 * month for messages that hold names, thresholds and numbers, never a payload.
 */
export class AlarmTopic extends Topic {
  constructor(scope: Construct, id: string, { email }: AlarmTopicProps = {}) {
    super(scope, id, { displayName: 'honest-jobs alarms', enforceSSL: true });
    const { account, region } = Stack.of(this);
    // A topic with a policy has lost SNS's default one, by which CloudWatch was let in: without this, alarms fire into nothing.
    this.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': account },
          ArnLike: {
            'aws:SourceArn': `arn:${Stack.of(this).partition}:cloudwatch:${region}:${account}:alarm:*`,
          },
        },
      }),
    );
    if (email) this.addSubscription(new EmailSubscription(email));
  }
}
