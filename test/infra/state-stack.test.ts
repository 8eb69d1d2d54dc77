import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { settingsOf } from '../../infra/config.ts';
import { StateStack } from '../../infra/stacks/state.ts';
import { newApp } from '../../infra/stage.ts';
import { RECORD_RETENTION_SECONDS } from '../../shared/jobs/define-job.ts';
import { JOB_ID_INDEX, type TableSubject, tableName } from '../../shared/jobs/names.ts';
import { type Resource, synthesized } from './synthesized.ts';

const dev = synthesized({ stage: 'dev' });
const prod = synthesized({ stage: 'prod' });
const TABLE = 'AWS::DynamoDB::GlobalTable';

describe('the State stack', () => {
  test('has everything that must outlive a deploy of code, and the Jobs stack has none of it', () => {
    const stateful = [TABLE, 'AWS::S3::Bucket', 'AWS::SES::EmailIdentity', 'AWS::Scheduler::ScheduleGroup'];
    const typesOf = (template: typeof dev.template.state) =>
      new Set(Object.values<{ Type: string }>(template.toJSON().Resources).map(({ Type }) => Type));
    expect([...typesOf(dev.template.state)]).toEqual(expect.arrayContaining(stateful));
    expect(stateful.filter((type) => typesOf(dev.template.jobs).has(type))).toEqual([]);
    expect(typesOf(dev.template.state)).not.toContain('AWS::Lambda::Function');
  });

  test('gives each table its name and key; a changed key would replace the table and lose what is in it', () => {
    const keys: Record<TableSubject, readonly string[]> = {
      jobs: ['pk', 'sk'],
      accounts: ['accountId'],
      payments: ['transactionId'],
      charges: ['chargeId'],
      orders: ['reference'],
      stock: ['sku'],
      suppressions: ['address'],
      'email-events': ['notification', 'event'],
      reports: ['reportId'],
      'webhook-states': ['subject'],
      'webhook-endpoints': ['tenant', 'endpointId'],
      'webhook-deliveries': ['tenant', 'delivery'],
    };
    const found = [...dev.resources(TABLE).values()].map(({ Properties: { TableName, KeySchema } }) => [
      TableName,
      (KeySchema as { AttributeName: string }[]).map(({ AttributeName }) => AttributeName),
    ]);
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(
        Object.entries(keys).map(([subject, key]) => [tableName('dev', subject as TableSubject), key]),
      ),
    );
  });

  test('lets job records expire and finds them by the id of their job; nothing else expires but the events of e-mails and what became of deliveries', () => {
    dev.template.state.hasResourceProperties(TABLE, {
      TableName: tableName('dev', 'jobs'),
      TimeToLiveSpecification: { AttributeName: 'expiration', Enabled: true },
      GlobalSecondaryIndexes: [
        {
          IndexName: JOB_ID_INDEX,
          KeySchema: [{ AttributeName: 'jobId', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    });
    const expiring = [...dev.resources(TABLE).values()].filter(
      ({ Properties }) => Properties.TimeToLiveSpecification,
    );
    expect(expiring.map(({ Properties }) => Properties.TableName)).toEqual([
      tableName('dev', 'jobs'),
      tableName('dev', 'email-events'),
      tableName('dev', 'webhook-deliveries'),
    ]);
  });

  test('bills every table by request', () => {
    dev.template.state.allResourcesProperties(TABLE, { BillingMode: 'PAY_PER_REQUEST' });
  });

  test('can restore every table in prod, and deletes none, by hand or with the stack', () => {
    prod.template.state.allResources(TABLE, {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: Match.objectLike({
        Replicas: [
          Match.objectLike({
            DeletionProtectionEnabled: true,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          }),
        ],
      }),
    });
    for (const type of ['AWS::S3::Bucket', 'AWS::Scheduler::ScheduleGroup', 'AWS::SES::EmailIdentity'])
      prod.template.state.allResources(type, { DeletionPolicy: 'RetainExceptOnCreate' });
    expect(prod.state.terminationProtection).toBe(true);
    expect(prod.jobs.terminationProtection).toBe(true);
  });

  test('keeps in prod what has been in use, and nothing that a creation made which is rolled back: its name would bar the next one', () => {
    const policies = [prod.template.state, prod.template.jobs].flatMap((template) =>
      Object.values<Resource>(template.toJSON().Resources).map(({ DeletionPolicy }) => DeletionPolicy),
    );
    expect(policies).toContain('RetainExceptOnCreate');
    expect(policies).not.toContain('Retain');
  });

  test('creates no table before it has the identity, which is refused where the account has the domain already', () => {
    const [sender] = [...prod.resources('AWS::SES::EmailIdentity').keys()];
    prod.template.state.allResources(TABLE, { DependsOn: [sender] });
  });

  test('exports the same whatever the Jobs stack reads, so that a job type can be taken out and a deploy be rolled back', () => {
    const alone = new StateStack(newApp(), 'HonestJobs-prod-State', { settings: settingsOf('prod') });
    expect(Template.fromStack(alone).toJSON().Outputs).toEqual(prod.template.state.toJSON().Outputs);
  });

  test('lets the sender move to another domain: the Jobs stack reads nothing of the identity', () => {
    const moved = synthesized({ stage: 'prod', emailFrom: 'jobs@shop.example' });
    expect(moved.template.state.toJSON().Outputs).toEqual(prod.template.state.toJSON().Outputs);
    const sending = (jobs: Template) => JSON.stringify(jobs.findResources('AWS::IAM::Policy'));
    expect(sending(moved.template.jobs)).toContain(':identity/shop.example"');
    expect(sending(prod.template.jobs)).toContain(':identity/example.com"');
  });

  test('goes without a trace in dev', () => {
    dev.template.state.allResources(TABLE, { DeletionPolicy: 'Delete' });
    dev.template.state.allResources('AWS::Scheduler::ScheduleGroup', { DeletionPolicy: 'Delete' });
    expect(dev.state.terminationProtection).toBe(false);
    expect(dev.jobs.terminationProtection).toBe(false);
  });

  test('has a private, encrypted bucket that is reached by TLS only', () => {
    dev.template.state.hasResourceProperties('AWS::S3::Bucket', {
      BucketName: Match.absent(),
      BucketEncryption: Match.anyValue(),
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    dev.template.state.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  test('keeps large step results, and what stages hand on, until the records that name them are gone, the longest deferral included', () => {
    dev.template.state.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith(
          ['step-results/', 'stage-data/', 'report-data/'].map((Prefix) =>
            Match.objectLike({
              Prefix,
              ExpirationInDays: RECORD_RETENTION_SECONDS / 86_400 + 366,
              Status: 'Enabled',
            }),
          ),
        ),
      },
    });
  });

  test('has a secret for the card provider, whose placeholder says that nobody filled it in', () => {
    dev.template.state.hasResource('AWS::SecretsManager::Secret', {
      DeletionPolicy: 'Delete',
      Properties: {
        Name: 'honest-jobs/dev/card-provider',
        // A change of this would have CloudFormation write over what an operator put in.
        GenerateSecretString: { SecretStringTemplate: '{"url":""}', GenerateStringKey: 'apiKey' },
      },
    });
    prod.template.state.allResources('AWS::SecretsManager::Secret', {
      DeletionPolicy: 'RetainExceptOnCreate',
    });
  });

  test("creates the identity of the sender's domain, unless another stage did", () => {
    dev.template.state.hasResourceProperties('AWS::SES::EmailIdentity', { EmailIdentity: 'dev.example.com' });
    expect(synthesized({ stage: 'sam' }).resources('AWS::SES::EmailIdentity').size).toBe(0);
  });
});
