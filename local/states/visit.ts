import type { State } from './definition.ts';
import { StateError } from './errors.ts';
import type { Frame } from './frames.ts';
import type { Run } from './run.ts';
import { placed, select } from './values/json-path.ts';
import { evaluated } from './values/jsonata-template.ts';
import { filled, pathOrCall } from './values/payload-template.ts';
import type { Scope } from './values/scope.ts';

/** The largest input or output of a state. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
export const PAYLOAD_LIMIT_BYTES = 256 * 1024;

/** One attempt at a state: how the data flows into it and out of it. */
export class Visit {
  readonly run: Run;
  readonly frame: Frame;
  readonly state: State;
  readonly scope: Scope;
  readonly #jsonata: boolean;

  constructor(run: Run, frame: Frame, random: () => number, task?: { readonly token: string }) {
    this.run = run;
    this.frame = frame;
    this.state = run.stateOf(frame);
    this.#jsonata = (this.state.QueryLanguage ?? run.flowOf(frame).QueryLanguage) === 'JSONata';
    this.scope = {
      input: frame.input,
      context: contextOf(run, frame, task?.token),
      variables: frame.variables,
      random,
      nowMs: run.nowMs,
    };
  }

  get jsonata(): boolean {
    return this.#jsonata;
  }

  /** With `Map.Item` in its context. */
  within(item: { readonly Index: number; readonly Value: unknown }): Scope {
    return { ...this.scope, context: { ...(this.scope.context as object), Map: { Item: item } } };
  }

  /** After InputPath; in JSONata, as it came in. */
  get effectiveInput(): unknown {
    const { InputPath } = this.state;
    if (this.#jsonata || InputPath === undefined) return this.frame.input;
    return InputPath === null ? {} : select(InputPath, this.scope);
  }

  /** After Parameters or Arguments. @throws StateError */
  async arguments(): Promise<unknown> {
    const { Parameters, Arguments } = this.state;
    if (this.#jsonata) return Arguments === undefined ? this.frame.input : evaluated(Arguments, this.scope);
    const input = this.effectiveInput;
    return Parameters === undefined ? input : filled(Parameters, { ...this.scope, input });
  }

  /**
   * A field as it stands, as its sibling that ends in `Path` finds it, or as its JSONata expression answers it.
   *
   * @throws StateError
   */
  async field(name: string): Promise<unknown> {
    const path = this.state[`${name}Path`];
    if (typeof path === 'string') return pathOrCall(path, { ...this.scope, input: this.effectiveInput });
    return this.#jsonata ? evaluated(this.state[name], this.scope) : this.state[name];
  }

  /** What leaves the state, and its variables then. @throws StateError */
  async output(
    result: unknown,
    hasResult = true,
  ): Promise<{ readonly output: unknown; readonly variables: Frame['variables'] }> {
    const { Output, Assign } = this.state;
    if (this.#jsonata) {
      const states = hasResult ? { result } : {};
      const output = Output === undefined ? result : await evaluated(Output, this.scope, states);
      const assigned = Assign === undefined ? {} : await evaluated(Assign, this.scope, states);
      return { output, variables: { ...this.frame.variables, ...(assigned as object) } };
    }
    const assigned = Assign === undefined ? {} : filled(Assign, { ...this.scope, input: result });
    return { output: this.#placed(result), variables: { ...this.frame.variables, ...(assigned as object) } };
  }

  /** As {@link output}, through a catcher. */
  async caught(
    catcher: { ResultPath?: string | null; Output?: unknown; Assign?: unknown },
    errorOutput: object,
  ): Promise<{ readonly output: unknown; readonly variables: Frame['variables'] }> {
    const { ResultPath = '$', Output, Assign } = catcher;
    const { variables, input } = this.frame;
    if (this.#jsonata) {
      const states = { errorOutput };
      const output = Output === undefined ? errorOutput : await evaluated(Output, this.scope, states);
      const assigned = Assign === undefined ? {} : await evaluated(Assign, this.scope, states);
      return { output, variables: { ...variables, ...(assigned as object) } };
    }
    const assigned = Assign === undefined ? {} : filled(Assign, { ...this.scope, input: errorOutput });
    const output = ResultPath === null ? input : placed(ResultPath, input, errorOutput);
    return { output, variables: { ...variables, ...(assigned as object) } };
  }

  #placed(result: unknown): unknown {
    const { ResultSelector, ResultPath, OutputPath } = this.state;
    const selected =
      ResultSelector === undefined ? result : filled(ResultSelector, { ...this.scope, input: result });
    const whole =
      ResultPath === undefined
        ? selected
        : ResultPath === null
          ? this.frame.input
          : placed(ResultPath, this.frame.input, selected);
    if (OutputPath === undefined) return whole;
    return OutputPath === null ? {} : select(OutputPath, { ...this.scope, input: whole });
  }
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html */
function contextOf(run: Run, frame: Frame, token: string | undefined): unknown {
  const { execution, roleArn } = run;
  const { redriveCount, redriveMs } = execution;
  const item = itemOf(run, frame);
  return {
    Execution: {
      Id: execution.arn,
      Input: run.input,
      Name: execution.name,
      RoleArn: roleArn,
      StartTime: new Date(execution.startMs).toISOString(),
      RedriveCount: redriveCount,
      ...(redriveMs !== undefined && { RedriveTime: new Date(redriveMs).toISOString() }),
    },
    State: {
      EnteredTime: frame.enteredAt,
      Name: frame.state,
      RetryCount: frame.retries.reduce((sum, count) => sum + count, 0),
    },
    StateMachine: { Id: execution.machineArn, Name: execution.machineArn.split(':').pop() },
    ...(item && { Map: { Item: item } }),
    ...(token !== undefined && { Task: { Token: token } }),
  };
}

/** Of the innermost Map state around it. */
function itemOf(run: Run, frame: Frame): Frame['item'] {
  if (frame.item || frame.parent === undefined) return frame.item;
  const parent = run.frames.get(frame.parent);
  return parent && itemOf(run, parent);
}

/** @throws StateError `States.DataLimitExceeded` */
export function checkSize(name: string, value: unknown): void {
  if (Buffer.byteLength(JSON.stringify(value) ?? '') > PAYLOAD_LIMIT_BYTES)
    throw new StateError(
      'States.DataLimitExceeded',
      `The state/task '${name}' returned a result with a size exceeding the maximum number of bytes service limit.`,
    );
}
