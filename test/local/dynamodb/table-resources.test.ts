import { App, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import {
  AttributeType,
  Billing,
  ProjectionType,
  StreamViewType,
  Table,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Properties, Provisioned, ResourceIdentity } from '../../../local/kernel/resources.ts';
import { type Cloud, startCloud } from './cloud.ts';

let cloud: Cloud;
beforeEach(async () => {
  cloud = await startCloud();
});
afterEach(() => cloud.stop());

const identity: ResourceIdentity = {
  stackName: 'state',
  logicalId: 'Jobs',
  metadata: {},
  generatedName: () => 'state-Jobs',
  assetDirectory: () => {
    throw new Error('tables have no assets');
  },
};

function provision(type: string, properties: Properties): Provisioned {
  const provider = cloud.service.providers().find((each) => each.type === type);
  if (!provider) throw new Error(`no provider for ${type}`);
  return provider.provision(properties, identity);
}

/** What CDK makes of a table. */
function synthesized(define: (stack: Stack) => void): { type: string; properties: Properties } {
  const stack = new Stack(new App(), 'State', { env: { region: 'us-east-1', account: '000000000000' } });
  define(stack);
  const [resource] = Object.values(Template.fromStack(stack).toJSON().Resources) as {
    Type: string;
    Properties: Properties;
  }[];
  if (!resource) throw new Error('nothing was synthesized');
  return { type: resource.Type, properties: resource.Properties };
}

const jobsTable = (more: Partial<ConstructorParameters<typeof TableV2>[2]> = {}) =>
  synthesized((stack) => {
    const table = new TableV2(stack, 'Jobs', {
      partitionKey: { name: 'key', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiration',
      billing: Billing.onDemand(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
      tags: [{ key: 'team', value: 'jobs' }],
      ...more,
    });
    table.addGlobalSecondaryIndex({
      indexName: 'byJobId',
      partitionKey: { name: 'jobId', type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
    });
  });

test('a TableV2 is made as its template says, and answers its name and attributes', async () => {
  const { type, properties } = jobsTable();
  expect(type).toBe('AWS::DynamoDB::GlobalTable');

  const { ref, attributes } = provision(type, properties);

  expect(ref).toBe('state-Jobs');
  expect(attributes).toEqual({
    Arn: 'arn:aws:dynamodb:us-east-1:000000000000:table/state-Jobs',
    TableId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(await cloud.service.execute('DescribeTable', { TableName: ref })).toMatchObject({
    Table: {
      KeySchema: [{ AttributeName: 'key', KeyType: 'HASH' }],
      DeletionProtectionEnabled: true,
      GlobalSecondaryIndexes: [{ IndexName: 'byJobId', Projection: { ProjectionType: 'KEYS_ONLY' } }],
    },
  });
  expect(await cloud.service.execute('DescribeTimeToLive', { TableName: ref })).toEqual({
    TimeToLiveDescription: { TimeToLiveStatus: 'ENABLED', AttributeName: 'expiration' },
  });
  expect(await cloud.service.execute('DescribeContinuousBackups', { TableName: ref })).toMatchObject({
    ContinuousBackupsDescription: {
      PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'ENABLED' },
    },
  });
});

test('a Table with a stream answers the stream, too', () => {
  const { type, properties } = synthesized((stack) => {
    new Table(stack, 'Jobs', {
      tableName: 'named',
      partitionKey: { name: 'key', type: AttributeType.STRING },
      sortKey: { name: 'number', type: AttributeType.NUMBER },
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
    });
  });
  expect(type).toBe('AWS::DynamoDB::Table');

  const { ref, attributes } = provision(type, properties);

  expect(ref).toBe('named');
  expect(attributes.StreamArn).toMatch(/table\/named\/stream\/\d{4}-/);
});

test('deploying again keeps the items, and brings index and expiry to the new template', async () => {
  const { type, properties } = jobsTable();
  const first = provision(type, properties);
  const nowSeconds = Math.floor(cloud.clock.now() / 1000);
  await cloud.service.execute('PutItem', {
    TableName: first.ref,
    Item: { key: { S: 'a' }, jobId: { S: 'j' }, state: { S: 'dead' }, until: { N: String(nowSeconds + 60) } },
  });
  const changed = jobsTable({
    timeToLiveAttribute: 'until',
    globalSecondaryIndexes: [
      { indexName: 'byState', partitionKey: { name: 'state', type: AttributeType.STRING } },
    ],
  });

  const second = provision(changed.type, changed.properties);

  expect(second).toEqual(first);
  expect(await cloud.service.execute('Scan', { TableName: first.ref, IndexName: 'byState' })).toMatchObject({
    Count: 1,
    Items: [{ jobId: { S: 'j' } }],
  });
  await cloud.clock.advance(600_000);
  expect(await cloud.service.execute('Scan', { TableName: first.ref })).toMatchObject({ Count: 0 });
});

test('a template that changes the key is refused, since the items would be gone', () => {
  const { type, properties } = jobsTable();
  provision(type, properties);
  const changed = jobsTable({ partitionKey: { name: 'other', type: AttributeType.STRING } });

  expect(() => provision(changed.type, changed.properties)).toThrow(
    'state/Jobs: the template changes the key of the table state-Jobs from (key HASH S) to (other HASH S)',
  );
});

test('a property that is not known, and a second replica, are refused by name', () => {
  const { type, properties } = jobsTable();

  expect(() => provision(type, { ...properties, VectorIndexes: [] })).toThrow(
    'state/Jobs (AWS::DynamoDB::GlobalTable) has the property "VectorIndexes"',
  );
  const [replica] = properties.Replicas as object[];
  expect(() => provision(type, { ...properties, Replicas: [replica, replica] })).toThrow('has 2 replicas');
  expect(() => provision(type, { ...properties, Replicas: [{ ...replica, Surprise: 1 }] })).toThrow(
    '"Surprise"',
  );
});
