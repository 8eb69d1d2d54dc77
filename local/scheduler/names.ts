import { validation } from './errors.ts';

const NAME = /^[0-9a-zA-Z_.-]{1,64}$/;

/**
 * The names of schedules and of groups.
 *
 * @param member as the service names it in its message
 * @throws AwsError `ValidationException`
 */
export function checkName(value: string, member: string): void {
  if (!NAME.test(value))
    throw validation(
      `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$, with a length of 1 to 64`,
    );
}
