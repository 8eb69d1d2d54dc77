import { createHash } from 'node:crypto';
import {
  ActionAfterCompletion,
  ConflictException,
  CreateScheduleCommand,
  FlexibleTimeWindowMode,
} from '@aws-sdk/client-scheduler';
import {
  DeleteMessageCommand,
  type MessageAttributeValue,
  SendMessageCommand,
  type SendMessageCommandInput,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { bodyOf, type JobMessage, oneHopOn, parseMessage } from '../jobs/message.ts';
import { scheduleNamePrefix } from '../jobs/names.ts';
import type { Runtime } from './runtime.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html */
export const LONGEST_SQS_DELAY_SECONDS = 900;
/** What the call may take of the time that the function has beyond its job's. */
const LONGEST_WAIT_MS = 3000;

/** EventBridge Scheduler makes any call of AWS's: the queue's own target takes no message attributes. In the partition that its role is of. */
function sendMessageTarget(roleArn: string): string {
  const [, partition] = roleArn.split(':');
  return `arn:${partition}:scheduler:::aws-sdk:sqs:sendMessage`;
}

export interface Resending {
  readonly record: SQSRecord;
  readonly key: string;
  /** The highest hop known to have claimed the key. */
  readonly claimedHop: number;
  /** When the new message is to come; at once when that is past. */
  readonly atMs: number;
}

/**
 * Sends a job's message again, one hop on: a new message with fresh receives, which comes at its time. Beyond the 15 minutes that SQS
 * delays, EventBridge Scheduler sends it; where that fails, SQS does after 15 minutes, and the job is found too early and sent on.
 *
 * @returns whether SQS or the scheduler has surely taken it; only then may the former message go
 */
export async function resend(resending: Resending, runtime: Runtime): Promise<boolean> {
  const { record, claimedHop, atMs } = resending;
  // Read again: the handler had the objects that were read before, and may have changed them.
  const message = parseMessage(record.body);
  if (!message.ok) return false;
  const next = oneHopOn(message.value, claimedHop);
  const attributes = attributesOf(record);
  const input: SendMessageCommandInput = {
    QueueUrl: runtime.queueUrl,
    MessageBody: bodyOf(next),
    ...(record.attributes.MessageGroupId === undefined
      ? {}
      : { MessageGroupId: record.attributes.MessageGroupId }),
    ...(attributes === undefined ? {} : { MessageAttributes: attributes }),
  };
  const seconds = Math.max(0, Math.ceil((atMs - runtime.now()) / 1000));
  if (seconds > LONGEST_SQS_DELAY_SECONDS && (await schedule(resending, next, input, runtime))) return true;
  try {
    await runtime.sqs.send(
      new SendMessageCommand({ ...input, DelaySeconds: Math.min(seconds, LONGEST_SQS_DELAY_SECONDS) }),
      { abortSignal: AbortSignal.timeout(LONGEST_WAIT_MS) },
    );
    return true;
  } catch (error) {
    // It may have been taken all the same: two messages of one job are one job.
    runtime.logger.warn('A message could not be sent again; the former one stays.', {
      messageId: record.messageId,
      error: error as Error,
    });
    return false;
  }
}

/** Deletes a message whose successor has been accepted, before the mapping does. Never throws: a message that stays is a duplicate. */
export async function deleteRenewed(
  { receiptHandle, messageId }: SQSRecord,
  { sqs, queueUrl, logger }: Runtime,
): Promise<void> {
  try {
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receiptHandle }), {
      abortSignal: AbortSignal.timeout(LONGEST_WAIT_MS),
    });
  } catch (error) {
    logger.warn('A renewed message could not be deleted at once.', { messageId, error: error as Error });
  }
}

async function schedule(
  { record, key, atMs }: Resending,
  message: JobMessage,
  input: SendMessageCommandInput,
  { scheduler, schedules, logger }: Runtime,
): Promise<boolean> {
  // The scheduler would put its own values in their places.
  if (input.MessageBody?.includes('<aws.scheduler.')) return false;
  const { groupName, roleArn } = schedules;
  // The same for the same resending: one whose answer was lost is not scheduled twice.
  const name = createHash('sha256').update(`${key} ${message.id} ${message.hop} ${atMs}`).digest('hex');
  try {
    await scheduler.send(
      new CreateScheduleCommand({
        GroupName: groupName,
        Name: `${scheduleNamePrefix(message.type)}${name.slice(0, 20)}`,
        ScheduleExpression: `at(${new Date(Math.ceil(atMs / 1000) * 1000).toISOString().slice(0, 19)})`,
        FlexibleTimeWindow: { Mode: FlexibleTimeWindowMode.OFF },
        ActionAfterCompletion: ActionAfterCompletion.DELETE,
        Target: { Arn: sendMessageTarget(roleArn), RoleArn: roleArn, Input: jsonOf(input) },
      }),
      { abortSignal: AbortSignal.timeout(LONGEST_WAIT_MS) },
    );
    return true;
  } catch (error) {
    if (error instanceof ConflictException) return true;
    logger.warn('A message could not be scheduled; it comes early, and waits in steps of 15 minutes.', {
      messageId: record.messageId,
      error: error as Error,
    });
    return false;
  }
}

/** As AWS's JSON has it, which writes bytes in base64. */
function jsonOf(input: SendMessageCommandInput): string {
  return JSON.stringify(input, function (this: Record<string, unknown>, name, value) {
    const original = this[name];
    return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value;
  });
}

function attributesOf({ messageAttributes }: SQSRecord): Record<string, MessageAttributeValue> | undefined {
  const attributes = Object.entries(messageAttributes ?? {});
  if (attributes.length === 0) return undefined;
  return Object.fromEntries(
    attributes.map(([name, { dataType, stringValue, binaryValue }]) => [
      name,
      {
        DataType: dataType,
        ...(stringValue === undefined ? {} : { StringValue: stringValue }),
        ...(binaryValue === undefined ? {} : { BinaryValue: Buffer.from(binaryValue, 'base64') }),
      },
    ]),
  );
}
