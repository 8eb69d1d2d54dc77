import { runtimeError, StateError } from './errors.ts';
import type { Frame } from './frames.ts';
import { type ChoiceTest, holds, timestampMs } from './values/choices.ts';
import { evaluated } from './values/jsonata-template.ts';
import { filled } from './values/payload-template.ts';
import type { Visit } from './visit.ts';

/** The result of a Pass state. @throws StateError */
export async function pass(visit: Visit): Promise<unknown> {
  const { state, jsonata, scope } = visit;
  if (!jsonata && state.Result !== undefined) return state.Result;
  if (jsonata || state.Parameters === undefined) return visit.effectiveInput;
  return filled(state.Parameters, { ...scope, input: visit.effectiveInput });
}

/** A year: as long as an execution may take. */
const LONGEST_WAIT_SECONDS = 31_622_400;

/** When a Wait state is over (cloud time, ms); a time that has passed is over at once. @throws StateError */
export async function waitUntilMs(visit: Visit): Promise<number> {
  const { state, run } = visit;
  if ('Timestamp' in state || 'TimestampPath' in state) {
    const timestamp = await visit.field('Timestamp');
    const ms = timestampMs(timestamp);
    if (ms === undefined) throw runtimeError(`The Timestamp '${JSON.stringify(timestamp)}' is none`);
    return Math.max(ms, run.nowMs);
  }
  const seconds = await visit.field('Seconds');
  if (!Number.isInteger(seconds) || Number(seconds) < 0 || Number(seconds) > LONGEST_WAIT_SECONDS)
    throw runtimeError(
      `The Seconds '${JSON.stringify(seconds)}' are no whole number from 0 to ${LONGEST_WAIT_SECONDS}`,
    );
  return run.nowMs + Number(seconds) * 1000;
}

interface Rule extends ChoiceTest {
  readonly Next: string;
  readonly Condition?: unknown;
  readonly Output?: unknown;
  readonly Assign?: unknown;
}

/** Where a Choice state leads. @throws StateError `States.NoChoiceMatched` */
export async function decide(
  visit: Visit,
): Promise<{ readonly next: string; readonly output: unknown; readonly variables: Frame['variables'] }> {
  const { state, scope, jsonata, frame } = visit;
  const input = visit.effectiveInput;
  for (const rule of state.Choices as readonly Rule[]) {
    const chosen = jsonata
      ? (await evaluated(rule.Condition, scope)) === true
      : holds(rule, { ...scope, input });
    if (!chosen) continue;
    const { output, variables } = await visit.output(input, false);
    if (rule.Output === undefined && rule.Assign === undefined) return { next: rule.Next, output, variables };
    const assigned = jsonata
      ? await evaluated(rule.Assign ?? {}, scope)
      : filled(rule.Assign ?? {}, { ...scope, input });
    return {
      next: rule.Next,
      output: rule.Output === undefined ? output : await evaluated(rule.Output, scope),
      // A rule's own Assign counts in place of the state's.
      variables: { ...frame.variables, ...(assigned as object) },
    };
  }
  const next = state.Default as string | undefined;
  if (next === undefined)
    throw new StateError(
      'States.NoChoiceMatched',
      `No choice of the state '${frame.state}' matches its input`,
    );
  return { next, ...(await visit.output(input, false)) };
}
