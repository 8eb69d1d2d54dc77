import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { AnyJob } from '../jobs/define-job.ts';
import { deadLetterQueueName } from '../jobs/names.ts';
import { parseJob } from '../jobs/parse-job.ts';
import { binds, isOtherWork, type JobRecord, keyReused } from '../jobs/record.ts';
import type { JobLookup } from './job-lookup.ts';
import { livesOf } from './job-status.ts';

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
    reason: reasonOf({ ...seen, key, payloadHash }, record),
    job: { id: envelope.id, type: job.type, key, ...(record ? { record } : {}) },
  };
}

interface Judged {
  readonly key: string;
  readonly payloadHash: string;
  readonly messageId: string;
  readonly sentAtMs: number;
}

function reasonOf(letter: Judged, record: JobRecord | undefined): DeadLetterReason {
  if (!record)
    return {
      code: 'NEVER_RAN',
      message:
        'All receives passed and the handler never ran: throttled, failing to start, or its records unreachable. Look at the function’s errors and throttles of that time.',
    };
  const { state } = record;
  if (isOtherWork(record, letter.payloadHash)) return keyReused(letter.key, record.jobId);
  if (state === 'cancelled' || state === 'expired') return endedWithout(state);
  if (record.verdict) return record.verdict;
  // A resumed job, or one that was published again, leaves the letters of its former lives where they are.
  const given = livesOf(record).former.findLast(({ verdict }) => binds(verdict, letter));
  if (given)
    return {
      code: given.verdict.code,
      message: `Given up on in life ${given.life}: ${given.verdict.message} The job has gone on since, and is ${state}. Redriving this letter is harmless.`,
    };
  return {
    code: 'RECEIVES_EXHAUSTED',
    message:
      state === 'completed'
        ? 'The job has completed; this is a further message of it. Redriving it is harmless.'
        : `SQS moved the message before the job was decided (it is ${state}, attempt ${record.attempts}). Redrive it to go on.`,
  };
}

function endedWithout(state: 'cancelled' | 'expired'): DeadLetterReason {
  return {
    code: 'RECEIVES_EXHAUSTED',
    message: `The job has ${state === 'expired' ? 'expired' : 'been cancelled'}; this is a further message of it. Redriving it runs nothing.`,
  };
}

export interface DeadLetters {
  readonly letters: readonly DeadLetter[];
  /** There are others, or may be: `most` of them were found, or SQS handed out the same ones again and again. */
  readonly more: boolean;
  /** How many SQS counts, hidden ones too: within a minute, not exactly. */
  readonly about: number;
}

interface LookOptions {
  readonly sqs: SQSClient;
  readonly stage: string;
  readonly lookup: JobLookup;
  /** @default 100 */
  readonly most?: number;
}

/** What SQS takes, and what one look does at a time. */
const AT_A_TIME = 10;
/** SQS hides a message for at most so long. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const LONGEST_HIDDEN_SECONDS = 43_200;
/** Ten letters take a tenth of it, as a rule. */
const HIDDEN_SECONDS_FOR_TEN = 1;
const LEAST_HIDDEN_SECONDS = 30;
/** So often in a row SQS may hand out nothing but what it has handed out before. */
const MOST_IDLE_RECEIVES = 20;

/**
 * Looks at up to `most` dead letters of a job type. SQS can only show a message by receiving it: it is hidden from others until all are
 * found, at the longest for half a minute and a second more for each ten of them, and its receive count grows, which in a DLQ moves nothing.
 */
export async function peekDeadLetters(
  job: AnyJob,
  { sqs, stage, lookup, most = 100 }: LookOptions,
): Promise<DeadLetters> {
  const QueueUrl = await queueUrlOf(job, { sqs, stage });
  const about = await countOf(sqs, QueueUrl);
  // One more than asked for tells whether there are more.
  const { messages, endless } = await receiveAndGiveBack(sqs, QueueUrl, most + 1, about);
  const letters: DeadLetter[] = [];
  for (const ten of inTens(messages.slice(0, most)))
    letters.push(...(await Promise.all(ten.map((message) => explain(job, message, lookup)))));
  return { letters, more: endless || messages.length > most, about: Math.max(about, messages.length) };
}

/** One letter by the id of its message; `undefined` where it does not lie there, or somebody else looks at it just now. */
export async function findDeadLetter(
  job: AnyJob,
  messageId: string,
  { sqs, stage, lookup }: Omit<LookOptions, 'most'>,
): Promise<DeadLetter | undefined> {
  const QueueUrl = await queueUrlOf(job, { sqs, stage });
  const about = await countOf(sqs, QueueUrl);
  const { messages } = await receiveAndGiveBack(sqs, QueueUrl, Number.POSITIVE_INFINITY, about, {
    isLast: (message) => message.MessageId === messageId,
  });
  const found = messages.find((message) => message.MessageId === messageId);
  return found && explain(job, found, lookup);
}

/**
 * Deletes one letter for good: nothing redrives it any more, and the record of its job stays as it is.
 *
 * @returns whether it lay there
 */
export async function discardDeadLetter(
  job: AnyJob,
  messageId: string,
  { sqs, stage }: Pick<LookOptions, 'sqs' | 'stage'>,
): Promise<boolean> {
  const QueueUrl = await queueUrlOf(job, { sqs, stage });
  const about = await countOf(sqs, QueueUrl);
  let isDeleted = false;
  await receiveAndGiveBack(sqs, QueueUrl, Number.POSITIVE_INFINITY, about, {
    isLast: (message) => message.MessageId === messageId,
    // While it is hidden: a receipt of a message that others have received since deletes nothing.
    takes: async ({ ReceiptHandle }) => {
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      isDeleted = true;
    },
  });
  return isDeleted;
}

async function queueUrlOf(
  job: AnyJob,
  { sqs, stage }: Pick<LookOptions, 'sqs' | 'stage'>,
): Promise<string | undefined> {
  const { QueueUrl } = await sqs.send(
    new GetQueueUrlCommand({ QueueName: deadLetterQueueName(stage, job.type) }),
  );
  return QueueUrl;
}

async function countOf(sqs: SQSClient, QueueUrl: string | undefined): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

interface Search {
  /** The one that is looked for: nothing is received after it. */
  readonly isLast?: (message: Message) => boolean;
  /** What is done to that one before the others are given back. */
  readonly takes?: (message: Message) => Promise<void>;
}

async function receiveAndGiveBack(
  sqs: SQSClient,
  QueueUrl: string | undefined,
  most: number,
  about: number,
  { isLast = () => false, takes }: Search = {},
): Promise<{ messages: Message[]; endless: boolean }> {
  const tens = Math.ceil(Math.min(most, about) / AT_A_TIME);
  const VisibilityTimeout = Math.min(
    LEAST_HIDDEN_SECONDS + tens * HIDDEN_SECONDS_FOR_TEN,
    LONGEST_HIDDEN_SECONDS,
  );
  // By id: SQS may hand out one twice, and takes it back by its newest receipt.
  const received = new Map<string, Message>();
  let idle = 0;
  try {
    while (received.size < most && idle < MOST_IDLE_RECEIVES) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: Math.min(AT_A_TIME, most - received.size),
          VisibilityTimeout,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: [
            'SentTimestamp',
            'ApproximateReceiveCount',
            'DeadLetterQueueSourceArn',
          ],
        }),
      );
      if (Messages.length === 0) break;
      const before = received.size;
      for (const message of Messages) received.set(message.MessageId ?? '', message);
      idle = received.size === before ? idle + 1 : 0;
      const last = Messages.find(isLast);
      if (last) await takes?.(last);
      if (last) break;
    }
  } finally {
    await giveBack(sqs, QueueUrl, [...received.values()]);
  }
  return { messages: [...received.values()], endless: idle === MOST_IDLE_RECEIVES };
}

/** Whoever may only look, or is not answered, finds them visible when their time is over. */
async function giveBack(
  sqs: SQSClient,
  QueueUrl: string | undefined,
  messages: readonly Message[],
): Promise<void> {
  const giveBackTen = async (ten: readonly Message[]): Promise<void> => {
    const Entries = ten.map(({ ReceiptHandle }, place) => ({
      Id: String(place),
      ReceiptHandle,
      VisibilityTimeout: 0,
    }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries })).catch(() => {});
  };
  for (const hundred of inTens(inTens(messages))) await Promise.all(hundred.map(giveBackTen));
}

function inTens<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / AT_A_TIME) }, (_, ten) =>
    items.slice(ten * AT_A_TIME, (ten + 1) * AT_A_TIME),
  );
}
