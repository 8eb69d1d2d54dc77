import { createHash } from 'node:crypto';
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionNotRedrivable,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { CLIENT_DEFAULTS, type JobContext, type JobHandler, s3Client } from '../consumer/index.ts';
import { Started } from '../consumer/started.ts';
import { ENVIRONMENT, required } from '../jobs/environment.ts';
import { jobPartitionKey } from '../jobs/record.ts';
import { type ExecutionData, StageData, type StagedJobIdentity } from '../jobs/stage-data.ts';
import { isOne, type StagedJob } from '../jobs/staged-job.ts';
import { itemsOf } from './order.ts';

export interface StarterRuntime {
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  readonly queueUrl: string;
  readonly data: StageData;
}

/** The runtime of a deployed starter. */
export function defaultStarterRuntime(): StarterRuntime {
  return {
    sfn: new SFNClient(CLIENT_DEFAULTS),
    stateMachineArn: required(ENVIRONMENT.stateMachineArn),
    queueUrl: required(ENVIRONMENT.queueUrl),
    data: new StageData(required(ENVIRONMENT.bucket), s3Client),
  };
}

/**
 * The handler of a staged job's queue: it starts the job's execution, or resumes the one of the life before, and leaves the job to it.
 * The execution's name derives from key and life, so that a second start of the same life starts nothing.
 */
export function starterOf<Payload>(
  job: StagedJob<Payload, unknown>,
  runtime: StarterRuntime = defaultStarterRuntime(),
): JobHandler<Payload> {
  return async (payload, { job: identity, message, log, signal }) => {
    const { executionArn } = identity;
    if (executionArn !== undefined) {
      const resumed = await resume(executionArn, runtime, signal);
      if (resumed) return resumed;
      log.info(
        'The execution of the life before cannot be resumed; a new one skips the stages that finished.',
        {
          executionArn,
        },
      );
    }
    const data = await dataOf(job, payload, identity, message, runtime);
    return start(data, runtime, signal);
  };
}

/** @returns `undefined` when Step Functions cannot: it is older than 14 days, or its state machine is another by now */
async function resume(
  executionArn: string,
  { sfn }: StarterRuntime,
  abortSignal: AbortSignal,
): Promise<Started | undefined> {
  const before = await describe(executionArn, sfn, abortSignal);
  if (before === undefined) return undefined;
  // An earlier attempt of ours did, and its answer or its record was lost.
  if (before.status === 'RUNNING') return new Started(executionArn, before.redriveCount ?? 0);
  if (before.redriveStatus !== 'REDRIVABLE') return undefined;
  try {
    await sfn.send(new RedriveExecutionCommand({ executionArn }), { abortSignal });
  } catch (error) {
    if (error instanceof ExecutionNotRedrivable) return undefined;
    throw error;
  }
  return new Started(executionArn, (before.redriveCount ?? 0) + 1);
}

async function describe(executionArn: string, sfn: SFNClient, abortSignal: AbortSignal) {
  try {
    return await sfn.send(new DescribeExecutionCommand({ executionArn }), { abortSignal });
  } catch (error) {
    if ((error as Error).name === 'ExecutionDoesNotExist') return undefined;
    throw error;
  }
}

async function start(
  data: ExecutionData,
  { sfn, stateMachineArn }: StarterRuntime,
  abortSignal: AbortSignal,
): Promise<Started> {
  const name = executionName(data.job);
  try {
    const { executionArn } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(data) }),
      { abortSignal },
    );
    return new Started(executionArn ?? executionArnOf(stateMachineArn, name), 0);
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
    // An earlier attempt of this life started it, and it has ended since: its end is told by its own event.
    return new Started(executionArnOf(stateMachineArn, name), 0);
  }
}

async function dataOf<Payload>(
  job: StagedJob<Payload, unknown>,
  payload: Payload,
  { type, key, id, life }: JobContext['job'],
  message: unknown,
  { data, queueUrl }: StarterRuntime,
): Promise<ExecutionData> {
  const identity: StagedJobIdentity = { type, key, id, life, queueUrl, bucket: data.bucket };
  // As it was published: the stages parse it with the same schema.
  const published = (message as { data: unknown }).data;
  const kept = await data.keep(identity, published);
  const [first] = job.stages;
  return {
    job: identity,
    payload: kept,
    message: await data.keep(identity, message),
    before: {
      output: kept,
      items: itemsOf(payload, first !== undefined && isOne(first) ? first.forEach?.list : undefined),
    },
  };
}

/** 80 characters at most; the key itself may hold what no name may. */
export function executionName({ type, key, life }: Pick<StagedJobIdentity, 'type' | 'key' | 'life'>): string {
  const digest = createHash('sha256').update(jobPartitionKey(type, key)).digest('hex');
  return `${digest.slice(0, 40)}-${life}`;
}

function executionArnOf(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}
