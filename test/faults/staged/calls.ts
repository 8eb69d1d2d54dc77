import { JOB_SORT_KEY, jobPartitionKey, stepSortKey } from '../../../shared/jobs/record.ts';
import { staged } from '../../lab/probe/staged/contract.ts';

export interface Update {
  readonly Key?: Readonly<Record<string, { readonly S?: string }>>;
  readonly ConditionExpression?: string;
  readonly ProjectionExpression?: string;
  readonly ExpressionAttributeValues?: Readonly<Record<string, { readonly S?: string }>>;
  /** Of a transaction. */
  readonly TransactItems?: readonly { readonly Update?: Update }[];
}

interface CallOfJob {
  /** Whose call it is. */
  readonly by: 'starter' | 'stage' | 'ends';
  readonly service: string;
  readonly operation: string;
  /** Whether it is this one, and of the job of this key. @default by its operation alone: nothing else makes it meanwhile */
  readonly concerns?: (input: Update, key: string) => boolean;
}

const STAGE_STEP = stepSortKey('stage/join');

/** An update of an item of the job, told by a value that no other update of it has. */
function update(by: CallOfJob['by'], sk: string, value: string, is?: string): CallOfJob {
  return {
    by,
    service: 'dynamodb',
    operation: 'UpdateItem',
    concerns: ({ Key, ExpressionAttributeValues: values = {} }, key) =>
      Key?.pk?.S === jobPartitionKey(staged.type, key) &&
      Key.sk?.S === sk &&
      value in values &&
      (is === undefined || values[value]?.S === is),
  };
}

/** The same within a transaction. */
function transacted(...of: Parameters<typeof update>): CallOfJob {
  const { concerns, ...one } = update(...of);
  return {
    ...one,
    operation: 'TransactWriteItems',
    concerns: ({ TransactItems = [] }, key) =>
      TransactItems.some(({ Update }) => Update !== undefined && concerns?.(Update, key) === true),
  };
}

function counter(kind: 'stage' | 'effect'): CallOfJob {
  return {
    by: 'stage',
    service: 'dynamodb',
    operation: 'UpdateItem',
    concerns: ({ Key }, key) => Key?.sku?.S === `${kind}:${key}:join`,
  };
}

/** The calls by which a staged job comes to its end, in their order. */
const KINDS = {
  claim: update('starter', JOB_SORT_KEY, ':status', 'INPROGRESS'),
  start: { by: 'starter', service: 'states', operation: 'StartExecution' },
  describe: { by: 'starter', service: 'states', operation: 'DescribeExecution' },
  redrive: { by: 'starter', service: 'states', operation: 'RedriveExecution' },
  'record the start': update('starter', JOB_SORT_KEY, ':arn'),
  'claim the stage': update('stage', STAGE_STEP, ':notDone'),
  'take the stage over': update('stage', STAGE_STEP, ':before'),
  'count the run': counter('stage'),
  'look whether it was cancelled': {
    by: 'stage',
    service: 'dynamodb',
    operation: 'GetItem',
    concerns: ({ Key, ProjectionExpression }, key) =>
      Key?.pk?.S === jobPartitionKey(staged.type, key) && ProjectionExpression === 'cancelRequestedAtMs',
  },
  'begin the step': transacted('stage', `${STAGE_STEP}/effect`, ':notDone'),
  'have the effect': counter('effect'),
  'finish the step': update('stage', `${STAGE_STEP}/effect`, ':done'),
  'finish the stage': update('stage', STAGE_STEP, ':done'),
  'read the record': { by: 'ends', service: 'dynamodb', operation: 'GetItem' },
  'read the steps': { by: 'ends', service: 'dynamodb', operation: 'Query' },
  'record the end': update('ends', JOB_SORT_KEY, ':seenState'),
  'send the message back': { by: 'ends', service: 'sqs', operation: 'SendMessage' },
  'note the message': update('ends', JOB_SORT_KEY, ':message'),
} satisfies Record<string, CallOfJob>;

export type Call = keyof typeof KINDS;
export const CALLS: Readonly<Record<Call, CallOfJob>> = KINDS;
