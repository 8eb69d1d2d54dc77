import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { AnyJob } from '../jobs/define-job.ts';
import { deadLetterQueueName } from '../jobs/names.ts';
import { parseJob } from '../jobs/parse-job.ts';
import { isOtherWork, type JobRecord, keyReused } from '../jobs/record.ts';
import type { JobLookup } from './job-lookup.ts';

/** A message in a dead-letter queue, with the reason why it lies there. */
export interface DeadLetter {
  readonly messageId: string;
  /** The message as it was published, for the person who may see it. */
  readonly body: string;
  readonly sentAtMs: number;
  readonly reason: DeadLetterReason;
  /** Absent when the message could never be read as a job. */
  readonly job?: {
    readonly id: string;
    readonly type: string;
    readonly key: string;
    readonly record?: JobRecord;
  };
}

export interface DeadLetterReason {
  readonly code: string;
  readonly message: string;
  /** Steps that left no certain outcome: their effects may have happened. The first ten. @default none */
  readonly uncertain?: readonly string[];
}

/**
 * Why a message lies in the DLQ of `job`'s queue. What could not be read is judged again by the same code that judged it first;
 * everything else was recorded with the job's verdict.
 */
export async function explain(job: AnyJob, message: Message, lookup: JobLookup): Promise<DeadLetter> {
  const body = message.Body ?? '';
  const seen = {
    messageId: message.MessageId ?? '',
    body,
    sentAtMs: Number(message.Attributes?.SentTimestamp ?? 0),
  };
  const parsed = parseJob(job, body);
  if (!parsed.ok) return { ...seen, reason: parsed.rejection };
  const { key, message: envelope, payloadHash } = parsed.value;
  const record = await lookup.byKey(job.type, key);
  return {
    ...seen,
    reason: reasonOf(key, payloadHash, record),
    job: { id: envelope.id, type: job.type, key, ...(record ? { record } : {}) },
  };
}

function reasonOf(key: string, payloadHash: string, record: JobRecord | undefined): DeadLetterReason {
  if (!record)
    return {
      code: 'NEVER_RAN',
      message:
        'All receives passed and the handler never ran: throttled, failing to start, or its records unreachable. Look at the function’s errors and throttles of that time.',
    };
  if (isOtherWork(record, payloadHash)) return keyReused(key, record.jobId);
  if (record.state === 'cancelled' || record.state === 'expired') return endedWithout(record.state);
  if (record.verdict) return record.verdict;
  return {
    code: 'RECEIVES_EXHAUSTED',
    message:
      record.state === 'completed'
        ? 'The job has completed; this is a further message of it. Redriving it is harmless.'
        : `SQS moved the message before the job was decided (it is ${record.state}, attempt ${record.attempts}). Redrive it to go on.`,
  };
}

function endedWithout(state: 'cancelled' | 'expired'): DeadLetterReason {
  return {
    code: 'RECEIVES_EXHAUSTED',
    message: `The job has ${state === 'expired' ? 'expired' : 'been cancelled'}; this is a further message of it. Redriving it runs nothing.`,
  };
}

/**
 * Looks at up to `most` dead letters of a job type. SQS can only show a message by receiving it: it is hidden from others
 * meanwhile, given back at the end, at the latest after `hideSeconds`, and its receive count grows, which in a DLQ moves nothing.
 */
export async function peekDeadLetters(
  job: AnyJob,
  {
    sqs,
    stage,
    lookup,
    most = 100,
    hideSeconds = 10,
  }: { sqs: SQSClient; stage: string; lookup: JobLookup; most?: number; hideSeconds?: number },
): Promise<DeadLetter[]> {
  const { QueueUrl } = await sqs.send(
    new GetQueueUrlCommand({ QueueName: deadLetterQueueName(stage, job.type) }),
  );
  const letters = new Map<string, DeadLetter>();
  const receipts: string[] = [];
  while (letters.size < most) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(10, most - letters.size),
        VisibilityTimeout: hideSeconds,
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ['SentTimestamp', 'ApproximateReceiveCount', 'DeadLetterQueueSourceArn'],
      }),
    );
    // Those seen first come back when their time is over: once only they come, all have been seen.
    const unseen = Messages.filter(({ MessageId = '' }) => !letters.has(MessageId));
    receipts.push(...Messages.map(({ ReceiptHandle = '' }) => ReceiptHandle));
    if (unseen.length === 0) break;
    for (const message of unseen) letters.set(message.MessageId ?? '', await explain(job, message, lookup));
  }
  await giveBack(sqs, QueueUrl, receipts);
  return [...letters.values()];
}

async function giveBack(
  sqs: SQSClient,
  QueueUrl: string | undefined,
  receipts: readonly string[],
): Promise<void> {
  for (let from = 0; from < receipts.length; from += 10) {
    const entries = receipts.slice(from, from + 10).map((ReceiptHandle, place) => ({
      Id: String(place),
      ReceiptHandle,
      VisibilityTimeout: 0,
    }));
    try {
      await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries: entries }));
    } catch {
      // Whoever may only look finds them visible when their time is over.
      return;
    }
  }
}
