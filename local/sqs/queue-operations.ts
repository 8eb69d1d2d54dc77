import { AwsError } from '../kernel/errors.ts';
import type { Operation } from '../kernel/json-protocol.ts';
import { invalidValue } from './errors.ts';
import type { LongPolls } from './long-polls.ts';
import type { Messages } from './messages.ts';
import { Parameters } from './parameters.ts';
import type { Queue } from './queue.ts';
import {
  changedAttributes,
  KNOWN_ATTRIBUTES,
  type QueueAttributes,
  type READ_ONLY_ATTRIBUTES,
} from './queue-attributes.ts';
import type { Queues } from './queues.ts';

const MAX_RESULTS = 1000;

/** The operations on queues themselves. */
export function queueOperations(
  queues: Queues,
  messages: Messages,
  polls: LongPolls,
  urlOf: (queue: Queue) => string,
): Record<string, Operation> {
  const opened = (input: unknown, operation: string) => {
    const parameters = new Parameters(input, operation);
    return { parameters, queue: queues.byUrl(parameters.text('QueueUrl')) };
  };

  return {
    CreateQueue(input) {
      const parameters = new Parameters(input, 'CreateQueue');
      const name = parameters.text('QueueName');
      const attributes = parameters.textMap('Attributes');
      // The API spells it in lower case, alone among its parameters.
      const tags = parameters.textMap('tags');
      parameters.done();
      return { QueueUrl: urlOf(queues.create(name, attributes, tags, messages.nowMs())) };
    },

    GetQueueUrl(input) {
      const parameters = new Parameters(input, 'GetQueueUrl');
      const queue = queues.byName(parameters.text('QueueName'));
      parameters.optionalText('QueueOwnerAWSAccountId');
      parameters.done();
      return { QueueUrl: urlOf(queue) };
    },

    ListQueues(input) {
      const parameters = new Parameters(input, 'ListQueues');
      const prefix = parameters.optionalText('QueueNamePrefix') ?? '';
      const matching = queues.all().filter(({ name }) => name.startsWith(prefix));
      const { page, NextToken } = paged(matching, parameters);
      return { ...(page.length > 0 && { QueueUrls: page.map(urlOf) }), NextToken };
    },

    ListDeadLetterSourceQueues(input) {
      const { parameters, queue } = opened(input, 'ListDeadLetterSourceQueues');
      const { page, NextToken } = paged(queues.sourcesOf(queue), parameters);
      return { queueUrls: page.map(urlOf), NextToken };
    },

    DeleteQueue(input) {
      const { parameters, queue } = opened(input, 'DeleteQueue');
      parameters.done();
      queues.delete(queue, messages.nowMs());
      polls.release(queue);
    },

    PurgeQueue(input) {
      const { parameters, queue } = opened(input, 'PurgeQueue');
      parameters.done();
      queues.purge(queue, messages.nowMs());
    },

    GetQueueAttributes(input) {
      const { parameters, queue } = opened(input, 'GetQueueAttributes');
      const names = parameters.texts('AttributeNames');
      parameters.done();
      for (const name of names) {
        if (name !== 'All' && !KNOWN_ATTRIBUTES.includes(name))
          throw new AwsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
      }
      const all = allAttributes(queue, messages);
      const wanted = names.includes('All')
        ? KNOWN_ATTRIBUTES
        : KNOWN_ATTRIBUTES.filter((name) => names.includes(name));
      const Attributes = Object.fromEntries(
        wanted.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])),
      );
      return Object.keys(Attributes).length > 0 ? { Attributes } : {};
    },

    SetQueueAttributes(input) {
      const { parameters, queue } = opened(input, 'SetQueueAttributes');
      const changes = parameters.textMap('Attributes');
      parameters.done();
      queues.setAttributes(queue, changedAttributes(queue.attributes, changes), messages.nowMs());
    },

    TagQueue(input) {
      const { parameters, queue } = opened(input, 'TagQueue');
      const tags = parameters.textMap('Tags');
      parameters.done();
      queues.setTags(queue, { ...queue.tags, ...tags });
    },

    UntagQueue(input) {
      const { parameters, queue } = opened(input, 'UntagQueue');
      const keys = parameters.texts('TagKeys');
      parameters.done();
      const kept = Object.entries(queue.tags).filter(([key]) => !keys.includes(key));
      queues.setTags(queue, Object.fromEntries(kept));
    },

    ListQueueTags(input) {
      const { parameters, queue } = opened(input, 'ListQueueTags');
      parameters.done();
      return Object.keys(queue.tags).length > 0 ? { Tags: queue.tags } : {};
    },
  };
}

function allAttributes(queue: Queue, messages: Messages): QueueAttributes {
  const { visible, notVisible, delayed } = messages.counts(queue);
  const readOnly: Record<(typeof READ_ONLY_ATTRIBUTES)[number], string> = {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(notVisible),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    CreatedTimestamp: String(Math.floor(queue.createdMs / 1000)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedMs / 1000)),
  };
  return { ...queue.attributes, ...readOnly };
}

/** A page of queues by name; the token is the last name of the page before. */
function paged(all: readonly Queue[], parameters: Parameters): { page: Queue[]; NextToken?: string } {
  const asked = parameters.optionalInteger('MaxResults');
  const token = parameters.optionalText('NextToken');
  parameters.done();
  if (asked !== undefined && (asked < 1 || asked > MAX_RESULTS))
    throw invalidValue('MaxResults', asked, `Must be between 1 and ${MAX_RESULTS}, if provided.`);
  const after = token === undefined ? '' : Buffer.from(token, 'base64').toString();
  const rest = all.filter(({ name }) => name > after).sort((one, other) => (one.name < other.name ? -1 : 1));
  const page = rest.slice(0, asked ?? MAX_RESULTS);
  const last = page.at(-1);
  // Without MaxResults the API never answers a token.
  if (asked === undefined || last === undefined || page.length === rest.length) return { page };
  return { page, NextToken: Buffer.from(last.name).toString('base64') };
}
