import type { SFNClient } from '@aws-sdk/client-sfn';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { AnyJob } from '../jobs/define-job.ts';
import { deadLetterQueueName, queueName } from '../jobs/names.ts';
import {
  type JobRecord,
  jobPartitionKey,
  type StepRecord,
  stageOfStep,
  stageStepName,
  stepSortKey,
} from '../jobs/record.ts';
import { executionDataOf } from '../jobs/stage-data.ts';
import { isOne, isStaged, type StageOrder } from '../jobs/staged-job.ts';
import { describeExecution } from './executions.ts';
import type { JobLookup } from './job-lookup.ts';
import {
  type JobStatus,
  type Lives,
  livesOf,
  type StepStatus,
  statusOf,
  stepStatusOf,
} from './job-status.ts';
import { type StagesReport, stagesOf } from './stage-status.ts';

/** A job as people name it: by the id that its publisher chose, or by type and key. */
export type JobReference = { readonly jobId: string } | { readonly type: string; readonly key: string };

export interface JobReport {
  readonly record: JobRecord;
  readonly status: JobStatus;
  readonly lives: Lives;
  /** Of a staged job: those within its stages. */
  readonly steps: readonly (StepStatus & { readonly name: string; readonly record: StepRecord })[];
  /** Of a staged job. */
  readonly stages?: StagesReport;
  /** The id of the job's message; `undefined` while nobody knows it, since the job was cancelled before that was met. */
  readonly jobId: string | undefined;
  /** The job's own id, where the id that was asked for is of a message that was a duplicate of it. */
  readonly duplicateOf?: string;
}

/** What can be said of a job that has no record. */
export interface NoRecord {
  /**
   * `waiting-or-unknown`: its message may be one of those that lie on the queues. `unknown`: nothing lies there that it could be, so it was never
   * accepted, was deleted by hand, or is older than the records. SQS counts within a minute, not exactly.
   */
  readonly state: 'waiting-or-unknown' | 'unknown';
  /** Messages on the queues that it may be on, in whatever state. SQS finds none by its content, so no tool can tell which. */
  readonly onQueues: number;
  /** Messages in their dead-letter queues: one that was rejected before it had a key, or never ran, has no record. */
  readonly deadLetters: number;
  /** Its id is known as a duplicate's, but the job that it was one of is older than the records. */
  readonly duplicateOfForgotten: boolean;
}

export interface StatusOptions {
  readonly lookup: JobLookup;
  readonly sqs: SQSClient;
  readonly stage: string;
  /** All job types of the stage: where a job may wait whose id alone is known. */
  readonly types: readonly string[];
  readonly now: () => number;
  /** Finds contracts: that of a staged job names its stages. @default none, and the stages are told as steps */
  readonly contractOf?: (type: string) => AnyJob | undefined;
  /** Asked how many items a staged job's first stage fans out over, while that is under way. @default nobody, and it is not told */
  readonly sfn?: SFNClient;
}

/**
 * What is true of a job now. An id may be that of several jobs, since ids are unique to their publisher only: usually there is one report.
 *
 * @returns no report, and what can be said without a record, where none is
 */
export async function status(
  reference: JobReference,
  options: StatusOptions,
): Promise<{ readonly reports: readonly JobReport[]; readonly noRecord?: NoRecord }> {
  const { lookup, sqs, stage, types } = options;
  const keys =
    'jobId' in reference
      ? await lookup.partitionKeysOf(reference.jobId)
      : [jobPartitionKey(reference.type, reference.key)];
  const records = await Promise.all(keys.map((pk) => lookup.byPartitionKey(pk)));
  const reports = await Promise.all(
    records.filter((record) => record !== undefined).map((record) => reportOf(record, reference, options)),
  );
  if (reports.length > 0) return { reports };
  const waitsOn = 'jobId' in reference ? types : [reference.type];
  const [onQueues, deadLetters] = await Promise.all([
    messagesOn(
      sqs,
      waitsOn.map((type) => queueName(stage, type)),
    ),
    messagesOn(
      sqs,
      waitsOn.map((type) => deadLetterQueueName(stage, type)),
    ),
  ]);
  return {
    reports,
    noRecord: {
      state: onQueues + deadLetters > 0 ? 'waiting-or-unknown' : 'unknown',
      onQueues,
      deadLetters,
      duplicateOfForgotten: 'jobId' in reference && keys.length > 0,
    },
  };
}

async function reportOf(
  record: JobRecord,
  reference: JobReference,
  { lookup, now, contractOf, sfn }: StatusOptions,
): Promise<JobReport> {
  const steps = await lookup.steps(record);
  const job = contractOf?.(record.pk.slice(0, record.pk.indexOf('#')));
  const order = job && isStaged(job) ? job.stages : undefined;
  const firstItems = order && (await itemsOfFirst(order, record, steps, sfn));
  const nowMs = now();
  const stages = order && stagesOf(order, record, steps, { nowMs, firstItems });
  return {
    record,
    status: statusOf(record, nowMs),
    lives: livesOf(record),
    ...(stages ? { stages } : {}),
    steps: steps
      .filter((step) => !stages || !stageOfStep(step))
      .map((step) => ({
        name: step.sk.slice(stepSortKey('').length),
        record: step,
        ...stepStatusOf(step, record, nowMs, steps),
      })),
    ...idsOf(record, reference),
  };
}

/** How many items the first stage fans out over: the execution's input has them, and no record does. */
async function itemsOfFirst(
  [first, second]: StageOrder,
  { executionArn }: JobRecord,
  steps: readonly StepRecord[],
  sfn: SFNClient | undefined,
): Promise<number | undefined> {
  if (!first || !isOne(first) || !first.forEach || executionArn === undefined || !sfn) return undefined;
  // Once the next stage has begun, as many as there are records.
  const next = [second ?? []].flat().map(({ name }) => stepSortKey(stageStepName(name)));
  if (steps.some(({ sk }) => next.includes(sk))) return undefined;
  const execution = await describeExecution(executionArn, sfn);
  return executionDataOf(execution?.input)?.before.items.length;
}

/** A record that a cancellation created has the id of no message: whoever asks by one has it from a message that came later. */
function idsOf(
  { jobId, messageId }: JobRecord,
  reference: JobReference,
): Pick<JobReport, 'jobId' | 'duplicateOf'> {
  const asked = 'jobId' in reference ? reference.jobId : undefined;
  if (messageId === '') return { jobId: asked };
  return { jobId, ...(asked === undefined || asked === jobId ? {} : { duplicateOf: jobId }) };
}

const COUNTS = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

/** In whatever state, as far as SQS knows by now. A queue that is not there holds none. */
async function messagesOn(sqs: SQSClient, names: readonly string[]): Promise<number> {
  const counts = await Promise.all(
    names.map(async (QueueName) => {
      try {
        const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
        const { Attributes = {} } = await sqs.send(
          new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...COUNTS] }),
        );
        return COUNTS.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
      } catch (error) {
        if (error instanceof QueueDoesNotExist) return 0;
        throw error;
      }
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
