import { validation } from './errors.ts';
import { type Input, only, record, text } from './input.ts';
import { readTarget, type Target } from './target.ts';
import { timeOf } from './time.ts';

/** A one-time schedule as it was created, with what was left out. */
export interface ScheduleDefinition {
  readonly ScheduleExpression: string;
  readonly ScheduleExpressionTimezone: string;
  readonly FlexibleTimeWindow: { readonly Mode: 'OFF' };
  readonly State: 'ENABLED' | 'DISABLED';
  readonly ActionAfterCompletion: 'NONE' | 'DELETE';
  readonly Description?: string;
  readonly Target: Target;
}

const MEMBERS = [
  'ActionAfterCompletion',
  'ClientToken',
  'Description',
  'FlexibleTimeWindow',
  'GroupName',
  'ScheduleExpression',
  'ScheduleExpressionTimezone',
  'State',
  'Target',
];
const DESCRIPTION_LIMIT = 512;

/**
 * @returns the definition, and when it is due
 * @throws AwsError `ValidationException`, also for a time that has passed, for which AWS creates no schedule either
 */
export function readDefinition(
  input: Input,
  nowMs: number,
): { readonly definition: ScheduleDefinition; readonly dueMs: number } {
  only(input, 'CreateSchedule', MEMBERS);
  const window = record(input.FlexibleTimeWindow, 'FlexibleTimeWindow');
  if (window.Mode !== 'OFF' || window.MaximumWindowInMinutes != null)
    throw validation("The local cloud's EventBridge Scheduler knows the FlexibleTimeWindow OFF only.");
  const Description = input.Description as string | undefined;
  if (Description && Description.length > DESCRIPTION_LIMIT)
    throw validation(`Description has ${Description.length} characters; at most ${DESCRIPTION_LIMIT} fit.`);
  const definition: ScheduleDefinition = {
    ScheduleExpression: text(input, 'CreateSchedule', 'ScheduleExpression'),
    ScheduleExpressionTimezone: (input.ScheduleExpressionTimezone as string | undefined) ?? 'UTC',
    FlexibleTimeWindow: { Mode: 'OFF' },
    State: oneOf(input, 'State', ['ENABLED', 'DISABLED']),
    ActionAfterCompletion: oneOf(input, 'ActionAfterCompletion', ['NONE', 'DELETE']),
    ...(Description && { Description }),
    Target: readTarget(input.Target),
  };
  const { ScheduleExpression, ScheduleExpressionTimezone } = definition;
  const dueMs = timeOf(ScheduleExpression, ScheduleExpressionTimezone);
  if (dueMs < nowMs)
    throw validation(
      `Invalid Schedule Expression ${ScheduleExpression}: it is in the past, now is ${new Date(nowMs).toISOString()}.`,
    );
  return { definition, dueMs };
}

/** The first is the default. @throws AwsError `ValidationException` */
function oneOf<const Value extends string>(
  input: Input,
  name: string,
  values: readonly [Value, ...Value[]],
): Value {
  const value = input[name] ?? values[0];
  const found = values.find((candidate) => candidate === value);
  if (found === undefined)
    throw validation(`${name} is ${JSON.stringify(value)}; give one of ${values.join(', ')}.`);
  return found;
}
