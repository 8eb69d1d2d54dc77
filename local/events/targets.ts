import type { EventEnvelope } from './envelope.ts';
import { at, isJsonObject } from './json.ts';

export interface Target {
  readonly Id: string;
  readonly Arn: string;
  /** Sent in place of the event. */
  readonly Input?: string;
  readonly InputPath?: string;
  readonly InputTransformer?: {
    readonly InputPathsMap?: Readonly<Record<string, string>>;
    readonly InputTemplate: string;
  };
  readonly SqsParameters?: { readonly MessageGroupId?: string };
  readonly RetryPolicy?: {
    readonly MaximumRetryAttempts?: number;
    readonly MaximumEventAgeInSeconds?: number;
  };
  readonly DeadLetterConfig?: { readonly Arn?: string };
}

/** What a target gets of an event, as JSON. @param rule for the reserved variables of a transformer */
export function inputFor(
  target: Target,
  event: EventEnvelope,
  rule: { readonly name: string; readonly arn: string },
): string {
  const { Input, InputPath, InputTransformer } = target;
  if (Input !== undefined) return Input;
  if (InputPath !== undefined) return JSON.stringify(at(InputPath, event) ?? null);
  if (!InputTransformer) return JSON.stringify(event);
  const { InputPathsMap = {}, InputTemplate } = InputTransformer;
  const values = new Map<string, unknown>([
    ['aws.events.rule-arn', rule.arn],
    ['aws.events.rule-name', rule.name],
    ['aws.events.event.ingestion-time', event.time],
    ['aws.events.event.json', event],
    ['aws.events.event', { ...event, detail: undefined }],
    ...Object.entries(InputPathsMap).map(([name, path]): [string, unknown] => [name, at(path, event)]),
  ]);
  return filled(InputTemplate, values);
}

/** Within quotes a value is text; outside of them it is JSON. */
function filled(template: string, values: ReadonlyMap<string, unknown>): string {
  let quoted = false;
  return template.replaceAll(/\\.|"|<([\w.-]+)>/gs, (part, name?: string) => {
    if (part === '"') quoted = !quoted;
    if (name === undefined || !values.has(name)) return part;
    const value = values.get(name) ?? '';
    if (!quoted) return JSON.stringify(value);
    const text = isJsonObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value);
    return JSON.stringify(text).slice(1, -1);
  });
}
