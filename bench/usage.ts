import type { LocalCloud } from '../local/cloud.ts';
import type { RecordedCall } from '../test/lab/call-log.ts';
import { PER_GB_LOGGED, PER_GB_SECOND_ARM64, PER_MILLION } from './prices.ts';

export type Counted = keyof typeof PER_MILLION;

/** What some jobs took of what AWS bills. */
export interface Usage {
  readonly counts: Readonly<Partial<Record<Counted, number>>>;
  readonly gbSeconds: number;
  readonly loggedBytes: number;
}

// biome-ignore lint/suspicious/noExplicitAny: the input of whatever operation
type Input = any;
type Counts = Partial<Record<Counted, number>>;

/** The keys of each table's indexes: an item is written to each index whose key it has. */
export function indexKeys(cloud: LocalCloud): ReadonlyMap<string, readonly string[]> {
  return new Map(
    cloud.deployment.ofType('AWS::DynamoDB::GlobalTable').map(({ properties }) => {
      const { TableName, GlobalSecondaryIndexes = [] } = properties as Input;
      return [TableName, GlobalSecondaryIndexes.map((index: Input) => index.KeySchema[0].AttributeName)];
    }),
  );
}

/** What a call is billed as, for items of up to 1 KB written and 4 KB read. */
export function billed(
  { service, operation, input }: RecordedCall,
  indexes: ReadonlyMap<string, readonly string[]>,
): Counts {
  switch (service) {
    case 'sqs':
      return { sqsRequests: 1 };
    case 'dynamodb':
      return dynamodb(operation, input, indexes);
    case 's3':
      return operation.startsWith('GET') || operation.startsWith('HEAD')
        ? { objectGets: 1 }
        : { objectPuts: 1 };
    case 'ses':
      return { emails: 1 };
    case 'scheduler':
      return { schedules: 1 };
    case 'secretsmanager':
      return { secretReads: 1 };
    default:
      // Starting an execution is free; its transitions are counted by what they run.
      return {};
  }
}

function dynamodb(operation: string, input: Input, indexes: ReadonlyMap<string, readonly string[]>): Counts {
  if (operation === 'GetItem' || operation === 'Query') return { readUnits: input.ConsistentRead ? 1 : 0.5 };
  const writes: readonly Input[] =
    operation === 'TransactWriteItems'
      ? input.TransactItems.flatMap((item: Input) => Object.values(item))
      : [input];
  const each = operation === 'TransactWriteItems' ? 2 : 1;
  return { writeUnits: writes.reduce((units, write) => units + each + indexWrites(write, indexes), 0) };
}

/** An update writes an index when it gives the item its key there, as a claim does. */
function indexWrites(write: Input, indexes: ReadonlyMap<string, readonly string[]>): number {
  const text = JSON.stringify(write.Item ?? [write.UpdateExpression, write.ExpressionAttributeNames]);
  return (indexes.get(write.TableName) ?? []).filter((key) => new RegExp(`\\b${key}\\b`).test(text)).length;
}

export function sum(all: readonly Counts[]): Counts {
  const total: Counts = {};
  for (const counts of all)
    for (const [name, count] of Object.entries(counts) as [Counted, number][])
      total[name] = (total[name] ?? 0) + count;
  return total;
}

/** In dollars. */
export function priceOf({ counts, gbSeconds, loggedBytes }: Usage) {
  const of = (...names: Counted[]): number =>
    names.reduce((total, name) => total + ((counts[name] ?? 0) * PER_MILLION[name]) / 1e6, 0);
  return {
    sqs: of('sqsRequests'),
    lambda: of('invocations') + gbSeconds * PER_GB_SECOND_ARM64,
    dynamodb: of('writeUnits', 'readUnits'),
    logs: (loggedBytes / 1e9) * PER_GB_LOGGED,
    ses: of('emails', 'notifications'),
    other: of('stateTransitions', 'objectPuts', 'objectGets', 'schedules', 'secretReads'),
  };
}
