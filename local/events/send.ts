import { checkServiceAccess, type ServiceCaller, statementsOf } from '../iam/service-access.ts';
import { AwsError } from '../kernel/errors.ts';
import type { Lambda } from '../lambda/index.ts';
import type { Sqs } from '../sqs/index.ts';
import type { Delivery } from './deliveries.ts';
import type { Rule } from './rules.ts';
import type { Target } from './targets.ts';

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
  const permissions = destinations.lambda.permissionsOf(Arn);
  checkServiceAccess(permissions, 'lambda:InvokeFunction', Arn, caller(rule, destinations));
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
  const statements = statementsOf(destinations.sqs.policyOf(queueArn));
  checkServiceAccess(statements, 'sqs:SendMessage', queueArn, caller(rule, destinations));
}

function caller({ arn }: Rule, { accountId }: Destinations): ServiceCaller {
  return { service: 'events.amazonaws.com', sourceArn: arn, accountId };
}
