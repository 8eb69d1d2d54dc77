import type { Iam } from '../iam/index.ts';
import { AwsError } from '../kernel/errors.ts';
import type { Sqs } from '../sqs/index.ts';
import type { Schedule } from './schedules.ts';
import { scheduledMessage, type Target } from './target.ts';

export const SERVICE_PRINCIPAL = 'scheduler.amazonaws.com';

export interface DeliveryParts {
  readonly sqs: Pick<Sqs, 'send' | 'arnOf'>;
  readonly iam: Pick<Iam, 'allows' | 'mayAssume'>;
}

/**
 * Sends what a schedule is to send, by its role.
 *
 * @param executionId names this attempt
 * @throws AwsError what the target answers, or `AccessDeniedException` when the role may not
 */
export function deliver(
  schedule: Schedule,
  groupArn: string,
  executionId: string,
  parts: DeliveryParts,
): void {
  const target = schedule.definition.Target;
  const { queue, message } = scheduledMessage(withContext(target, schedule, executionId));
  const queueArn =
    'arn' in queue ? queue.arn : parts.sqs.arnOf(queue.url.slice(queue.url.lastIndexOf('/') + 1));
  if (!parts.iam.mayAssume(SERVICE_PRINCIPAL, target.RoleArn, groupArn))
    throw accessDenied(`${SERVICE_PRINCIPAL} may not assume ${target.RoleArn}`);
  if (!parts.iam.allows(target.RoleArn, 'sqs:SendMessage', queueArn))
    throw accessDenied(`${target.RoleArn} may not sqs:SendMessage to ${queueArn}`);
  parts.sqs.send(queueArn, message);
}

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html */
function withContext(target: Target, { arn, dueMs, failures }: Schedule, executionId: string): Target {
  const values: Readonly<Record<string, string>> = {
    'schedule-arn': arn,
    'scheduled-time': new Date(dueMs).toISOString().replace('.000Z', 'Z'),
    'execution-id': executionId,
    'attempt-number': String(failures + 1),
  };
  const Input = target.Input.replaceAll(
    /<aws\.scheduler\.([a-z-]+)>/g,
    (keyword, name: string) => values[name] ?? keyword,
  );
  return { ...target, Input };
}

function accessDenied(message: string): AwsError {
  return new AwsError('AccessDeniedException', message, 403);
}
