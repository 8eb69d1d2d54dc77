import { randomUUID } from 'node:crypto';
import {
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Job } from '../jobs/define-job.ts';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import { bodyOf, type JobMessage, MESSAGE_GROUP_ID, SPEC_VERSION } from '../jobs/message.ts';
import { parseJob } from '../jobs/parse-job.ts';
import { batchesOf, LARGEST_BATCH_BYTES } from './batches.ts';
import { isOfWhatWasSent, isPassing, isRefusal, watchTries } from './sqs-answers.ts';

export interface PublishOptions {
  /** The job's id. @default a random UUID */
  readonly id?: string;
  /** When the work came to be. @default now */
  readonly time?: Date;
  /** The tenant, 1 to 128 letters, digits or punctuation; also the SQS MessageGroupId. No personal data: SQS does not encrypt it. */
  readonly partitionKey?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  /** Work that has not started by then is not worth doing: no attempt starts at or after it. Later than now. @default never */
  readonly expiryTime?: Date;
}

export interface Publication<Input> extends PublishOptions {
  readonly payload: Input;
}

export interface Accepted {
  /** Its place in what was given. */
  readonly index: number;
  readonly jobId: string;
  readonly messageId: string;
}

export interface NotAccepted {
  readonly index: number;
  readonly jobId: string;
  /** `INVALID_PAYLOAD`, `INVALID_KEY`, `INVALID_ENVELOPE`, `INVALID_EXPIRY`, `TOO_LARGE`, `NO_ANSWER`, or the own code of SQS or of the SDK. */
  readonly code: string;
  readonly message: string;
  /**
   * `invalid`: never will be accepted. `refused`: SQS said no to each try, publishing it again may help. `unknown`: one try had no answer, so it may
   * have been accepted; publishing it again is safe, since its key makes it the same work.
   */
  readonly kind: 'invalid' | 'refused' | 'unknown';
}

export interface PublishResult {
  readonly accepted: readonly Accepted[];
  readonly notAccepted: readonly NotAccepted[];
}

/** {@link Publisher.publish} could not hand its one job over. */
export class PublishError extends HonestJobsError {
  override readonly name = 'PublishError';
  readonly code: string;
  readonly refusal: NotAccepted;

  constructor(type: string, refusal: NotAccepted) {
    super(`The ${type} job ${refusal.jobId} was not accepted (${refusal.kind}): ${refusal.message}`);
    this.code = refusal.code;
    this.refusal = refusal;
  }
}

export interface PublisherOptions {
  readonly sqs: SQSClient;
  /** Who publishes: a URI reference, as CloudEvents wants it, such as `/shop/checkout`. */
  readonly source: string;
  readonly queueUrl: (type: string) => string | Promise<string>;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
  /** Waits between the tries of a partly refused batch. @default a timer */
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

/** What a consumer adds when it sends a job's message again (`,"hop":2147483647`) must fit too. */
const RESENDING_ROOM_BYTES = 64;
export const LARGEST_MESSAGE_BYTES = LARGEST_BATCH_BYTES - RESENDING_ROOM_BYTES;
const TRIES = 3;
const FIRST_PAUSE_MS = 100;

/** Why SQS takes nothing of this publisher now, whatever it sends. */
type Hopeless = Pick<NotAccepted, 'code' | 'message'>;

interface Entry {
  readonly index: number;
  readonly jobId: string;
  readonly body: string;
  readonly bytes: number;
  readonly groupId: string | undefined;
}

/** Publishes jobs to the queues of their types, validated by their contracts before anything is sent. */
export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** @throws PublishError when the job was not accepted, saying whether it is known not to have been */
  async publish<Payload, Input>(
    job: Job<Payload, Input>,
    payload: Input,
    options: PublishOptions = {},
  ): Promise<{ jobId: string; messageId: string }> {
    const { accepted, notAccepted } = await this.publishMany(job, [{ payload, ...options }]);
    if (notAccepted[0]) throw new PublishError(job.type, notAccepted[0]);
    const { jobId, messageId } = accepted[0] as Accepted;
    return { jobId, messageId };
  }

  /**
   * Publishes any number of jobs, in batches of ten and of {@link LARGEST_BATCH_BYTES}. What SQS refused for reasons of its own is tried again,
   * three times in all. Where SQS takes nothing of this publisher (a lacking permission, a missing queue), the rest is not sent, and has the same
   * answer. Never throws for a job: each ends in `accepted` or in `notAccepted`, with the reason, in the order given.
   *
   * @throws what `queueUrl` throws, before anything is sent
   */
  async publishMany<Payload, Input>(
    job: Job<Payload, Input>,
    publications: readonly Publication<Input>[],
  ): Promise<PublishResult> {
    const accepted: Accepted[] = [];
    const notAccepted: NotAccepted[] = [];
    const entries: Entry[] = [];
    for (const [index, publication] of publications.entries()) {
      const prepared = this.#prepare(job, publication, index);
      if ('body' in prepared) entries.push(prepared);
      else notAccepted.push(prepared);
    }
    if (entries.length > 0) {
      const queueUrl = await this.#options.queueUrl(job.type);
      let hopeless: Hopeless | undefined;
      for (const batch of batchesOf(entries)) {
        if (hopeless) {
          for (const { index, jobId } of batch)
            notAccepted.push({ index, jobId, ...hopeless, kind: 'refused' });
          continue;
        }
        const sent = await this.#send(queueUrl, batch);
        accepted.push(...sent.accepted);
        notAccepted.push(...sent.notAccepted);
        hopeless = sent.hopeless;
      }
    }
    const byIndex = (a: { readonly index: number }, b: { readonly index: number }): number =>
      a.index - b.index;
    return { accepted: accepted.sort(byIndex), notAccepted: notAccepted.sort(byIndex) };
  }

  #prepare<Payload, Input>(
    job: Job<Payload, Input>,
    { payload, id = randomUUID(), time, partitionKey, traceparent, expiryTime }: Publication<Input>,
    index: number,
  ): Entry | NotAccepted {
    const invalid = (code: string, message: string): NotAccepted => ({
      index,
      jobId: id,
      code,
      message,
      kind: 'invalid',
    });
    const nowMs = this.#options.now?.() ?? Date.now();
    const at = time ?? new Date(nowMs);
    if (Number.isNaN(at.getTime())) return invalid('INVALID_ENVELOPE', 'The time is none.');
    if (expiryTime !== undefined && !(expiryTime.getTime() > nowMs))
      return invalid(
        'INVALID_EXPIRY',
        Number.isNaN(expiryTime.getTime())
          ? 'The expiryTime is no time.'
          : `The expiryTime ${expiryTime.toISOString()} is not later than now: the job would expire without having run.`,
      );
    // SQS would refuse it too, but with it all other jobs of its batch.
    if (partitionKey !== undefined && !MESSAGE_GROUP_ID.test(partitionKey))
      return invalid('INVALID_ENVELOPE', 'The partitionKey is not 1 to 128 letters, digits or punctuation.');
    const message: JobMessage = {
      specversion: SPEC_VERSION,
      id,
      source: this.#options.source,
      type: job.type,
      time: at.toISOString(),
      datacontenttype: 'application/json',
      // As it was given: the consumer parses it with the same schema, and a parsed value may not parse again.
      data: payload ?? null,
      ...(partitionKey === undefined ? {} : { partitionkey: partitionKey }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(expiryTime === undefined ? {} : { expirytime: expiryTime.toISOString() }),
    };
    let body: string;
    try {
      body = bodyOf(message);
    } catch (error) {
      return invalid('INVALID_PAYLOAD', `The payload is no JSON: ${(error as Error).message}`);
    }
    const bytes = Buffer.byteLength(body);
    if (bytes > LARGEST_MESSAGE_BYTES)
      return invalid(
        'TOO_LARGE',
        `The message has ${bytes} bytes; at most ${LARGEST_MESSAGE_BYTES} go, which leaves SQS's 1 MiB room for what re-sending adds. Put the payload elsewhere and send a pointer to it.`,
      );
    // Read as the consumer will: what is no job any more once it was JSON would only be accepted to be dead-lettered.
    const read = parseJob(job, body);
    if (!read.ok) return invalid(read.rejection.code, read.rejection.message);
    return { index, jobId: id, body, bytes, groupId: partitionKey };
  }

  async #send(
    queueUrl: string,
    batch: readonly Entry[],
  ): Promise<PublishResult & { readonly hopeless?: Hopeless | undefined }> {
    const accepted: Accepted[] = [];
    const refused = new Map<Entry, NotAccepted>();
    let left: readonly Entry[] = batch;
    let hopeless: Hopeless | undefined;
    let isLost = false;
    for (let round = 1; left.length > 0; round++) {
      const again: Entry[] = [];
      const sent = await this.#sendOnce(queueUrl, left);
      isLost ||= sent.isLost;
      hopeless = sent.hopeless;
      for (const [entry, answer] of sent.answers) {
        if ('messageId' in answer) {
          accepted.push(answer);
          refused.delete(entry);
          continue;
        }
        refused.set(entry, answer);
        if (answer.kind === 'refused' && sent.isPassing && round < TRIES) again.push(entry);
      }
      left = again;
      if (left.length > 0) await this.#sleep(FIRST_PAUSE_MS * 2 ** (round - 1));
    }
    return { accepted, notAccepted: [...refused.values()].map(isLost ? orTaken : (same) => same), hopeless };
  }

  async #sendOnce(queueUrl: string, batch: readonly Entry[]): Promise<Sent> {
    const entries: SendMessageBatchRequestEntry[] = batch.map(({ body, groupId }, place) => ({
      Id: String(place),
      MessageBody: body,
      ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
    }));
    const answers = new Map<Entry, Accepted | NotAccepted>();
    const refuse = (entry: Entry, kind: NotAccepted['kind'], code: string, message: string): void => {
      answers.set(entry, { index: entry.index, jobId: entry.jobId, code, message, kind });
    };
    const command = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries });
    const tries = watchTries(command);
    try {
      const { Successful = [], Failed = [] } = await this.#options.sqs.send(command);
      for (const { Id, MessageId } of Successful) {
        const entry = batch[Number(Id)];
        if (entry) answers.set(entry, { index: entry.index, jobId: entry.jobId, messageId: MessageId ?? '' });
      }
      for (const { Id, Code, Message, SenderFault } of Failed) {
        const entry = batch[Number(Id)];
        if (entry)
          refuse(
            entry,
            SenderFault && isOfWhatWasSent(Code ?? '') ? 'invalid' : 'refused',
            Code ?? 'REFUSED',
            Message ?? 'SQS gave no reason.',
          );
      }
      for (const entry of batch)
        if (!answers.has(entry))
          refuse(entry, 'unknown', 'NO_ANSWER', 'SQS answered for the batch, but not for this message.');
      return { answers, isLost: tries.lost, isPassing: true };
    } catch (error) {
      const { name, message } = error as Error;
      for (const entry of batch) refuse(entry, isRefusal(error) ? 'refused' : 'unknown', name, message);
      const isOver = isRefusal(error) && !isPassing(error);
      return {
        answers,
        isLost: tries.lost,
        isPassing: !isOver,
        ...(isOver && !isOfWhatWasSent(name) ? { hopeless: { code: name, message } } : {}),
      };
    }
  }

  #sleep(milliseconds: number): Promise<void> {
    return this.#options.sleep?.(milliseconds) ?? new Promise((resume) => setTimeout(resume, milliseconds));
  }
}

/** What is known of a batch after one call. */
interface Sent {
  readonly answers: ReadonlyMap<Entry, Accepted | NotAccepted>;
  readonly isLost: boolean;
  /** Whether sending again what was refused may help. */
  readonly isPassing: boolean;
  readonly hopeless?: Hopeless;
}

/** What was refused after a try without an answer may lie in the queue from that one. */
function orTaken(answer: NotAccepted): NotAccepted {
  if (answer.kind !== 'refused') return answer;
  return { ...answer, kind: 'unknown', message: `${answer.message} An earlier try had no answer.` };
}
