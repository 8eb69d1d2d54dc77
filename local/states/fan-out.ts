import { runtimeError } from './errors.ts';
import type { Frame } from './frames.ts';
import type { Interpreter } from './interpreter.ts';
import type { Failure, Run } from './run.ts';
import { evaluated } from './values/jsonata-template.ts';
import { filled, pathOrCall } from './values/payload-template.ts';
import { checkSize, type Visit } from './visit.ts';

/** How many iterations of a Map state in the Inline mode run at a time at most. */
const INLINE_CONCURRENCY = 40;

/** Parallel and Map states: flows within a flow. */
export class FanOut {
  readonly #steps: Pick<Interpreter, 'resume' | 'succeed' | 'fail' | 'abort'>;

  constructor(steps: Pick<Interpreter, 'resume' | 'succeed' | 'fail' | 'abort'>) {
    this.#steps = steps;
  }

  /** @throws StateError */
  async start(visit: Visit): Promise<void> {
    const { run, frame, state } = visit;
    const isMap = state.Type === 'Map';
    const concurrency = isMap ? await concurrencyOf(visit) : Number.POSITIVE_INFINITY;
    const inputs = isMap ? await itemsOf(visit) : await branchInputs(visit);
    run.event(frame, `${state.Type}StateStarted`, isMap ? { length: inputs.length } : undefined);
    frame.work = { kind: 'children', concurrency: Math.min(concurrency, inputs.length) };
    run.touch(frame);
    for (const [index, { input, item }] of inputs.entries())
      run.addFrame({
        parent: frame.id,
        index,
        path: [...frame.path, frame.state, isMap ? 0 : index],
        input,
        variables: frame.variables,
        ...(item && { item }),
      });
    this.startWaiting(run, frame);
  }

  /** As many of the flows that wait as may run beside those that do; without any flow, the state is done. */
  startWaiting(run: Run, parent: Frame): void {
    if (parent.work?.kind !== 'children') return;
    const children = run.childrenOf(parent);
    let free = parent.work.concurrency - children.filter(({ status }) => status === 'running').length;
    for (const child of children) {
      if (free <= 0) break;
      if (child.status !== 'waiting') continue;
      free--;
      child.lastEvent = parent.lastEvent;
      if (run.stateOf(parent).Type === 'Map') this.#iterationEvent(run, parent, child, 'Started');
      this.#steps.resume(run, child);
    }
    if (children.every(({ status }) => status === 'succeeded')) run.steps.push(() => this.#join(run, parent));
  }

  succeeded(run: Run, child: Frame): void {
    const parent = this.#parentOf(run, child);
    if (run.stateOf(parent).Type === 'Map') this.#iterationEvent(run, parent, child, 'Succeeded');
    parent.lastEvent = child.lastEvent;
    this.startWaiting(run, parent);
  }

  /** The other flows are stopped with it. */
  failed(run: Run, child: Frame, failure: Failure): void {
    const parent = this.#parentOf(run, child);
    const { Type } = run.stateOf(parent);
    if (Type === 'Map') this.#iterationEvent(run, parent, child, 'Failed');
    parent.lastEvent = child.lastEvent;
    for (const sibling of run.childrenOf(parent)) this.#steps.abort(run, sibling);
    run.event(parent, `${Type}StateFailed`, { ...failure });
    run.steps.push(async () => {
      // Another branch may have failed meanwhile, and aborted this one.
      if (parent.status === 'running') await this.#steps.fail(run, parent, failure);
    });
  }

  aborted(run: Run, child: Frame): void {
    if (child.parent === undefined) return;
    const parent = this.#parentOf(run, child);
    if (run.stateOf(parent).Type === 'Map') this.#iterationEvent(run, parent, child, 'Aborted');
  }

  async #join(run: Run, parent: Frame): Promise<void> {
    if (parent.status !== 'running') return;
    const results = run.childrenOf(parent).map(({ output }) => output);
    run.event(parent, `${run.stateOf(parent).Type}StateSucceeded`);
    run.dropChildren(parent);
    parent.work = undefined;
    await this.#steps.succeed(run, parent, results);
  }

  #iterationEvent(run: Run, parent: Frame, child: Frame, what: string): void {
    run.event(child, `MapIteration${what}`, { name: parent.state, index: child.index });
  }

  #parentOf(run: Run, { parent }: Frame): Frame {
    return run.frames.get(parent ?? -1) as Frame;
  }
}

interface ChildInput {
  readonly input: unknown;
  readonly item?: { readonly Index: number; readonly Value: unknown };
}

async function branchInputs(visit: Visit): Promise<ChildInput[]> {
  const input = await visit.arguments();
  checkSize(visit.frame.state, input);
  return (visit.state.Branches as readonly unknown[]).map(() => ({ input }));
}

async function itemsOf(visit: Visit): Promise<ChildInput[]> {
  const { state, scope, jsonata, frame } = visit;
  const input = visit.effectiveInput;
  const items = await listOf(visit, input);
  // `Parameters` is the older name of `ItemSelector`.
  const selector = state.ItemSelector ?? state.Parameters;
  const inputs: ChildInput[] = [];
  for (const [Index, Value] of items.entries()) {
    const item = { Index, Value };
    const within = visit.within(item);
    const selected =
      selector === undefined
        ? Value
        : jsonata
          ? await evaluated(selector, within)
          : filled(selector, { ...within, input });
    checkSize(frame.state, selected);
    inputs.push({ input: selected, item });
  }
  return inputs;

  async function listOf({ state: { Items, ItemsPath } }: Visit, from: unknown): Promise<readonly unknown[]> {
    const list = jsonata
      ? Items === undefined
        ? from
        : await evaluated(Items, scope)
      : ItemsPath === undefined
        ? from
        : pathOrCall(String(ItemsPath), { ...scope, input: from });
    if (Array.isArray(list)) return list;
    throw runtimeError(`The items of the Map state are no array: '${JSON.stringify(list)}'`);
  }
}

async function concurrencyOf(visit: Visit): Promise<number> {
  const value = (await visit.field('MaxConcurrency')) ?? 0;
  if (!Number.isInteger(value) || Number(value) < 0)
    throw runtimeError(`The MaxConcurrency '${JSON.stringify(value)}' is no whole number of 0 or more`);
  return value === 0 ? INLINE_CONCURRENCY : Math.min(Number(value), INLINE_CONCURRENCY);
}
