import { ArnFormat, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Dashboard, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { DAY_INDEX } from '../../shared/jobs/day-index.ts';
import { tableVariable } from '../../shared/jobs/environment.ts';
import {
  cardProviderSecretName,
  REPORT_ASSETS_PREFIX,
  REPORT_DATA_PREFIX,
  REPORTS_PREFIX,
  type TableSubject,
} from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { ADDRESSING_ATTRIBUTES } from '../../shared/webhooks/endpoint.ts';
import type { Settings } from '../config.ts';
import { AlarmTopic } from '../constructs/alarm-topic.ts';
import { EmailEvents } from '../constructs/email-events.ts';
import { JobPlatform } from '../constructs/job-platform.ts';
import { JobQueue } from '../constructs/job-queue.ts';
import { StagedJob } from '../constructs/staged-job.ts';
import { WebhookIngress } from '../constructs/webhook-ingress.ts';
import type { StateStack } from './state.ts';

export interface JobsStackProps extends StackProps {
  readonly settings: Settings;
  readonly state: StateStack;
}

type ItemAction = 'GetItem' | 'PutItem' | 'Query' | 'UpdateItem';

/** What runs: each job type's queues and consumer, and what its consumer may reach beyond its own queue and records. */
export class JobsStack extends Stack {
  readonly #state: StateStack;

  constructor(scope: Construct, id: string, { settings, state, ...props }: JobsStackProps) {
    super(scope, id, { ...props, terminationProtection: settings.deletionProtection });
    this.#state = state;
    const alarmTopic = new AlarmTopic(this, 'Alarms', { email: settings.alarmEmail });
    const dashboard = new Dashboard(this, 'Dashboard', { dashboardName: `honest-jobs-${settings.stage}` });
    dashboard.addWidgets(
      new TextWidget({
        markdown: `## honest-jobs ${settings.stage}\nOne row a job type. What to do when an alarm is on: [runbook](${settings.runbook}).`,
        width: 24,
        height: 2,
      }),
    );
    new JobPlatform(this, 'Platform', { settings, state, alarmTopic, dashboard });

    const sendEmail = new JobQueue(this, 'SendEmail', { job: JOBS.sendEmail });
    this.#grantItems(sendEmail, 'suppressions', ['GetItem', 'PutItem']);
    this.#grantItems(sendEmail, 'email-events', ['Query']);
    this.#grantSend(sendEmail, settings);
    new EmailEvents(this, 'EmailEvents', {
      configurationSet: state.configurationSet,
      table: state.tables['email-events'],
    });

    const processPayment = new JobQueue(this, 'ProcessPayment', { job: JOBS.processPayment });
    // A transaction needs no permission of its own: it is checked as the puts and updates that it holds.
    this.#grantItems(processPayment, 'payments', ['GetItem', 'PutItem']);
    this.#grantItems(processPayment, 'accounts', ['GetItem', 'UpdateItem']);

    const placeOrder = new JobQueue(this, 'PlaceOrder', { job: JOBS.placeOrder });
    this.#grantItems(placeOrder, 'orders', ['GetItem', 'PutItem']);
    this.#grantItems(placeOrder, 'stock', ['GetItem', 'UpdateItem']);
    sendEmail.grantPublish(placeOrder.consumer);

    const chargeCard = new JobQueue(this, 'ChargeCard', { job: JOBS.chargeCard });
    this.#grantItems(chargeCard, 'charges', ['GetItem', 'PutItem']);
    this.#grantCardProvider(chargeCard, settings);

    const processWebhook = new JobQueue(this, 'ProcessWebhook', { job: JOBS.processWebhook });
    this.#grantItems(processWebhook, 'webhook-states', ['GetItem', 'UpdateItem']);
    new WebhookIngress(this, 'WebhookIngress', {
      queue: processWebhook,
      secrets: Object.values(state.webhookSecrets),
    });

    const deliverWebhook = new JobQueue(this, 'DeliverWebhook', { job: JOBS.deliverWebhook });
    this.#grantItems(deliverWebhook, 'webhook-endpoints', ['GetItem', 'UpdateItem']);
    this.#grantItems(deliverWebhook, 'webhook-deliveries', ['PutItem']);
    sendEmail.grantPublish(deliverWebhook.consumer);

    const fanOutEvent = new JobQueue(this, 'FanOutEvent', { job: JOBS.fanOutEvent });
    // In the items that it reads are signing secrets, and none of its business.
    this.#grantItems(fanOutEvent, 'webhook-endpoints', ['Query'], {
      'ForAllValues:StringEquals': { 'dynamodb:Attributes': ADDRESSING_ATTRIBUTES },
      // The one above holds for a request that names no attributes, and gets all.
      StringEquals: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
    });
    deliverWebhook.grantPublish(fanOutEvent.consumer);

    const report = new StagedJob(this, 'GenerateReport', { job: JOBS.generateReport });
    this.#grantReport(report);
    sendEmail.grantPublish(report.stage('notify'));

    new CfnOutput(this, 'AlarmTopicArn', { value: alarmTopic.topicArn });
    new CfnOutput(this, 'DashboardName', { value: dashboard.dashboardName });
  }

  /** What each stage of a report reaches, and no other. */
  #grantReport(report: StagedJob): void {
    const objects = (stage: string, action: 'GetObject' | 'PutObject', prefix: string): void =>
      report.stage(stage).addToRolePolicy(
        new PolicyStatement({
          actions: [`s3:${action}`],
          resources: [this.#state.bucket.arnForObjects(`${prefix}*`)],
        }),
      );
    objects('process-asset', 'GetObject', REPORT_ASSETS_PREFIX);
    objects('process-asset', 'PutObject', REPORT_DATA_PREFIX);
    for (const subject of ['orders', 'payments'] as const)
      this.#grantIndex(report.stage('generate'), subject, DAY_INDEX);
    objects('generate', 'GetObject', REPORT_DATA_PREFIX);
    objects('generate', 'PutObject', REPORT_DATA_PREFIX);
    objects('upload', 'GetObject', REPORT_DATA_PREFIX);
    objects('upload', 'PutObject', REPORTS_PREFIX);
    // A link that it signs may what it may.
    objects('notify', 'GetObject', REPORTS_PREFIX);
    this.#grantAbort(report.stage('upload'));
    this.#grantItems({ consumer: report.stage('upload') }, 'reports', ['GetItem', 'PutItem']);
    this.#grantItems({ consumer: report.stage('record') }, 'reports', ['PutItem']);
  }

  #grantAbort(upload: LambdaFunction): void {
    upload.addToRolePolicy(
      new PolicyStatement({
        actions: ['s3:AbortMultipartUpload'],
        resources: [this.#state.bucket.arnForObjects(`${REPORTS_PREFIX}*`)],
      }),
    );
  }

  #grantIndex(reader: LambdaFunction, subject: TableSubject, index: string): void {
    const table: TableV2 = this.#state.tables[subject];
    reader.addEnvironment(tableVariable(subject), table.tableName);
    reader.addToRolePolicy(
      new PolicyStatement({ actions: ['dynamodb:Query'], resources: [`${table.tableArn}/index/${index}`] }),
    );
  }

  #grantItems(
    { consumer }: Pick<JobQueue, 'consumer'>,
    subject: TableSubject,
    actions: readonly ItemAction[],
    conditions?: Readonly<Record<string, unknown>>,
  ): void {
    const table: TableV2 = this.#state.tables[subject];
    consumer.addEnvironment(tableVariable(subject), table.tableName);
    consumer.addToRolePolicy(
      new PolicyStatement({
        actions: actions.map((action) => `dynamodb:${action}`),
        resources: [table.tableArn],
        ...(conditions && { conditions }),
      }),
    );
  }

  #grantCardProvider({ consumer }: JobQueue, { stage }: Settings): void {
    consumer.addEnvironment('CARD_PROVIDER_SECRET', cardProviderSecretName(stage));
    consumer.addToRolePolicy(
      new PolicyStatement({
        actions: ['secretsmanager:GetSecretValue'],
        resources: [this.#state.cardProvider.secretArn],
      }),
    );
  }

  #grantSend({ consumer }: JobQueue, { emailFrom }: Settings): void {
    const { senderDomain, configurationSet } = this.#state;
    consumer.addEnvironment('EMAIL_FROM', emailFrom);
    consumer.addEnvironment('EMAIL_CONFIGURATION_SET', configurationSet.configurationSetName);
    consumer.addToRolePolicy(
      new PolicyStatement({
        actions: ['ses:SendEmail'],
        resources: [
          // No import: it could not change any more, and the sender may move to another domain.
          this.formatArn({ service: 'ses', resource: 'identity', resourceName: senderDomain }),
          this.formatArn({
            service: 'ses',
            resource: 'configuration-set',
            resourceName: configurationSet.configurationSetName,
            arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
          }),
        ],
        // The identity is the whole domain; this function writes as one sender of it.
        conditions: { StringEquals: { 'ses:FromAddress': emailFrom } },
      }),
    );
  }
}
