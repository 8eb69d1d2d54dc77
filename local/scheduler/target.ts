import { RETRIES, type RetryPolicy } from '../kernel/retry-policy.ts';
import type { SendInput } from '../sqs/index.ts';
import { validation } from './errors.ts';
import { type Input, only, record, text } from './input.ts';

/** Whom a schedule sends what, and by which role. */
export interface Target {
  readonly Arn: string;
  readonly RoleArn: string;
  readonly Input: string;
  readonly RetryPolicy: RetryPolicy;
  readonly SqsParameters?: { readonly MessageGroupId?: string };
}

/** One message to one queue, named as the target names it. */
export interface ScheduledMessage {
  /** Of the queue: its ARN, or its URL. */
  readonly queue: { readonly arn: string } | { readonly url: string };
  readonly message: SendInput;
}

const QUEUE = /^arn:aws:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}$/;
/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html */
const SEND_MESSAGE = 'arn:aws:scheduler:::aws-sdk:sqs:sendMessage';
const ROLE = /^arn:aws:iam::\d{12}:role\/.+$/;
/** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Target.html */
const INPUT_LIMIT_BYTES = 256 * 1024;
const SHORTEST_EVENT_AGE_SECONDS = 60;

/** @throws AwsError `ValidationException`, for what the local cloud does not know as well */
export function readTarget(value: unknown): Target {
  const target = record(value, 'Target');
  only(target, 'Target', ['Arn', 'RoleArn', 'Input', 'RetryPolicy', 'SqsParameters']);
  const Arn = text(target, 'Target', 'Arn');
  const RoleArn = text(target, 'Target', 'RoleArn');
  if (!ROLE.test(RoleArn)) throw validation(`Provided RoleArn is not valid: ${RoleArn}.`);
  if (Arn !== SEND_MESSAGE && !QUEUE.test(Arn))
    throw validation(
      `The local cloud's EventBridge Scheduler knows the ARNs of standard queues and ${SEND_MESSAGE} as targets, and not ${Arn}.`,
    );
  const Input = text(target, 'Target', 'Input');
  if (Buffer.byteLength(Input) > INPUT_LIMIT_BYTES)
    throw validation(
      `Target.Input is of ${Buffer.byteLength(Input)} bytes; at most ${INPUT_LIMIT_BYTES} fit.`,
    );
  const sqs = target.SqsParameters == null ? undefined : record(target.SqsParameters, 'Target.SqsParameters');
  if (sqs) only(sqs, 'Target.SqsParameters', ['MessageGroupId']);
  if (sqs && Arn === SEND_MESSAGE)
    throw validation(
      'Target.SqsParameters are for a queue as the target; sendMessage takes all in its Input.',
    );
  const read: Target = {
    Arn,
    RoleArn,
    Input,
    RetryPolicy: readRetryPolicy(target.RetryPolicy),
    ...(sqs && { SqsParameters: sqs as { MessageGroupId?: string } }),
  };
  scheduledMessage(read);
  return read;
}

/** @throws AwsError `ValidationException` for the Input of a sendMessage that is no SendMessage request */
export function scheduledMessage({ Arn, Input, SqsParameters }: Target): ScheduledMessage {
  if (Arn !== SEND_MESSAGE) return { queue: { arn: Arn }, message: { MessageBody: Input, ...SqsParameters } };
  let parsed: unknown;
  try {
    parsed = JSON.parse(Input);
  } catch {
    throw validation('Target.Input is not well-formed JSON, which sendMessage needs.');
  }
  const { QueueUrl, ...message } = record(parsed, 'Target.Input');
  if (typeof QueueUrl !== 'string' || typeof message.MessageBody !== 'string')
    throw validation('Target.Input needs a QueueUrl and a MessageBody for sendMessage.');
  return { queue: { url: QueueUrl }, message: message as unknown as SendInput };
}

function readRetryPolicy(value: unknown): RetryPolicy {
  if (value == null) return RETRIES;
  const policy = record(value, 'Target.RetryPolicy');
  only(policy, 'Target.RetryPolicy', Object.keys(RETRIES));
  return {
    MaximumEventAgeInSeconds: ranged(policy, 'MaximumEventAgeInSeconds', SHORTEST_EVENT_AGE_SECONDS),
    MaximumRetryAttempts: ranged(policy, 'MaximumRetryAttempts', 0),
  };
}

function ranged(policy: Input, name: keyof RetryPolicy, least: number): number {
  const value = policy[name] ?? RETRIES[name];
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= RETRIES[name])
    return Number(value);
  throw validation(
    `Target.RetryPolicy.${name} is ${JSON.stringify(value)}; give a whole number from ${least} to ${RETRIES[name]}.`,
  );
}
