import type { CloudContext } from '../kernel/service.ts';
import type { ItemRows } from './item-rows.ts';
import type { Table, Throughput } from './table-catalog.ts';

const ON_DEMAND: Throughput = { ReadCapacityUnits: 0, WriteCapacityUnits: 0 };

export function tableArn({ region, accountId }: CloudContext, tableName: string): string {
  return `arn:aws:dynamodb:${region}:${accountId}:table/${tableName}`;
}

/** A stream is named after when it began; here, when its table did. `undefined` for a table without one. */
export function streamLabel(table: Table): string | undefined {
  if (!table.definition.StreamSpecification?.StreamEnabled) return undefined;
  return new Date(table.createdAtMs).toISOString().replace('Z', '');
}

/** What `DescribeTable` answers. Counts are exact, where AWS's are some hours old. */
export function describe(
  table: Table,
  status: 'CREATING' | 'ACTIVE' | 'UPDATING' | 'DELETING',
  context: CloudContext,
  rows: ItemRows,
): Record<string, unknown> {
  const { definition } = table;
  const arn = tableArn(context, definition.TableName);
  const label = streamLabel(table);
  const { items, sizeBytes } = rows.count(table.space);
  const index = (name: string) => {
    const totals = rows.count(table.indexSpaces[name] ?? -1);
    return { IndexArn: `${arn}/index/${name}`, ItemCount: totals.items, IndexSizeBytes: totals.sizeBytes };
  };
  return {
    TableName: definition.TableName,
    TableArn: arn,
    TableId: table.tableId,
    TableStatus: status,
    CreationDateTime: table.createdAtMs / 1000,
    AttributeDefinitions: definition.AttributeDefinitions,
    KeySchema: definition.KeySchema,
    ItemCount: items,
    TableSizeBytes: sizeBytes,
    ProvisionedThroughput: throughput(definition.ProvisionedThroughput),
    DeletionProtectionEnabled: definition.DeletionProtectionEnabled ?? false,
    ...(definition.BillingMode === 'PAY_PER_REQUEST' && {
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      TableThroughputModeSummary: { TableThroughputMode: 'PAY_PER_REQUEST' },
    }),
    ...(definition.GlobalSecondaryIndexes && {
      GlobalSecondaryIndexes: definition.GlobalSecondaryIndexes.map((each) => ({
        ...each,
        ...index(each.IndexName),
        IndexStatus: status === 'UPDATING' ? 'ACTIVE' : status,
        ProvisionedThroughput: throughput(each.ProvisionedThroughput),
      })),
    }),
    ...(definition.LocalSecondaryIndexes && {
      LocalSecondaryIndexes: definition.LocalSecondaryIndexes.map((each) => ({
        ...each,
        ...index(each.IndexName),
      })),
    }),
    ...(label !== undefined && {
      StreamSpecification: definition.StreamSpecification,
      LatestStreamLabel: label,
      LatestStreamArn: `${arn}/stream/${label}`,
    }),
  };
}

function throughput(provisioned: Throughput = ON_DEMAND): Record<string, number> {
  return { ...provisioned, NumberOfDecreasesToday: 0 };
}
