import { AwsError } from '../kernel/errors.ts';
import { allows, type PolicyStatement } from './policy.ts';

/** An AWS service that acts on a resource of the account, on behalf of another. */
export interface ServiceCaller {
  /** `events.amazonaws.com` */
  readonly service: string;
  /** Whose doing it is: a rule, a topic, an alarm. */
  readonly sourceArn: string;
  readonly accountId: string;
}

/** @param policy JSON, as a resource keeps its own; none has no statement */
export function statementsOf(policy: string | undefined): readonly PolicyStatement[] {
  const { Statement = [] } = JSON.parse(policy || '{}') as {
    Statement?: PolicyStatement | PolicyStatement[];
  };
  return [Statement].flat();
}

/** @throws AwsError `AccessDeniedException` where the resource's own policy does not let the service in */
export function checkServiceAccess(
  statements: readonly PolicyStatement[],
  action: string,
  resource: string,
  { service, sourceArn, accountId }: ServiceCaller,
): void {
  const context = {
    'aws:SourceArn': sourceArn,
    'aws:SourceAccount': accountId,
    'aws:SecureTransport': 'true',
  };
  if (!allows(statements, { action, resource, service, context }))
    throw new AwsError(
      'AccessDeniedException',
      `${service} may not ${action} on ${resource} for ${sourceArn}`,
      403,
    );
}
