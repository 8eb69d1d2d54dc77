import { invalidValue } from './errors.ts';

/** Where a queue's messages go after too many receives. */
export interface RedrivePolicy {
  readonly deadLetterTargetArn: string;
  /** 1 to 1,000; the message moves at the first receive after this many. */
  readonly maxReceiveCount: number;
}

/** Which queues may name this one as their dead-letter queue. */
export interface RedriveAllowPolicy {
  readonly redrivePermission: 'allowAll' | 'denyAll' | 'byQueue';
  readonly sourceQueueArns: readonly string[];
}

const MAX_SOURCE_QUEUES = 10;

/** @throws AwsError `InvalidParameterValueException` */
export function parseRedrivePolicy(text: string): RedrivePolicy {
  const invalid = (reason: string) => invalidValue('RedrivePolicy', text, reason);
  const policy = parseObject(text, invalid);
  for (const name of Object.keys(policy)) {
    if (name !== 'deadLetterTargetArn' && name !== 'maxReceiveCount')
      throw invalid(`The only parameters are deadLetterTargetArn and maxReceiveCount, not ${name}.`);
  }
  const { deadLetterTargetArn, maxReceiveCount } = policy;
  if (deadLetterTargetArn === undefined)
    throw invalid('Redrive policy does not contain mandatory attribute: deadLetterTargetArn.');
  if (maxReceiveCount === undefined)
    throw invalid('Redrive policy does not contain mandatory attribute: maxReceiveCount.');
  if (typeof deadLetterTargetArn !== 'string' || !deadLetterTargetArn.startsWith('arn:'))
    throw invalid('Invalid value for deadLetterTargetArn.');
  const count = Number(maxReceiveCount);
  if (!Number.isInteger(count) || count < 1 || count > 1000)
    throw invalid(
      `Invalid value for maxReceiveCount: ${maxReceiveCount}, valid values are from 1 to 1000 both inclusive.`,
    );
  return { deadLetterTargetArn, maxReceiveCount: count };
}

/** @throws AwsError `InvalidParameterValueException` */
export function parseRedriveAllowPolicy(text: string): RedriveAllowPolicy {
  const invalid = (reason: string) => invalidValue('RedriveAllowPolicy', text, reason);
  const { redrivePermission, sourceQueueArns, ...unknown } = parseObject(text, invalid);
  const [unknownName] = Object.keys(unknown);
  if (unknownName !== undefined)
    throw invalid(`The only parameters are redrivePermission and sourceQueueArns, not ${unknownName}.`);
  if (redrivePermission === 'allowAll' || redrivePermission === 'denyAll') {
    if (sourceQueueArns !== undefined)
      throw invalid(`sourceQueueArns may be given with redrivePermission byQueue only.`);
    return { redrivePermission, sourceQueueArns: [] };
  }
  if (redrivePermission !== 'byQueue')
    throw invalid('redrivePermission must be allowAll, denyAll or byQueue.');
  if (
    !Array.isArray(sourceQueueArns) ||
    sourceQueueArns.length === 0 ||
    sourceQueueArns.length > MAX_SOURCE_QUEUES ||
    !sourceQueueArns.every((arn) => typeof arn === 'string' && arn.startsWith('arn:'))
  )
    throw invalid(
      `sourceQueueArns must list 1 to ${MAX_SOURCE_QUEUES} queue ARNs with redrivePermission byQueue.`,
    );
  return { redrivePermission, sourceQueueArns };
}

export function allowsSource(policy: RedriveAllowPolicy | undefined, sourceArn: string): boolean {
  if (policy === undefined || policy.redrivePermission === 'allowAll') return true;
  return policy.redrivePermission === 'byQueue' && policy.sourceQueueArns.includes(sourceArn);
}

function parseObject(text: string, invalid: (reason: string) => Error): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('Redrive policy is not a valid JSON map.');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw invalid('Redrive policy is not a valid JSON map.');
  return value as Record<string, unknown>;
}
