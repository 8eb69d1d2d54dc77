import { AwsError } from '../kernel/errors.ts';
import type { Operation } from '../kernel/json-protocol.ts';
import { type BatchAnswer, batchFailure, eachEntry, parseBatch } from './batch.ts';
import { checkDraft, type RawDraft, readDraft } from './draft.ts';
import { invalidValue } from './errors.ts';
import type { LongPolls } from './long-polls.ts';
import { md5OfAttributes } from './message-attributes.ts';
import type { Draft, Messages, Sent } from './messages.ts';
import { Parameters } from './parameters.ts';
import type { Queue } from './queue.ts';
import { MAX_VISIBILITY_SECONDS, MAX_WAIT_SECONDS, MESSAGE_LIMIT_BYTES } from './queue-attributes.ts';
import type { Queues } from './queues.ts';
import { asApiMessage, checkSystemAttributeNames } from './received-message.ts';

const MAX_MESSAGES_A_RECEIVE = 10;
/** An SDK within a function sends it by itself. */
const TRACE_HEADER = 'x-amzn-trace-id';

/** The operations on messages, from the API's JSON to {@link Messages} and back. */
export function messageOperations(
  queues: Queues,
  messages: Messages,
  polls: LongPolls,
  senderId: string,
): Record<string, Operation> {
  const opened = (input: unknown, operation: string) => {
    const parameters = new Parameters(input, operation);
    return { parameters, queue: queues.byUrl(parameters.text('QueueUrl')) };
  };

  const batch = (input: unknown, operation: string) => {
    const { parameters, queue } = opened(input, operation);
    const list = parameters.list('Entries');
    parameters.done();
    return { queue, entries: parseBatch(operation, list) };
  };

  return {
    SendMessage(input, _signal, { [TRACE_HEADER]: trace }) {
      const { parameters, queue } = opened(input, 'SendMessage');
      const raw = readDraft(parameters, trace);
      const [sent] = messages.send(queue, [checkDraft(queue, raw)]);
      return sentAnswer(raw, sent as Sent);
    },

    SendMessageBatch(input, _signal, { [TRACE_HEADER]: trace }): BatchAnswer<object> {
      const { queue, entries } = batch(input, 'SendMessageBatch');
      const raws = entries.map(({ id, parameters }) => ({ id, raw: readDraft(parameters, trace) }));
      const totalBytes = raws.reduce((sum, { raw }) => sum + raw.sizeBytes, 0);
      if (totalBytes > MESSAGE_LIMIT_BYTES)
        throw new AwsError(
          'BatchRequestTooLong',
          `Batch requests cannot be longer than ${MESSAGE_LIMIT_BYTES} bytes. You have sent ${totalBytes} bytes.`,
        );
      const accepted: { id: string; raw: RawDraft; draft: Draft }[] = [];
      const Failed = raws.flatMap(({ id, raw }) => {
        try {
          accepted.push({ id, raw, draft: checkDraft(queue, raw) });
          return [];
        } catch (error) {
          return [batchFailure(id, error)];
        }
      });
      const sent = messages.send(
        queue,
        accepted.map(({ draft }) => draft),
      );
      const Successful = accepted.map(({ id, raw }, index) => ({
        Id: id,
        ...sentAnswer(raw, sent[index] as Sent),
      }));
      return { Successful, Failed };
    },

    async ReceiveMessage(input, signal) {
      const { parameters, queue } = opened(input, 'ReceiveMessage');
      const maxMessages = parameters.optionalInteger('MaxNumberOfMessages') ?? 1;
      const visibilitySeconds =
        parameters.optionalInteger('VisibilityTimeout') ?? queue.settings.visibilityTimeoutSeconds;
      const waitSeconds = parameters.optionalInteger('WaitTimeSeconds') ?? queue.settings.receiveWaitSeconds;
      const systemNames = [
        ...parameters.texts('AttributeNames'),
        ...parameters.texts('MessageSystemAttributeNames'),
      ];
      const names = parameters.texts('MessageAttributeNames');
      const attemptId = parameters.optionalText('ReceiveRequestAttemptId');
      parameters.done();
      if (attemptId !== undefined)
        throw invalidValue(
          'ReceiveRequestAttemptId',
          attemptId,
          'The request includes a parameter that is not valid for this queue type.',
        );
      if (maxMessages < 1 || maxMessages > MAX_MESSAGES_A_RECEIVE)
        throw invalidValue(
          'MaxNumberOfMessages',
          maxMessages,
          `Must be between 1 and ${MAX_MESSAGES_A_RECEIVE}, if provided.`,
        );
      if (waitSeconds < 0 || waitSeconds > MAX_WAIT_SECONDS)
        throw invalidValue(
          'WaitTimeSeconds',
          waitSeconds,
          `Must be >= 0 and <= ${MAX_WAIT_SECONDS}, if provided.`,
        );
      checkVisibility(visibilitySeconds);
      checkSystemAttributeNames(systemNames);
      // Under long polling a full queue just stays silent.
      if (waitSeconds === 0) refuseWhenFull(messages, queue);
      const received = await polls.receive(queue, { maxMessages, visibilitySeconds, waitSeconds, signal });
      if (received.length === 0) return {};
      return {
        Messages: received.map((delivery) => asApiMessage(delivery, systemNames, names, senderId)),
      };
    },

    DeleteMessage(input) {
      const { parameters, queue } = opened(input, 'DeleteMessage');
      const handle = parameters.text('ReceiptHandle');
      parameters.done();
      messages.delete(queue, [handle]);
    },

    DeleteMessageBatch(input) {
      const { queue, entries } = batch(input, 'DeleteMessageBatch');
      return messages.together(() =>
        eachEntry(entries, ({ parameters }) => {
          const handle = parameters.text('ReceiptHandle');
          parameters.done();
          messages.delete(queue, [handle]);
          return {};
        }),
      );
    },

    ChangeMessageVisibility(input) {
      const { parameters, queue } = opened(input, 'ChangeMessageVisibility');
      changeVisibility(messages, queue, parameters);
    },

    ChangeMessageVisibilityBatch(input) {
      const { queue, entries } = batch(input, 'ChangeMessageVisibilityBatch');
      return messages.together(() =>
        eachEntry(entries, ({ parameters }) => {
          changeVisibility(messages, queue, parameters);
          return {};
        }),
      );
    },
  };
}

function changeVisibility(messages: Messages, queue: Queue, parameters: Parameters): void {
  const handle = parameters.text('ReceiptHandle');
  const seconds = parameters.integer('VisibilityTimeout');
  parameters.done();
  checkVisibility(seconds);
  messages.changeVisibility(queue, handle, seconds);
}

/** @throws AwsError `InvalidParameterValueException` */
export function checkVisibility(seconds: number): void {
  if (seconds < 0 || seconds > MAX_VISIBILITY_SECONDS)
    throw invalidValue(
      'VisibilityTimeout',
      seconds,
      `Must be between 0 and ${MAX_VISIBILITY_SECONDS}, if provided.`,
    );
}

function refuseWhenFull(messages: Messages, queue: Queue): void {
  if (messages.isFull(queue))
    throw new AwsError(
      'OverLimit',
      'The maximum number of in flight messages is reached. Delete messages or wait until they become visible.',
    );
}

function sentAnswer(raw: RawDraft, { messageId, bodyMd5 }: Sent): object {
  return {
    MessageId: messageId,
    MD5OfMessageBody: bodyMd5,
    MD5OfMessageAttributes: md5OfAttributes(raw.attributes),
    MD5OfMessageSystemAttributes: md5OfAttributes(raw.systemAttributes),
  };
}
