import type { Difference } from '../differences.ts';

const API = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/';
const GUIDE = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/';
const api = (operation: string, says: string) => ({ says, at: `${API}API_${operation}.html` });

const TAKES_IT = 'takes it';
/** Of a queue's attributes, in the order of the tests' titles. */
const attribute = (name: string, says: string): Difference => ({
  tests: new RegExp(`^SQS queues refuse ${name} `),
  localStack: TAKES_IT,
  aws: api('SetQueueAttributes', says),
});

export const SQS_DIFFERENCES: readonly Difference[] = [
  attribute('VisibilityTimeout', 'Valid values: An integer from 0 to 43,200 (12 hours).'),
  attribute(
    'MessageRetentionPeriod',
    'Valid values: An integer representing seconds, from 60 (1 minute) to 1,209,600 (14 days).',
  ),
  attribute('DelaySeconds', 'Valid values: An integer from 0 to 900 (15 minutes).'),
  attribute('ReceiveMessageWaitTimeSeconds', 'Valid values: An integer from 0 to 20 (seconds).'),
  attribute(
    'MaximumMessageSize',
    'Valid values: An integer from 1,024 bytes (1 KiB) up to 1,048,576 bytes (1 MiB).',
  ),
  {
    tests: 'SQS queues are purged at most once in 60 seconds',
    localStack: 'purges again',
    aws: api(
      'PurgeQueue',
      'Indicates that the specified queue previously received a PurgeQueue request within the last 60 seconds',
    ),
  },
  {
    tests: 'SQS ReceiveMessage a receive of 0 messages is refused',
    localStack: TAKES_IT,
    aws: api('ReceiveMessage', 'Valid values: 1 to 10.'),
  },
  {
    tests: /SQS ReceiveMessage a receive with a visibility timeout of .* is refused/,
    localStack: TAKES_IT,
    aws: api('ChangeMessageVisibility', 'The minimum is 0 seconds. The maximum is 12 hours.'),
  },
  {
    tests:
      'SQS ReceiveMessage a received message is counted as in flight until it is deleted or visible again',
    localStack: 'counts a message in flight for a while after its visibility timeout',
    aws: api(
      'GetQueueAttributes',
      'Messages are considered to be in flight if they have been sent to a client but have not yet been deleted or have not yet reached the end of their visibility window.',
    ),
  },
  {
    tests: 'SQS ReceiveMessage a receipt handle of an earlier receive is taken, but deletes nothing',
    localStack: 'deletes the message',
    aws: api(
      'DeleteMessage',
      'If you use an old ReceiptHandle, the request will succeed, but the message might not be deleted.',
    ),
  },
  {
    tests: 'SQS ReceiveMessage ChangeMessageVisibility is refused for a message that is not in flight',
    localStack: TAKES_IT,
    aws: api('ChangeMessageVisibility', "The specified message isn't in flight."),
  },
  {
    tests: 'SQS ReceiveMessage ChangeMessageVisibility does nothing for the handle of an earlier receive',
    localStack: 'shows the message',
    aws: api(
      'ReceiveMessage',
      'If you receive the same message more than once, you will get a different ReceiptHandle each time.',
    ),
  },
  {
    tests: /SQS ReceiveMessage ChangeMessageVisibility to (-1|43201) seconds is refused/,
    localStack: TAKES_IT,
    aws: api('ChangeMessageVisibility', 'Values range: 0 to 43200. Maximum: 12 hours.'),
  },
  {
    tests: 'SQS SendMessage refuses a message attribute with a name with two periods in succession',
    localStack: TAKES_IT,
    aws: api('MessageAttributeValue', 'it should not have periods in succession (..).'),
  },
  {
    tests: 'SQS SendMessage refuses a message attribute with a number that is none',
    localStack: TAKES_IT,
    aws: {
      says: 'Number attributes can store positive or negative numerical values.',
      at: `${GUIDE}sqs-message-metadata.html`,
    },
  },
  {
    tests: 'SQS SendMessage refuses more than ten message attributes',
    localStack: TAKES_IT,
    aws: { says: 'Each message can have up to 10 attributes.', at: `${GUIDE}sqs-message-metadata.html` },
  },
  {
    tests: /SQS SendMessage refuses a delay of/,
    localStack: TAKES_IT,
    aws: api('SendMessage', 'Valid values: 0 to 900. Maximum: 15 minutes.'),
  },
  {
    tests: 'SQS batches send the good entries when others fail',
    localStack: 'takes the entry with a delay out of range',
    aws: api('SendMessageBatchRequestEntry', 'Valid values: 0 to 900. Maximum: 15 minutes.'),
  },
  {
    tests: 'SQS batches delete the messages of valid handles and report the others',
    localStack: 'reports no handle of another queue, and other codes',
    aws: api('DeleteMessageBatch', "The specified receipt handle isn't valid."),
  },
  {
    tests: 'SQS batches change the visibility of messages in flight and report the others',
    localStack: 'reports no message that is not in flight',
    aws: api('ChangeMessageVisibility', "The specified message isn't in flight."),
  },
  {
    tests: 'SQS message-move tasks make each message a new one',
    localStack: 'keeps the id and the SentTimestamp, so that a redriven job’s verdict still binds it',
    aws: {
      says: 'All redriven messages are considered new messages',
      at: `${GUIDE}sqs-configure-dead-letter-queue-redrive.html`,
    },
  },
  {
    tests: 'SQS message-move tasks fail on a message that was sent straight to the dead-letter queue',
    localStack: 'fails, with another reason',
  },
  {
    tests: 'SQS message-move tasks fail when the destination is deleted meanwhile',
    localStack: 'fails, with another reason',
  },
  {
    tests: /SQS message-move tasks start only at 1 to 500 messages a second/,
    localStack: TAKES_IT,
    aws: api('StartMessageMoveTask', 'The maximum value for messages per second is 500.'),
  },
  {
    tests: 'SQS message-move tasks are cancelled by their own handle only, and while they run',
    localStack: 'cancels a task that is over',
    aws: api(
      'CancelMessageMoveTask',
      'A message movement can only be cancelled when the current status is RUNNING.',
    ),
  },
  {
    tests: 'SQS redrive policy refuses maxReceiveCount 1.5',
    localStack: TAKES_IT,
    aws: api(
      'SetQueueAttributes',
      'maxReceiveCount – The number of times a message is delivered to the source queue before being moved to the dead-letter queue.',
    ),
  },
  {
    tests: 'SQS redrive policy refuses a dead-letter queue that does not exist',
    localStack: TAKES_IT,
    aws: api(
      'SetQueueAttributes',
      'deadLetterTargetArn – The Amazon Resource Name (ARN) of the dead-letter queue to which Amazon SQS moves messages',
    ),
  },
  {
    tests: 'SQS redrive policy refuses what is no ARN, no JSON or incomplete',
    localStack: 'answers InternalError, and then for ListDeadLetterSourceQueues too',
  },
  {
    tests: 'SQS redrive policy lists the source queues of a dead-letter queue',
    localStack: 'answers InternalError while any queue has a redrive policy that is no JSON',
  },
  {
    tests: 'under a redrive-allow policy of denyAll cannot name the queue',
    localStack: TAKES_IT,
    aws: api(
      'SetQueueAttributes',
      'denyAll – No source queues can specify this queue as the dead-letter queue.',
    ),
  },
  {
    tests: 'under a redrive-allow policy of byQueue can name the queue from the listed sources only',
    localStack: 'takes others, too',
    aws: api(
      'SetQueueAttributes',
      'byQueue – Only queues specified by the sourceQueueArns parameter can specify this queue as the dead-letter queue.',
    ),
  },
  {
    tests: /under a redrive-allow policy which has .* is refused itself/,
    localStack: TAKES_IT,
    aws: api('SetQueueAttributes', 'You can specify up to 10 source queue ARNs.'),
  },
];
