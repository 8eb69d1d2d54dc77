import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  ConfigurationSetEventDestination,
  EmailSendingEvent,
  EventDestination,
  type IConfigurationSet,
} from 'aws-cdk-lib/aws-ses';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DEAD_LETTER_RETENTION_SECONDS } from '../../shared/jobs/define-job.ts';
import { deadLetterQueueName, EMAIL_EVENTS, functionName } from '../../shared/jobs/names.ts';
import { EmailEventRecorder } from './email-event-recorder.ts';
import { JobPlatform } from './job-platform.ts';
import { removalPolicyOf } from './removal-policy.ts';
import { RunbookAlarm } from './runbook-alarm.ts';

export interface EmailEventsProps {
  /** Whose events are recorded. */
  readonly configurationSet: IConfigurationSet;
  /** Where they are recorded. */
  readonly table: TableV2;
}

/**
 * From SES's events to a table: event destination, topic, function, and the queue for what the function could not record. An e-mail of
 * which nobody knows whether it was sent is looked up there. It needs a {@link JobPlatform} in a scope around it.
 */
export class EmailEvents extends Construct {
  constructor(scope: Construct, id: string, { configurationSet, table }: EmailEventsProps) {
    super(scope, id);
    const { settings, alarmTopic } = JobPlatform.of(this);
    const deadLetterQueue = new Queue(this, 'DeadLetterQueue', {
      queueName: deadLetterQueueName(settings.stage, EMAIL_EVENTS),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.seconds(DEAD_LETTER_RETENTION_SECONDS),
      removalPolicy: removalPolicyOf(settings),
    });
    const recorder = new EmailEventRecorder(this, 'Recorder', { settings, table, deadLetterQueue });
    const topic = this.#topic();
    const subscription = topic.addSubscription(new LambdaSubscription(recorder, { deadLetterQueue }));
    // It lets SES publish too: for this one configuration set of this account.
    const destination = new ConfigurationSetEventDestination(this, 'Destination', {
      configurationSet,
      destination: EventDestination.snsTopic(topic),
      events: [
        EmailSendingEvent.SEND,
        EmailSendingEvent.REJECT,
        EmailSendingEvent.DELIVERY,
        EmailSendingEvent.BOUNCE,
        EmailSendingEvent.COMPLAINT,
        EmailSendingEvent.RENDERING_FAILURE,
      ],
    });
    // No event before somebody listens.
    destination.node.addDependency(subscription);
    new RunbookAlarm(this, 'Lost', {
      subject: functionName(settings.stage, EMAIL_EVENTS),
      name: 'lost-events',
      severity: 'warning',
      says: "SES's events could not be recorded, so e-mails that are uncertain may be looked for in vain",
      runbook: settings.runbook,
      metric: deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      threshold: 1,
      topic: alarmTopic,
    });
  }

  /** Events hold addresses and subjects, so the topic is encrypted; by a key of ours, since SES may not use AWS's own. */
  #topic(): Topic {
    const key = new Key(this, 'Key', {
      description: "Encrypts SES's events on their way to the function that records them",
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    key.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('ses.amazonaws.com')],
        actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    return new Topic(this, 'Topic', {
      displayName: 'honest-jobs e-mail events',
      enforceSSL: true,
      masterKey: key,
    });
  }
}
