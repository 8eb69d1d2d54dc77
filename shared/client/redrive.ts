import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListMessageMoveTasksCommand,
  type ListMessageMoveTasksResultEntry,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { deadLetterQueueName } from '../jobs/names.ts';

/** The dead-letter queue of a job type, as SQS counts it: within a minute, not exactly. */
export interface DeadLetterQueue {
  readonly arn: string;
  /** Letters that a redrive would take now. */
  readonly visible: number;
  /** Letters that somebody looks at just now; they are visible again when that is over. */
  readonly hidden: number;
}

/** A redrive that was started. */
export interface Redrive {
  /** When the queue's newest one before it was started, in milliseconds since the epoch; 0: there was none. */
  readonly afterMs: number;
}

export interface RedriveProgress {
  /** SQS's own: `RUNNING`, `COMPLETED`, `CANCELLING`, `CANCELLED` or `FAILED`. */
  readonly state: string;
  readonly moved: number;
  readonly failure?: string;
}

export async function deadLetterQueueOf(
  type: string,
  { sqs, stage }: { sqs: SQSClient; stage: string },
): Promise<DeadLetterQueue> {
  const { QueueUrl } = await sqs.send(
    new GetQueueUrlCommand({ QueueName: deadLetterQueueName(stage, type) }),
  );
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ['QueueArn', 'ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return {
    arn: Attributes.QueueArn ?? '',
    visible: Number(Attributes.ApproximateNumberOfMessages),
    hidden: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
  };
}

/**
 * Moves every dead letter of the queue back to where it came from, as the console's "Start DLQ redrive" does: each job begins a new life. SQS
 * runs one such task a queue, of at most 500 messages a second.
 */
export async function startRedrive({ arn }: Pick<DeadLetterQueue, 'arn'>, sqs: SQSClient): Promise<Redrive> {
  const former = await newestTask(arn, sqs);
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arn }));
  return { afterMs: former?.StartedTimestamp ?? 0 };
}

/** How far the redrive has come; `undefined` while SQS does not list it yet. */
export async function redriveProgress(
  { arn }: Pick<DeadLetterQueue, 'arn'>,
  { afterMs }: Redrive,
  sqs: SQSClient,
): Promise<RedriveProgress | undefined> {
  const newest = await newestTask(arn, sqs);
  if (!newest || (newest.StartedTimestamp ?? 0) <= afterMs) return undefined;
  const { Status = 'UNKNOWN', ApproximateNumberOfMessagesMoved = 0, FailureReason } = newest;
  return {
    state: Status,
    moved: ApproximateNumberOfMessagesMoved,
    ...(FailureReason === undefined ? {} : { failure: FailureReason }),
  };
}

async function newestTask(
  SourceArn: string,
  sqs: SQSClient,
): Promise<ListMessageMoveTasksResultEntry | undefined> {
  const { Results: [newest] = [] } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn }));
  return newest;
}
