import { createRequire } from 'node:module';
import { invalidDefinition } from './errors.ts';
import { isRecord } from './values/scope.ts';

interface Validation {
  readonly isValid: boolean;
  errorsText(separator: string): string;
}
/** The package brings no types of its own. */
type AslValidator = (
  definition: unknown,
  options: { readonly checkPaths: boolean; readonly checkArn: boolean },
) => Validation;

/** Loading it takes 150 ms, and each definition 50: only who has state machines pays, and once for each. */
const require = createRequire(import.meta.url);
const valid = new Set<string>();

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly MaxAttempts?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL' | 'NONE';
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
  readonly ResultPath?: string | null;
  readonly Output?: unknown;
  readonly Assign?: unknown;
}

/** A state as the Amazon States Language writes it; its kind knows its other fields. */
export interface State {
  readonly Type: 'Task' | 'Pass' | 'Choice' | 'Wait' | 'Succeed' | 'Fail' | 'Parallel' | 'Map';
  readonly QueryLanguage?: 'JSONPath' | 'JSONata';
  readonly Next?: string;
  readonly End?: boolean;
  readonly InputPath?: string | null;
  readonly OutputPath?: string | null;
  readonly ResultPath?: string | null;
  readonly Parameters?: unknown;
  readonly ResultSelector?: unknown;
  readonly Arguments?: unknown;
  readonly Output?: unknown;
  readonly Assign?: unknown;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
  readonly [field: string]: unknown;
}

/** A machine, a branch of a Parallel state, or what a Map state runs for each item. */
export interface Flow {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
  readonly QueryLanguage?: 'JSONPath' | 'JSONata';
  readonly TimeoutSeconds?: number;
}

/** The largest definition. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
const DEFINITION_LIMIT_BYTES = 1024 * 1024;
/** Fields of the Distributed mode of a Map state; AWS refuses them in the Inline mode. */
const DISTRIBUTED = [
  'ItemReader',
  'ItemBatcher',
  'ResultWriter',
  'ToleratedFailureCount',
  'ToleratedFailureCountPath',
  'ToleratedFailurePercentage',
  'ToleratedFailurePercentagePath',
];

/**
 * Reads a definition as CreateStateMachine does, and refuses what the local cloud cannot run.
 *
 * @param knows whether a Task state's resource is one that can be called here
 * @throws AwsError `InvalidDefinition`
 */
export function readDefinition(text: string, knows: (resource: string) => boolean): Flow {
  if (Buffer.byteLength(text) > DEFINITION_LIMIT_BYTES)
    throw invalidDefinition(`it is larger than ${DEFINITION_LIMIT_BYTES} bytes`);
  let definition: unknown;
  try {
    definition = JSON.parse(text);
  } catch (error) {
    throw invalidDefinition(`INVALID_JSON_DESCRIPTION: ${(error as Error).message}`);
  }
  if (!isRecord(definition)) throw invalidDefinition('INVALID_JSON_DESCRIPTION: it is no JSON object');
  const flow = definition as unknown as Flow;
  if (!valid.has(text)) {
    const validate = require('asl-validator') as AslValidator;
    // A copy: the validator writes query languages into it.
    const { isValid, errorsText } = validate(JSON.parse(text), { checkPaths: true, checkArn: false });
    if (!isValid) throw invalidDefinition(errorsText('; '));
    valid.add(text);
  }
  for (const [name, state] of allStates(flow)) refuseUnknown(name, state, knows);
  return flow;
}

function refuseUnknown(name: string, state: State, knows: (resource: string) => boolean): void {
  if (state.Type === 'Task' && !knows(String(state.Resource)))
    throw invalidDefinition(
      `The local cloud's Step Functions cannot call the resource ${String(state.Resource)} of the state ${name}`,
    );
  if (state.Type !== 'Map') return;
  const mode = (processorOf(state) as { ProcessorConfig?: { Mode?: string } }).ProcessorConfig?.Mode;
  if (mode !== undefined && mode !== 'INLINE')
    throw invalidDefinition(
      `The local cloud's Step Functions knows Map states of the Mode INLINE only: ${name}`,
    );
  const distributed = DISTRIBUTED.find((field) => field in state);
  if (distributed)
    throw invalidDefinition(`${distributed} is for Map states of the Mode DISTRIBUTED only: ${name}`);
}

/** Every state, those within Parallel and Map states too. */
function allStates(flow: Flow): [name: string, state: State][] {
  return Object.entries(flow.States).flatMap(([name, state]) => [
    [name, state] as [string, State],
    ...innerFlows(state).flatMap(allStates),
  ]);
}

function innerFlows(state: State): readonly Flow[] {
  if (state.Type === 'Parallel') return state.Branches as readonly Flow[];
  return state.Type === 'Map' ? [processorOf(state)] : [];
}

/** What a Map state runs for each item; `Iterator` is its older name. */
export function processorOf(state: State): Flow {
  return (state.ItemProcessor ?? state.Iterator) as Flow;
}

/**
 * The flow that a frame runs.
 *
 * @param path names of states and indexes of branches, from the outermost in: `['Resize', 0]`
 */
export function flowAt(machine: Flow, path: readonly (string | number)[]): Flow {
  let flow = machine;
  for (let at = 0; at < path.length; at += 2) {
    const state = flow.States[String(path[at])] as State;
    const inner = innerFlows(state)[Number(path[at + 1])] as Flow;
    flow = {
      ...inner,
      QueryLanguage: inner.QueryLanguage ?? state.QueryLanguage ?? flow.QueryLanguage ?? 'JSONPath',
    };
  }
  return flow;
}
