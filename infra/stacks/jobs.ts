import { ArnFormat, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Dashboard, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { tableVariable } from '../../shared/jobs/environment.ts';
import { cardProviderSecretName, type TableSubject } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import type { Settings } from '../config.ts';
import { AlarmTopic } from '../constructs/alarm-topic.ts';
import { EmailEvents } from '../constructs/email-events.ts';
import { JobPlatform } from '../constructs/job-platform.ts';
import { JobQueue } from '../constructs/job-queue.ts';
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
    super(scope, id, props);
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

    new CfnOutput(this, 'AlarmTopicArn', { value: alarmTopic.topicArn });
    new CfnOutput(this, 'DashboardName', { value: dashboard.dashboardName });
  }

  #grantItems({ consumer }: JobQueue, subject: TableSubject, actions: readonly ItemAction[]): void {
    const table: TableV2 = this.#state.tables[subject];
    consumer.addEnvironment(tableVariable(subject), table.tableName);
    consumer.addToRolePolicy(
      new PolicyStatement({
        actions: actions.map((action) => `dynamodb:${action}`),
        resources: [table.tableArn],
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
    const { emailIdentity, configurationSet } = this.#state;
    consumer.addEnvironment('EMAIL_FROM', emailFrom);
    consumer.addEnvironment('EMAIL_CONFIGURATION_SET', configurationSet.configurationSetName);
    consumer.addToRolePolicy(
      new PolicyStatement({
        actions: ['ses:SendEmail'],
        resources: [
          emailIdentity.emailIdentityArn,
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
