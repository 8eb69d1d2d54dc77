import type { Iam } from '../../iam/index.ts';
import { AwsError } from '../../kernel/errors.ts';

export const SERVICE_PRINCIPAL = 'states.amazonaws.com';

/** @throws AwsError `AccessDeniedException` when Step Functions may not take the role, or the role may not do it */
export function checkRole(
  iam: Pick<Iam, 'allows' | 'mayAssume'>,
  asked: {
    readonly roleArn: string;
    readonly machineArn: string;
    readonly action: string;
    readonly resource: string;
  },
): void {
  const { roleArn, machineArn, action, resource } = asked;
  if (!iam.mayAssume(SERVICE_PRINCIPAL, roleArn, machineArn))
    throw denied(
      `Neither the global service principal ${SERVICE_PRINCIPAL}, nor the regional one is authorized to assume the provided role.`,
    );
  if (!iam.allows(roleArn, action, resource))
    throw denied(
      `User: ${roleArn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
    );
}

export function denied(message: string): AwsError {
  return new AwsError('AccessDeniedException', message, 400);
}
