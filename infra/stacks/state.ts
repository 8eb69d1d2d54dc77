import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import {
  AttributeType,
  Billing,
  ProjectionType,
  TableEncryptionV2,
  type TablePropsV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ConfigurationSet, EmailIdentity, Identity, SuppressionReasons } from 'aws-cdk-lib/aws-ses';
import type { Construct } from 'constructs';
import { LONGEST_DEFERRAL_SECONDS } from '../../shared/consumer/errors.ts';
import { DAY_ATTRIBUTE, DAY_INDEX } from '../../shared/jobs/day-index.ts';
import { RECORD_RETENTION_SECONDS } from '../../shared/jobs/define-job.ts';
import {
  cardProviderSecretName,
  JOB_ID_INDEX,
  REPORT_DATA_PREFIX,
  STAGE_DATA_PREFIX,
  STEP_RESULTS_PREFIX,
  scheduleGroupName,
  type TableSubject,
  tableName,
  webhookSecretName,
} from '../../shared/jobs/names.ts';
import { WEBHOOK_PROVIDERS } from '../../shared/webhooks/providers.ts';
import type { Settings } from '../config.ts';
import { pascalCase } from '../constructs/pascal-case.ts';
import { removalPolicyOf } from '../constructs/removal-policy.ts';

export interface StateStackProps extends StackProps {
  readonly settings: Settings;
}

/**
 * What must outlive a deploy of code: the tables, the bucket, the deferred jobs' schedules, and the sender's standing with SES.
 * Apart from the code, so that a change there cannot replace any of it; the exports that the other stack reads cannot change
 * either while it reads them.
 */
export class StateStack extends Stack {
  readonly tables: Readonly<Record<TableSubject, TableV2>>;
  readonly bucket: Bucket;
  readonly scheduleGroup: ScheduleGroup;
  /** Where the card provider is, and our key there: an operator fills it in. */
  readonly cardProvider: Secret;
  /** By the provider's name: the secrets by which it signs its webhooks. An operator fills them in. */
  readonly webhookSecrets: Readonly<Record<string, Secret>>;
  /** The name of the SES identity that the sender is of: known before any deploy, so that another one can take its place. */
  readonly senderDomain: string;
  readonly configurationSet: ConfigurationSet;
  readonly #settings: Settings;

  constructor(scope: Construct, id: string, { settings, ...props }: StateStackProps) {
    super(scope, id, { ...props, terminationProtection: settings.deletionProtection });
    this.#settings = settings;
    this.tables = {
      jobs: this.#table('jobs', {
        partitionKey: { name: 'pk', type: AttributeType.STRING },
        sortKey: { name: 'sk', type: AttributeType.STRING },
        timeToLiveAttribute: 'expiration',
        globalSecondaryIndexes: [
          {
            indexName: JOB_ID_INDEX,
            partitionKey: { name: 'jobId', type: AttributeType.STRING },
            // Nothing but keys, which never change: a job costs this index one write in all.
            projectionType: ProjectionType.KEYS_ONLY,
          },
        ],
      }),
      accounts: this.#table('accounts', keyed('accountId')),
      payments: this.#table('payments', { ...keyed('transactionId'), ...byDay('amountMinor', 'currency') }),
      charges: this.#table('charges', keyed('chargeId')),
      orders: this.#table('orders', { ...keyed('reference'), ...byDay('lines', 'currency') }),
      stock: this.#table('stock', keyed('sku')),
      suppressions: this.#table('suppressions', keyed('address')),
      'email-events': this.#table('email-events', {
        ...keyed('notification'),
        sortKey: { name: 'event', type: AttributeType.STRING },
        timeToLiveAttribute: 'expiration',
      }),
      reports: this.#table('reports', keyed('reportId')),
      'webhook-states': this.#table('webhook-states', keyed('subject')),
      'webhook-endpoints': this.#table('webhook-endpoints', {
        ...keyed('tenant'),
        sortKey: { name: 'endpointId', type: AttributeType.STRING },
      }),
      'webhook-deliveries': this.#table('webhook-deliveries', {
        ...keyed('tenant'),
        sortKey: { name: 'delivery', type: AttributeType.STRING },
        timeToLiveAttribute: 'expiration',
      }),
    };
    this.bucket = new Bucket(this, 'Payloads', {
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      removalPolicy: removalPolicyOf(settings),
      lifecycleRules: [
        // An upload that was broken off is invisible, and billed for ever.
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
        {
          prefix: STEP_RESULTS_PREFIX,
          // Counted from the object's creation: a job that is deferred after its step needs the result for that much longer.
          expiration: Duration.days((RECORD_RETENTION_SECONDS + LONGEST_DEFERRAL_SECONDS) / 86_400),
        },
        // As long as an execution may run, and then as its job can be resumed.
        {
          prefix: STAGE_DATA_PREFIX,
          expiration: Duration.days((RECORD_RETENTION_SECONDS + LONGEST_DEFERRAL_SECONDS) / 86_400),
        },
        // The same, of a report's own.
        {
          prefix: REPORT_DATA_PREFIX,
          expiration: Duration.days((RECORD_RETENTION_SECONDS + LONGEST_DEFERRAL_SECONDS) / 86_400),
        },
      ],
    });
    // With a group go its schedules, and a deferred job's message is nowhere else.
    this.scheduleGroup = new ScheduleGroup(this, 'Deferrals', {
      scheduleGroupName: scheduleGroupName(settings.stage),
      removalPolicy: removalPolicyOf(settings),
    });
    this.cardProvider = new Secret(this, 'CardProvider', {
      secretName: cardProviderSecretName(settings.stage),
      description:
        'The card provider of honest-jobs: { "url": "https://…", "apiKey": "…" }. See README.md, Deploy.',
      // Never changed: CloudFormation would generate the secret anew, over what was filled in.
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ url: '' }),
        generateStringKey: 'apiKey',
      },
      removalPolicy: removalPolicyOf(settings),
    });
    this.webhookSecrets = Object.fromEntries(
      WEBHOOK_PROVIDERS.map(({ name }) => [name, this.#webhookSecret(name)]),
    );
    this.senderDomain = settings.emailFrom.slice(settings.emailFrom.lastIndexOf('@') + 1);
    if (settings.emailIdentity === 'create') this.#createSender();
    this.configurationSet = new ConfigurationSet(this, 'Emails', {
      reputationMetrics: true,
      // Whoever bounced or complained is not written to again, by any application of this account.
      suppressionReasons: SuppressionReasons.BOUNCES_AND_COMPLAINTS,
    });
    new CfnOutput(this, 'BucketName', { value: this.bucket.bucketName });
    this.#exportAll();
  }

  /**
   * All that the Jobs stack may read, whether it does or not: an export that came and went with its reader would be refused, since this
   * stack is deployed first, while the other one as it was deployed before still reads it.
   */
  #exportAll(): void {
    const { bucket, scheduleGroup, configurationSet } = this;
    for (const { tableName, tableArn } of Object.values(this.tables)) this.#export(tableName, tableArn);
    for (const { secretArn } of [this.cardProvider, ...Object.values(this.webhookSecrets)])
      this.#export(secretArn);
    this.#export(bucket.bucketName, bucket.bucketArn);
    this.#export(scheduleGroup.scheduleGroupArn);
    this.#export(configurationSet.configurationSetName);
  }

  #export(...values: string[]): void {
    for (const value of values) this.exportValue(value);
  }

  #createSender(): void {
    const sender = new EmailIdentity(this, 'Sender', { identity: Identity.domain(this.senderDomain) });
    sender.applyRemovalPolicy(removalPolicyOf(this.#settings));
    // It is refused where the account has the domain already, and tables that are protected from deletion would stay behind.
    for (const table of Object.values(this.tables)) table.node.addDependency(sender);
  }

  #webhookSecret(provider: string): Secret {
    return new Secret(this, `Webhooks${pascalCase(provider)}`, {
      secretName: webhookSecretName(this.#settings.stage, provider),
      description: `What ${provider} signs its webhooks by: { "secrets": ["…"] }, newest first. See docs/webhooks.md.`,
      // Never changed: CloudFormation would generate the secret anew, over what was filled in.
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ secrets: [] }),
        generateStringKey: 'notFilledIn',
      },
      removalPolicy: removalPolicyOf(this.#settings),
    });
  }

  #table(subject: TableSubject, props: TablePropsV2): TableV2 {
    const { stage, pointInTimeRecovery, deletionProtection } = this.#settings;
    const id = pascalCase(subject);
    const table = new TableV2(this, id, {
      ...props,
      tableName: tableName(stage, subject),
      billing: Billing.onDemand(),
      // DynamoDB's own key: encrypted like the others, without a key request, a throttle and a price for each item.
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: pointInTimeRecovery },
      deletionProtection,
      removalPolicy: removalPolicyOf(this.#settings),
    });
    new CfnOutput(this, `${id}TableName`, { value: table.tableName });
    return table;
  }
}

function keyed(name: string): Pick<TablePropsV2, 'partitionKey'> {
  return { partitionKey: { name, type: AttributeType.STRING } };
}

/** What a report reads of a day, without reading the table: one write more for each row, and its few attributes once more. */
function byDay(...attributes: string[]): Pick<TablePropsV2, 'globalSecondaryIndexes'> {
  return {
    globalSecondaryIndexes: [
      {
        indexName: DAY_INDEX,
        partitionKey: { name: DAY_ATTRIBUTE, type: AttributeType.STRING },
        projectionType: ProjectionType.INCLUDE,
        nonKeyAttributes: attributes,
      },
    ],
  };
}
