import { allows, type PolicyStatement } from '../iam/policy.ts';
import { AwsError } from '../kernel/errors.ts';
import type { Lambda } from '../lambda/index.ts';
import type { Sqs } from '../sqs/index.ts';
import type { Delivery } from './deliveries.ts';
import type { Rule } from './rules.ts';
import type { Target } from './targets.ts';

const SERVICE_PRINCIPAL = 'events.amazonaws.com';

/** Where events can go. */
export interface Destinations {
  readonly sqs: Pick<Sqs, 'send' | 'policyOf'>;
  readonly lambda: Pick<Lambda, 'invokeLater' | 'permissionsOf'>;
  readonly accountId: string;
}

/** @throws AwsError what the target answers, or `AccessDeniedException` where its own policy does not let EventBridge in */
export function bring(
  rule: Rule,
  { Arn, SqsParameters }: Target,
  input: string,
  destinations: Destinations,
): void {
  if (Arn.split(':')[2] === 'sqs') {
    checkQueue(Arn, rule, destinations);
    destinations.sqs.send(Arn, { MessageBody: input, ...SqsParameters });
    return;
  }
  check(destinations.lambda.permissionsOf(Arn), 'lambda:InvokeFunction', Arn, rule, destinations);
  destinations.lambda.invokeLater(Arn, input);
}

/** Whether trying again is of no use: the target is gone, does not let EventBridge in, or takes nothing so large. */
export function isFinal({ code }: AwsError): boolean {
  return [
    'AccessDeniedException',
    'QueueDoesNotExist',
    'RequestTooLargeException',
    'ResourceNotFoundException',
  ].includes(code);
}

/**
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 *
 * @returns whether there is a dead-letter queue that took it; otherwise the event is gone
 */
export function deadLetter(
  rule: Rule,
  { Arn, DeadLetterConfig }: Target,
  { input, failures }: Delivery,
  { code, message }: AwsError,
  destinations: Destinations,
): boolean {
  const queueArn = DeadLetterConfig?.Arn;
  if (queueArn === undefined) return false;
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  try {
    checkQueue(queueArn, rule, destinations);
    destinations.sqs.send(queueArn, {
      MessageBody: input,
      MessageAttributes: {
        ERROR_CODE: text(code),
        ERROR_MESSAGE: text(message),
        RETRY_ATTEMPTS: text(String(failures)),
        RULE_ARN: text(rule.arn),
        TARGET_ARN: text(Arn),
      },
    });
    return true;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return false;
  }
}

function checkQueue(queueArn: string, rule: Rule, destinations: Destinations): void {
  const policy = destinations.sqs.policyOf(queueArn);
  const { Statement = [] } = (policy === undefined ? {} : JSON.parse(policy)) as {
    Statement?: PolicyStatement | PolicyStatement[];
  };
  check([Statement].flat(), 'sqs:SendMessage', queueArn, rule, destinations);
}

function check(
  statements: readonly PolicyStatement[],
  action: string,
  resource: string,
  { arn }: Rule,
  { accountId }: Destinations,
): void {
  const context = { 'aws:SourceArn': arn, 'aws:SourceAccount': accountId, 'aws:SecureTransport': 'true' };
  if (!allows(statements, { action, resource, service: SERVICE_PRINCIPAL, context }))
    throw new AwsError(
      'AccessDeniedException',
      `${SERVICE_PRINCIPAL} may not ${action} on ${resource} for ${arn}`,
      403,
    );
}
