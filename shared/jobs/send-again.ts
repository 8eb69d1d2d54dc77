import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { bodyOf, type JobMessage, MESSAGE_GROUP_ID, oneHopOn } from './message.ts';
import type { ExecutionData, StageData } from './stage-data.ts';

export interface SendAgainOptions {
  readonly sqs: SQSClient;
  readonly data: StageData;
  /** The highest hop that has claimed the key. @default 0 */
  readonly claimedHop?: number | undefined;
  /** Ends the sending; SQS may have taken the message by then. @default never */
  readonly abortSignal?: AbortSignal;
}

/** Sends a staged job's message to its queue again, as its execution has it. @returns the message's id */
export async function sendAgain(
  { job, message }: Pick<ExecutionData, 'job' | 'message'>,
  { sqs, data, claimedHop, abortSignal }: SendAgainOptions,
): Promise<string> {
  // Not what bounds its start: it has been started.
  const { expirytime: _, ...published } = (await data.read(message)) as JobMessage;
  // A tenant may have any name; one that SQS would refuse had no group before either.
  const group = MESSAGE_GROUP_ID.test(published.partitionkey ?? '') ? published.partitionkey : undefined;
  const { MessageId = '' } = await sqs.send(
    new SendMessageCommand({
      QueueUrl: job.queueUrl,
      MessageBody: bodyOf(oneHopOn(published, claimedHop)),
      ...(group === undefined ? {} : { MessageGroupId: group }),
    }),
    abortSignal && { abortSignal },
  );
  return MessageId;
}
