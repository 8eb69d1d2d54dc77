import { AwsError, LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity, ResourceProvider } from '../kernel/resources.ts';
import { checkPattern } from './pattern.ts';
import { intervalMs } from './rate.ts';
import { DEFAULT_BUS, type Rule, type Rules } from './rules.ts';
import type { Target } from './targets.ts';

const RULE = 'AWS::Events::Rule';
const HONOURED = [
  'Name',
  'Description',
  'EventBusName',
  'EventPattern',
  'ScheduleExpression',
  'State',
  'Targets',
];
const TARGET = [
  'Arn',
  'DeadLetterConfig',
  'Id',
  'Input',
  'InputPath',
  'InputTransformer',
  'RetryPolicy',
  'SqsParameters',
];

export function eventsProviders(rules: Rules): ResourceProvider[] {
  return [
    {
      type: RULE,
      provision(properties, identity) {
        checkProperties(RULE, properties, identity, HONOURED, ['Tags']);
        const { EventBusName = DEFAULT_BUS, State = 'ENABLED', Targets = [] } = properties;
        if (EventBusName !== DEFAULT_BUS)
          throw refused(
            identity,
            `is on the event bus ${String(EventBusName)}; the local cloud has ${DEFAULT_BUS}`,
          );
        const name = (properties.Name as string | undefined) ?? identity.generatedName(64);
        const targets = Targets as readonly Target[];
        for (const target of targets) checkTarget(target, identity);
        const arn = rules.arnOf(name);
        rules.put({
          name,
          arn,
          ...triggersOf(properties),
          state: State === 'DISABLED' ? 'DISABLED' : 'ENABLED',
          description: properties.Description as string | undefined,
          targets,
        });
        return { ref: name, attributes: { Arn: arn } };
      },
      remove: (name) => rules.delete(name),
    },
  ];
}

/** @throws AwsError `ValidationException`, `InvalidEventPatternException` */
function triggersOf({ EventPattern, ScheduleExpression }: Properties): Pick<Rule, 'pattern' | 'schedule'> {
  if (EventPattern === undefined && ScheduleExpression === undefined)
    throw new AwsError(
      'ValidationException',
      'Parameter(s) EventPattern or ScheduleExpression must be specified.',
    );
  if (ScheduleExpression !== undefined) intervalMs(String(ScheduleExpression));
  return {
    pattern: EventPattern === undefined ? undefined : checkPattern(patternOf(EventPattern)),
    schedule: ScheduleExpression === undefined ? undefined : String(ScheduleExpression),
  };
}

function patternOf(pattern: unknown): unknown {
  return typeof pattern === 'string' ? (JSON.parse(pattern) as unknown) : pattern;
}

function checkTarget(target: Target, identity: ResourceIdentity): void {
  checkProperties(`${RULE}, in Targets`, { ...target }, identity, TARGET);
  if (!['lambda', 'sqs'].includes(target.Arn.split(':')[2] ?? ''))
    throw refused(
      identity,
      `has the target ${target.Arn}; the local cloud brings events to Lambda functions and SQS queues`,
    );
}

function refused({ stackName, logicalId }: ResourceIdentity, problem: string): LocalCloudError {
  return new LocalCloudError('INVALID_PROPERTY', `${stackName}/${logicalId} (${RULE}) ${problem}.`);
}
