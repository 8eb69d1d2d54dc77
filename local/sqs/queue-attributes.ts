import { AwsError } from '../kernel/errors.ts';
import { unsupported } from './errors.ts';
import {
  parseRedriveAllowPolicy,
  parseRedrivePolicy,
  type RedriveAllowPolicy,
  type RedrivePolicy,
} from './redrive-policy.ts';

/** A queue's attributes as the API has them: names and strings. Only what was set is there. */
export type QueueAttributes = Readonly<Record<string, string>>;

/** The same, as the queue acts on it. */
export interface QueueSettings {
  readonly visibilityTimeoutSeconds: number;
  readonly delaySeconds: number;
  readonly receiveWaitSeconds: number;
  readonly retentionSeconds: number;
  readonly maximumMessageBytes: number;
  readonly redrivePolicy: RedrivePolicy | undefined;
  readonly redriveAllowPolicy: RedriveAllowPolicy | undefined;
}

/** The largest message, and the largest batch, in bytes: bodies and attributes together. */
export const MESSAGE_LIMIT_BYTES = 1_048_576;
export const MAX_VISIBILITY_SECONDS = 43_200;
export const MAX_DELAY_SECONDS = 900;
export const MAX_WAIT_SECONDS = 20;

const INTEGERS: Readonly<
  Record<string, { readonly min: number; readonly max: number; readonly initial: number }>
> = {
  VisibilityTimeout: { min: 0, max: MAX_VISIBILITY_SECONDS, initial: 30 },
  MaximumMessageSize: { min: 1024, max: MESSAGE_LIMIT_BYTES, initial: MESSAGE_LIMIT_BYTES },
  MessageRetentionPeriod: { min: 60, max: 1_209_600, initial: 345_600 },
  DelaySeconds: { min: 0, max: MAX_DELAY_SECONDS, initial: 0 },
  ReceiveMessageWaitTimeSeconds: { min: 0, max: MAX_WAIT_SECONDS, initial: 0 },
};

const REMOVABLE = ['Policy', 'RedrivePolicy', 'RedriveAllowPolicy'];

export const DEFAULT_ATTRIBUTES: QueueAttributes = {
  ...Object.fromEntries(Object.entries(INTEGERS).map(([name, { initial }]) => [name, String(initial)])),
  SqsManagedSseEnabled: 'true',
};

/** What GetQueueAttributes answers beside what can be set. */
export const READ_ONLY_ATTRIBUTES = [
  'QueueArn',
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
  'CreatedTimestamp',
  'LastModifiedTimestamp',
] as const;

const SETTABLE_ATTRIBUTES: readonly string[] = [
  ...Object.keys(INTEGERS),
  'SqsManagedSseEnabled',
  ...REMOVABLE,
];

const FIFO_ATTRIBUTES = [
  'FifoQueue',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoThroughputLimit',
];
const KMS_ATTRIBUTES = ['KmsMasterKeyId', 'KmsDataKeyReusePeriodSeconds'];

/** What GetQueueAttributes may be asked for; what a queue has not set is left out of the answer. */
export const KNOWN_ATTRIBUTES: readonly string[] = [
  ...READ_ONLY_ATTRIBUTES,
  ...SETTABLE_ATTRIBUTES,
  ...FIFO_ATTRIBUTES,
  ...KMS_ATTRIBUTES,
];

/**
 * The attributes after `changes`, normalised; an empty string removes a policy.
 *
 * @throws AwsError `InvalidAttributeName`, `InvalidAttributeValue`, `UnsupportedOperation` (FIFO, KMS)
 */
export function changedAttributes(current: QueueAttributes, changes: QueueAttributes): QueueAttributes {
  const next: Record<string, string> = { ...current };
  for (const [name, value] of Object.entries(changes)) {
    if (value === '' && REMOVABLE.includes(name)) delete next[name];
    else next[name] = normalised(name, value);
  }
  return next;
}

export function settingsOf(attributes: QueueAttributes): QueueSettings {
  const integer = (name: string) => Number(attributes[name] ?? DEFAULT_ATTRIBUTES[name]);
  const { RedrivePolicy: redrive, RedriveAllowPolicy: allow } = attributes;
  return {
    visibilityTimeoutSeconds: integer('VisibilityTimeout'),
    delaySeconds: integer('DelaySeconds'),
    receiveWaitSeconds: integer('ReceiveMessageWaitTimeSeconds'),
    retentionSeconds: integer('MessageRetentionPeriod'),
    maximumMessageBytes: integer('MaximumMessageSize'),
    redrivePolicy: redrive === undefined ? undefined : parseRedrivePolicy(redrive),
    redriveAllowPolicy: allow === undefined ? undefined : parseRedriveAllowPolicy(allow),
  };
}

function normalised(name: string, value: string): string {
  const range = INTEGERS[name];
  if (range !== undefined) {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < range.min || number > range.max) throw invalidAttribute(name);
    return String(number);
  }
  switch (name) {
    case 'RedrivePolicy':
      return JSON.stringify(parseRedrivePolicy(value));
    case 'RedriveAllowPolicy': {
      const { redrivePermission, sourceQueueArns } = parseRedriveAllowPolicy(value);
      return JSON.stringify({ redrivePermission, ...(sourceQueueArns.length > 0 && { sourceQueueArns }) });
    }
    case 'SqsManagedSseEnabled':
      if (value !== 'true' && value !== 'false') throw invalidAttribute(name);
      return value;
    case 'Policy':
      if (!isJsonObject(value)) throw invalidAttribute(name);
      return value;
    default:
      if (FIFO_ATTRIBUTES.includes(name))
        throw unsupported(
          `The local cloud has standard queues only: it does not take the attribute ${name}.`,
        );
      if (KMS_ATTRIBUTES.includes(name))
        throw unsupported(`The local cloud has no KMS: use SqsManagedSseEnabled instead of ${name}.`);
      throw new AwsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
  }
}

function invalidAttribute(name: string): AwsError {
  return new AwsError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`);
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value);
  } catch {
    return false;
  }
}
