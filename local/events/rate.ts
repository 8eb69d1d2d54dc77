import { AwsError } from '../kernel/errors.ts';

const RATE = /^rate\((\d+) (minute|hour|day)(s?)\)$/;
const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/**
 * The time between two events of a schedule.
 *
 * “If the value is equal to 1, then the unit must be singular. If the value is greater than 1, the unit must be plural.”
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html
 *
 * @throws AwsError `ValidationException`, for `cron(…)` as well, which the local cloud does not know
 */
export function intervalMs(expression: string): number {
  const [, value, unit, plural] = RATE.exec(expression) ?? [];
  if (Number(value) < 1 || unit === undefined || (value === '1') !== (plural === ''))
    throw new AwsError(
      'ValidationException',
      expression.startsWith('cron(')
        ? `The local cloud's EventBridge knows schedules at a rate, and not ${expression}`
        : 'Parameter ScheduleExpression is not valid.',
    );
  return Number(value) * UNIT_MS[unit as keyof typeof UNIT_MS];
}
