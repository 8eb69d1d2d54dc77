import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import { type IndexDefinition, type MemberTypes, type Request, validationOf } from './dynalite.ts';
import { validationError } from './errors.ts';
import type { ItemRows } from './item-rows.ts';
import { checked, extended } from './requests.ts';
import type {
  GlobalIndexDefinition,
  Table,
  TableCatalog,
  TableSettings,
  Throughput,
} from './table-catalog.ts';
import { describe, tableArn } from './table-description.ts';

/** What has no effect on one machine. */
const INERT = [
  'SSESpecification',
  'Tags',
  'TableClass',
  'OnDemandThroughput',
  'WarmThroughput',
  'ResourcePolicy',
];

const MORE_TYPES: MemberTypes = {
  DeletionProtectionEnabled: 'Boolean',
  StreamSpecification: {
    type: 'FieldStruct<StreamSpecification>',
    children: {
      StreamEnabled: 'Boolean',
      StreamViewType: { type: 'String', enum: ['NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES', 'KEYS_ONLY'] },
    },
  },
};

const CREATE = extended('CreateTable', MORE_TYPES);
const NAME: MemberTypes = { TableName: validationOf('DescribeTable').types.TableName };

interface IndexUpdate {
  readonly Create?: GlobalIndexDefinition;
  readonly Update?: { readonly IndexName: string; readonly ProvisionedThroughput: Throughput };
  readonly Delete?: { readonly IndexName: string };
}

type TableChanges = Partial<TableSettings> & {
  readonly GlobalSecondaryIndexUpdates?: readonly IndexUpdate[];
};

/** The operations on tables. What AWS does in minutes is done when they answer; they answer as AWS does, `CREATING` first. */
export class TableOperations {
  readonly #context: CloudContext;
  readonly #rows: ItemRows;
  readonly #catalog: TableCatalog;

  constructor(context: CloudContext, rows: ItemRows, catalog: TableCatalog) {
    this.#context = context;
    this.#rows = rows;
    this.#catalog = catalog;
  }

  create(input: Request): Request {
    const definition = this.#definition(input);
    if (this.#catalog.find(definition.TableName))
      throw new AwsError('ResourceInUseException', `Table already exists: ${definition.TableName}`);
    return { TableDescription: this.#describe(this.#catalog.create(definition), 'CREATING') };
  }

  describe(input: Request): Request {
    return { Table: this.#describe(this.#named('DescribeTable', input, NAME), 'ACTIVE') };
  }

  list(input: Request): Request {
    const request = checked('ListTables', input, validationOf('ListTables'));
    const after = request.ExclusiveStartTableName as string | undefined;
    const names = this.#catalog.names().filter((name) => after === undefined || name > after);
    const page = names.slice(0, Number(request.Limit ?? 100));
    return {
      TableNames: page,
      ...(page.length < names.length && { LastEvaluatedTableName: page.at(-1) }),
    };
  }

  delete(input: Request): Request {
    const table = this.#named('DeleteTable', input, NAME);
    if (table.definition.DeletionProtectionEnabled)
      throw validationError(
        `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.`,
      );
    const description = this.#describe(table, 'DELETING');
    this.#catalog.delete(table);
    return { TableDescription: description };
  }

  update(input: Request): Request {
    const { TableName: name, ...changes } = input as TableChanges;
    if (Object.keys(changes).length === 0)
      throw validationError(
        'At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required',
      );
    const table = this.#named('UpdateTable', { TableName: name }, NAME);
    const definition = this.#definition(changed(table.definition, changes));
    return { TableDescription: this.#describe(this.#catalog.redefine(table, definition), 'UPDATING') };
  }

  updateTimeToLive(input: Request): Request {
    const table = this.#named('UpdateTimeToLive', input, {
      ...NAME,
      TimeToLiveSpecification: {
        type: 'FieldStruct<TimeToLiveSpecification>',
        notNull: true,
        children: {
          AttributeName: {
            type: 'String',
            notNull: true,
            lengthGreaterThanOrEqual: 1,
            lengthLessThanOrEqual: 255,
          },
          Enabled: { type: 'Boolean', notNull: true },
        },
      },
    });
    const specification = input.TimeToLiveSpecification as { AttributeName: string; Enabled: boolean };
    const isEnabled = table.timeToLiveAttribute !== undefined;
    if (specification.Enabled === isEnabled)
      throw validationError(`TimeToLive is already ${isEnabled ? 'enabled' : 'disabled'}`);
    if (isEnabled && table.timeToLiveAttribute !== specification.AttributeName)
      throw validationError(
        `TimeToLive is active on a different AttributeName: current AttributeName is ${table.timeToLiveAttribute}`,
      );
    this.#catalog.setTimeToLive(table, specification.Enabled ? specification.AttributeName : undefined);
    return { TimeToLiveSpecification: specification };
  }

  describeTimeToLive(input: Request): Request {
    const { timeToLiveAttribute } = this.#named('DescribeTimeToLive', input, NAME);
    return {
      TimeToLiveDescription:
        timeToLiveAttribute === undefined
          ? { TimeToLiveStatus: 'DISABLED' }
          : { TimeToLiveStatus: 'ENABLED', AttributeName: timeToLiveAttribute },
    };
  }

  /** The setting is kept and told; there is no backup to restore from. */
  updateContinuousBackups(input: Request): Request {
    const table = this.#named('UpdateContinuousBackups', input, {
      ...NAME,
      PointInTimeRecoverySpecification: {
        type: 'FieldStruct<PointInTimeRecoverySpecification>',
        notNull: true,
        children: { PointInTimeRecoveryEnabled: { type: 'Boolean', notNull: true } },
      },
    });
    const { PointInTimeRecoveryEnabled: enabled } = input.PointInTimeRecoverySpecification as {
      PointInTimeRecoveryEnabled: boolean;
    };
    return continuousBackups(this.#catalog.setPointInTimeRecovery(table, enabled));
  }

  describeContinuousBackups(input: Request): Request {
    return continuousBackups(this.#named('DescribeContinuousBackups', input, NAME));
  }

  /** Makes the table, or brings it to the definition; its items stay. For the template's resources. */
  ensure(definition: TableSettings): Table {
    const wanted = this.#definition(definition as TableSettings & Request);
    const table = this.#catalog.find(wanted.TableName);
    return table ? this.#catalog.redefine(table, wanted) : this.#catalog.create(wanted);
  }

  #named(operation: string, input: Request, types: MemberTypes): Table {
    const name = checked(operation, input, { types }).TableName as string;
    // A table may be named by its ARN, too.
    const prefix = tableArn(this.#context, '');
    return this.#catalog.forControl(name.startsWith(prefix) ? name.slice(prefix.length) : name);
  }

  #definition(input: Request | TableSettings): TableSettings {
    const effective = Object.fromEntries(Object.entries(input).filter(([name]) => !INERT.includes(name)));
    return checked('CreateTable', effective, CREATE) as Request & TableSettings;
  }

  #describe(table: Table, status: Parameters<typeof describe>[1]): Request {
    return describe(table, status, this.#context, this.#rows);
  }
}

/** The definition that a table has after `UpdateTable`. */
function changed(before: TableSettings, changes: TableChanges): Request {
  const {
    GlobalSecondaryIndexUpdates: updates = [],
    AttributeDefinitions: attributes = [],
    ...settings
  } = changes;
  let indexes = [...(before.GlobalSecondaryIndexes ?? [])];
  for (const { Create: create, Update: update, Delete: remove } of updates) {
    const name = create?.IndexName ?? update?.IndexName ?? remove?.IndexName;
    const exists = indexes.some(({ IndexName }) => IndexName === name);
    if (create && exists) throw validationError('Attempting to create an index which already exists');
    if (!create && !exists)
      throw new AwsError(
        'ResourceNotFoundException',
        `Requested resource not found: no index ${name} in table ${before.TableName}`,
      );
    if (create) indexes.push(create);
    if (update)
      indexes = indexes.map((index) =>
        index.IndexName === name ? { ...index, ProvisionedThroughput: update.ProvisionedThroughput } : index,
      );
    if (remove) indexes = indexes.filter((index) => index.IndexName !== name);
  }
  const { GlobalSecondaryIndexes: _before, ...rest } = { ...before, ...settings };
  const keyed = [before, ...indexes, ...(before.LocalSecondaryIndexes ?? [])] as Pick<
    IndexDefinition,
    'KeySchema'
  >[];
  const used = new Set(keyed.flatMap(({ KeySchema }) => KeySchema.map(({ AttributeName }) => AttributeName)));
  const known = new Map(
    [...before.AttributeDefinitions, ...attributes].map((attribute) => [attribute.AttributeName, attribute]),
  );
  return withoutUnusedThroughput({
    ...rest,
    AttributeDefinitions: [...known.values()].filter(({ AttributeName }) => used.has(AttributeName)),
    ...(indexes.length > 0 && { GlobalSecondaryIndexes: indexes }),
  });
}

/** Going on demand leaves the provisioned figures behind. */
function withoutUnusedThroughput(definition: Omit<TableSettings, never>): Request {
  if (definition.BillingMode !== 'PAY_PER_REQUEST') return { ...definition };
  const { ProvisionedThroughput: _table, GlobalSecondaryIndexes: indexes, ...rest } = definition;
  return {
    ...rest,
    ...(indexes && {
      GlobalSecondaryIndexes: indexes.map(({ ProvisionedThroughput: _index, ...index }) => index),
    }),
  };
}

function continuousBackups(table: Table): Request {
  return {
    ContinuousBackupsDescription: {
      ContinuousBackupsStatus: 'ENABLED',
      PointInTimeRecoveryDescription: {
        PointInTimeRecoveryStatus: table.pointInTimeRecovery ? 'ENABLED' : 'DISABLED',
      },
    },
  };
}
