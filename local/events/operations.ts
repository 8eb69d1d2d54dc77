import { AwsError } from '../kernel/errors.ts';
import type { Operation } from '../kernel/json-protocol.ts';
import type { EventBridge } from './events.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { checkPattern, matches } from './pattern.ts';
import { DEFAULT_BUS, type Rule } from './rules.ts';

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html */
const ENTRIES_LIMIT = 10;
const TOTAL_LIMIT_BYTES = 1024 * 1024;

/** What the API asks of events and rules, but for making rules: they are made by the template. */
export function eventOperations(bus: EventBridge): Readonly<Record<string, Operation>> {
  const setState = (state: Rule['state']) => (input: JsonObject) => {
    onDefaultBus(input.EventBusName);
    bus.rules.put({ ...bus.rules.get(String(input.Name)), state });
  };
  return {
    PutEvents(input: JsonObject) {
      const entries = input.Entries;
      if (!Array.isArray(entries) || entries.length === 0 || entries.length > ENTRIES_LIMIT)
        throw validation(
          `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and ${ENTRIES_LIMIT}`,
        );
      const size = entries.reduce((sum: number, entry: JsonObject) => sum + sizeOf(entry), 0);
      if (size > TOTAL_LIMIT_BYTES)
        throw validation('Total size of the entries in the request is over the limit.');
      const Entries = entries.map((entry: JsonObject) => putEvent(bus, entry));
      return { Entries, FailedEntryCount: Entries.filter((entry) => 'ErrorCode' in entry).length };
    },
    ListRules({ NamePrefix = '' }: JsonObject) {
      const rules = bus.rules.all().filter(({ name }) => name.startsWith(String(NamePrefix)));
      return { Rules: rules.map(described) };
    },
    DescribeRule: ({ Name }: JsonObject) => described(bus.rules.get(String(Name))),
    ListTargetsByRule: ({ Rule: name }: JsonObject) => ({ Targets: bus.rules.get(String(name)).targets }),
    EnableRule: setState('ENABLED'),
    DisableRule: setState('DISABLED'),
    TestEventPattern({ EventPattern, Event }: JsonObject) {
      return { Result: matches(checkPattern(parsed(EventPattern)), parsed(Event)) };
    },
  };
}

function putEvent(bus: EventBridge, entry: JsonObject): object {
  const { Source, DetailType, Detail, Resources = [], Time, EventBusName } = entry;
  onDefaultBus(EventBusName);
  const refused = (ErrorCode: string, ErrorMessage: string) => ({ ErrorCode, ErrorMessage });
  for (const [name, value] of Object.entries({ Source, DetailType, Detail }))
    if (typeof value !== 'string' || value === '')
      return refused(
        'InvalidArgument',
        `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
      );
  if (String(Source).startsWith('aws.'))
    return refused('NotAuthorizedForSourceException', `Not authorized for the source ${String(Source)}.`);
  const detail = parsed(Detail);
  if (!isJsonObject(detail)) return refused('MalformedDetail', 'Detail is malformed.');
  const EventId = bus.accept({
    source: String(Source),
    detailType: String(DetailType),
    resources: Resources as readonly string[],
    detail,
    ...(Time != null && { timeMs: Number(Time) * 1000 }),
  });
  return { EventId };
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/calculate-putevents-entry-size.html */
function sizeOf({ Source, DetailType, Detail, Resources = [], Time }: JsonObject): number {
  const texts = [Source, DetailType, Detail, ...(Resources as unknown[])];
  return texts.reduce<number>(
    (sum, text) => sum + Buffer.byteLength(String(text ?? '')),
    Time == null ? 0 : 14,
  );
}

function described({ name, arn, pattern, schedule, state, description }: Rule): object {
  return {
    Name: name,
    Arn: arn,
    ...(pattern && { EventPattern: JSON.stringify(pattern) }),
    ...(schedule !== undefined && { ScheduleExpression: schedule }),
    State: state,
    EventBusName: DEFAULT_BUS,
    ...(description !== undefined && { Description: description }),
  };
}

/** @throws AwsError `ResourceNotFoundException` */
function onDefaultBus(name: unknown): void {
  if (name == null || name === DEFAULT_BUS || String(name).endsWith(`:event-bus/${DEFAULT_BUS}`)) return;
  throw new AwsError('ResourceNotFoundException', `Event bus ${String(name)} does not exist.`);
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text)) as unknown;
  } catch {
    return undefined;
  }
}

function validation(message: string): AwsError {
  return new AwsError('ValidationException', message);
}
