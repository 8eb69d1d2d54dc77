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
import { RECORD_RETENTION_SECONDS } from '../jobs/define-job.ts';
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
  readonly now: () => number;
}

type Timed = Pick<StagedJob, 'executionTimeoutSeconds'>;

/** The runtime of a deployed starter. */
export function defaultStarterRuntime(): StarterRuntime {
  return {
    sfn: new SFNClient(CLIENT_DEFAULTS),
    stateMachineArn: required(ENVIRONMENT.stateMachineArn),
    queueUrl: required(ENVIRONMENT.queueUrl),
    data: new StageData(required(ENVIRONMENT.bucket), s3Client),
    now: Date.now,
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
      const resumed = await resume(executionArn, job, runtime, signal);
      if (resumed) return resumed;
      log.info(
        'The execution of the life before cannot be resumed; a new one skips the stages that finished.',
        {
          executionArn,
        },
      );
    }
    const data = await dataOf(job, payload, identity, message, runtime);
    return start(data, job, runtime, signal);
  };
}

/** @returns `undefined` when Step Functions cannot: it is older than 14 days, or its state machine is another by now */
async function resume(
  executionArn: string,
  { executionTimeoutSeconds }: Timed,
  { sfn }: StarterRuntime,
  abortSignal: AbortSignal,
): Promise<Started | undefined> {
  const started = ({ redriveCount = 0 }: { redriveCount?: number | undefined }): Started =>
    new Started(executionArn, redriveCount, executionTimeoutSeconds);
  const before = await describe(executionArn, sfn, abortSignal);
  if (before === undefined) return undefined;
  // An earlier attempt of ours did, and its answer or its record was lost.
  if (before.status === 'RUNNING') return started(before);
  if (before.redriveStatus !== 'REDRIVABLE') return undefined;
  try {
    await sfn.send(new RedriveExecutionCommand({ executionArn }), { abortSignal });
  } catch (error) {
    if (!(error instanceof ExecutionNotRedrivable)) throw error;
    // What is described may be a moment old: it may run by now, by an earlier attempt of ours.
    const now = await describe(executionArn, sfn, abortSignal);
    return now?.status === 'RUNNING' ? started(now) : undefined;
  }
  return started({ redriveCount: (before.redriveCount ?? 0) + 1 });
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
  { executionTimeoutSeconds }: Timed,
  { sfn, stateMachineArn, now }: StarterRuntime,
  abortSignal: AbortSignal,
): Promise<Started> {
  const input = JSON.stringify(data);
  for (let again = 0; ; again++) {
    const name = executionName(data.job, again);
    const executionArn = executionArnOf(stateMachineArn, name);
    try {
      await sfn.send(new StartExecutionCommand({ stateMachineArn, name, input }), { abortSignal });
      return new Started(executionArn, 0, executionTimeoutSeconds);
    } catch (error) {
      if (!(error instanceof ExecutionAlreadyExists)) throw error;
    }
    const { status, stopDate } = (await describe(executionArn, sfn, abortSignal)) ?? {};
    // An earlier attempt of this life started it: it runs, or its end is told by an event of its own.
    const endedMs = stopDate?.getTime() ?? now();
    if (status === 'RUNNING' || now() - endedMs < RECORD_RETENTION_SECONDS * 1000)
      return new Started(executionArn, 0, executionTimeoutSeconds);
    // Of a job of this key that is forgotten: Step Functions remembers its name for longer than we remember the job.
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

/**
 * 80 characters at most; the key itself may hold what no name may.
 *
 * @param again how many executions of forgotten jobs have had the key's names
 */
export function executionName(
  { type, key, life }: Pick<StagedJobIdentity, 'type' | 'key' | 'life'>,
  again = 0,
): string {
  const digest = createHash('sha256').update(jobPartitionKey(type, key)).digest('hex');
  return `${digest.slice(0, 40)}-${life}${again === 0 ? '' : `-${again}`}`;
}

function executionArnOf(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}
