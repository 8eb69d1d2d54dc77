import { AwsError } from '../kernel/errors.ts';
import { invalidParameter } from './errors.ts';
import type { Form } from './form.ts';
import { readMessageAttributes } from './message-attributes.ts';
import type { PublishInput } from './published.ts';
import type { QueryOperation } from './query-protocol.ts';
import type { Sns } from './sns.ts';

const BATCH_LIMIT = 10;

export function publishOperations(sns: Pick<Sns, 'publish' | 'topics'>): Record<string, QueryOperation> {
  return {
    Publish(form) {
      const topicArn = form.text('TopicArn') ?? form.text('TargetArn');
      if (topicArn === undefined)
        throw invalidParameter('TopicArn or TargetArn Reason: no value for required parameter');
      const message = readMessage(form);
      return () => ({ MessageId: sns.publish(topicArn, message) });
    },
    PublishBatch(form) {
      const { arn } = sns.topics.get(form.required('TopicArn'));
      const messages = form
        .items('PublishBatchRequestEntries', 'member')
        .map((item) => ({ id: item.required('Id'), message: readMessage(item) }));
      checkBatch(messages.map(({ id }) => id));
      return () => {
        const outcomes = messages.map(({ id, message }) => attempt(sns, arn, id, message));
        return {
          Successful: { member: outcomes.filter((outcome) => 'MessageId' in outcome) },
          Failed: { member: outcomes.filter((outcome) => 'Code' in outcome) },
        };
      };
    },
  };
}

function checkBatch(ids: readonly string[]): void {
  if (ids.length === 0)
    throw new AwsError('EmptyBatchRequest', "The batch request doesn't contain any entries.");
  if (ids.length > BATCH_LIMIT)
    throw new AwsError(
      'TooManyEntriesInBatchRequest',
      `The batch request contains more entries than permissible (${BATCH_LIMIT}).`,
    );
  if (new Set(ids).size < ids.length)
    throw new AwsError(
      'BatchEntryIdsNotDistinct',
      'Two or more batch entries in the request have the same Id.',
    );
}

function attempt(sns: Pick<Sns, 'publish'>, topicArn: string, Id: string, message: PublishInput) {
  try {
    return { Id, MessageId: sns.publish(topicArn, message) };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { Id, Code: error.code, Message: error.message, SenderFault: true };
  }
}

function readMessage(form: Form): PublishInput {
  const structure = form.text('MessageStructure');
  if (structure !== undefined && structure !== 'json') throw invalidParameter('MessageStructure');
  return {
    subject: form.text('Subject'),
    message: form.text('Message') ?? '',
    attributes: readMessageAttributes(form),
    perProtocol: structure === 'json',
  };
}
