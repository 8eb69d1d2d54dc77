import { LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, Provisioned, ResourceIdentity, ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { GlobalIndexDefinition, Table, TableCatalog, TableSettings } from './table-catalog.ts';
import { streamLabel, tableArn } from './table-description.ts';
import type { TableOperations } from './table-operations.ts';

const TABLE = 'AWS::DynamoDB::Table';
const GLOBAL_TABLE = 'AWS::DynamoDB::GlobalTable';

const TABLE_NAME_LIMIT = 255;

const HONOURED = [
  'TableName',
  'KeySchema',
  'AttributeDefinitions',
  'BillingMode',
  'GlobalSecondaryIndexes',
  'LocalSecondaryIndexes',
  'TimeToLiveSpecification',
  'StreamSpecification',
];

const HONOURED_OF_A_PLACE = ['DeletionProtectionEnabled', 'PointInTimeRecoverySpecification'];

/** Figures, encryption, names for the bill: nothing that a job sees. */
const INERT = ['SSESpecification', 'WarmThroughput'];
const INERT_OF_A_PLACE = ['Tags', 'ContributorInsightsSpecification', 'TableClass', 'ResourcePolicy'];
const INERT_OF_TABLE = [...INERT_OF_A_PLACE, 'ProvisionedThroughput', 'OnDemandThroughput'];
const INERT_OF_GLOBAL_TABLE = [
  'ReadOnDemandThroughputSettings',
  'WriteOnDemandThroughputSettings',
  'ReadProvisionedThroughputSettings',
  'WriteProvisionedThroughputSettings',
];
const INERT_OF_REPLICA = [
  ...INERT_OF_A_PLACE,
  'Region',
  'SSESpecification',
  'ReadOnDemandThroughputSettings',
  'ReadProvisionedThroughputSettings',
  'GlobalSecondaryIndexes',
];

export function tableProviders(
  context: CloudContext,
  operations: TableOperations,
  catalog: TableCatalog,
  expiriesChanged: () => void,
): readonly ResourceProvider[] {
  const provision = (properties: Properties, place: Properties, identity: ResourceIdentity): Provisioned => {
    const definition = definitionOf(properties, place, identity);
    refuseReplacement(catalog.find(definition.TableName), definition, identity);
    let table = operations.ensure(definition);
    const recovery = place.PointInTimeRecoverySpecification as
      | { PointInTimeRecoveryEnabled?: unknown }
      | undefined;
    table = catalog.setPointInTimeRecovery(table, isTrue(recovery?.PointInTimeRecoveryEnabled));
    const timeToLive = properties.TimeToLiveSpecification as
      | { AttributeName?: string; Enabled?: unknown }
      | undefined;
    const attribute = isTrue(timeToLive?.Enabled) ? timeToLive?.AttributeName : undefined;
    if (attribute !== table.timeToLiveAttribute) table = catalog.setTimeToLive(table, attribute);
    expiriesChanged();
    return provisioned(context, table);
  };
  return [
    {
      type: TABLE,
      provision(properties, identity) {
        checkProperties(
          TABLE,
          properties,
          identity,
          [...HONOURED, ...HONOURED_OF_A_PLACE],
          [...INERT, ...INERT_OF_TABLE],
        );
        return provision(properties, properties, identity);
      },
    },
    {
      type: GLOBAL_TABLE,
      provision(properties, identity) {
        checkProperties(
          GLOBAL_TABLE,
          properties,
          identity,
          [...HONOURED, 'Replicas'],
          [...INERT, ...INERT_OF_GLOBAL_TABLE],
        );
        const replica = onlyReplica(properties, identity);
        checkProperties(
          `${GLOBAL_TABLE}, in Replicas`,
          replica,
          identity,
          HONOURED_OF_A_PLACE,
          INERT_OF_REPLICA,
        );
        return provision(properties, replica, identity);
      },
    },
  ];
}

function onlyReplica(properties: Properties, identity: ResourceIdentity): Properties {
  const replicas = properties.Replicas as readonly Properties[] | undefined;
  const [replica, ...others] = replicas ?? [];
  if (replica && others.length === 0) return replica;
  throw new LocalCloudError(
    'UNSUPPORTED_PROPERTY',
    `${identity.stackName}/${identity.logicalId} (${GLOBAL_TABLE}) has ${replicas?.length ?? 0} replicas; the local cloud is one region and takes exactly one.`,
  );
}

/** Capacity is not held against anybody here, so every table is made as on demand. */
function definitionOf(properties: Properties, place: Properties, identity: ResourceIdentity): TableSettings {
  const named = properties as Partial<TableSettings>;
  const stream = properties.StreamSpecification as { StreamViewType?: string } | undefined;
  if (!named.KeySchema || !named.AttributeDefinitions)
    throw new LocalCloudError(
      'INVALID_PROPERTY',
      `${identity.stackName}/${identity.logicalId} needs KeySchema and AttributeDefinitions.`,
    );
  const globalIndexes = named.GlobalSecondaryIndexes ?? [];
  const localIndexes = named.LocalSecondaryIndexes ?? [];
  return {
    TableName: named.TableName ?? identity.generatedName(TABLE_NAME_LIMIT),
    KeySchema: named.KeySchema,
    AttributeDefinitions: named.AttributeDefinitions,
    BillingMode: 'PAY_PER_REQUEST',
    DeletionProtectionEnabled: isTrue(place.DeletionProtectionEnabled),
    ...(globalIndexes.length > 0 && { GlobalSecondaryIndexes: globalIndexes.map(indexOf) }),
    ...(localIndexes.length > 0 && { LocalSecondaryIndexes: localIndexes }),
    ...(stream && {
      StreamSpecification: {
        StreamEnabled: true,
        ...(stream.StreamViewType !== undefined && { StreamViewType: stream.StreamViewType }),
      },
    }),
  };
}

function indexOf({ IndexName, KeySchema, Projection }: GlobalIndexDefinition): GlobalIndexDefinition {
  return { IndexName, KeySchema, Projection };
}

/** CloudFormation would replace the table, and its items be gone; here nothing discards data unasked. */
function refuseReplacement(
  table: Table | undefined,
  wanted: TableSettings,
  identity: ResourceIdentity,
): void {
  if (!table) return;
  const keys = ({ KeySchema, AttributeDefinitions }: TableSettings) =>
    KeySchema.map(({ AttributeName: name, KeyType }) => {
      const type = AttributeDefinitions.find((attribute) => attribute.AttributeName === name)?.AttributeType;
      return `${name} ${KeyType} ${type}`;
    }).join();
  if (keys(table.definition) === keys(wanted)) return;
  throw new LocalCloudError(
    'TABLE_REPLACEMENT',
    `${identity.stackName}/${identity.logicalId}: the template changes the key of the table ${wanted.TableName} from (${keys(table.definition)}) to (${keys(wanted)}), which would replace it. Start with --fresh to discard the state.`,
  );
}

function provisioned(context: CloudContext, table: Table): Provisioned {
  const arn = tableArn(context, table.definition.TableName);
  const label = streamLabel(table);
  return {
    ref: table.definition.TableName,
    attributes: {
      Arn: arn,
      TableId: table.tableId,
      ...(label !== undefined && { StreamArn: `${arn}/stream/${label}` }),
    },
  };
}

/** Booleans in templates may be strings. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}
