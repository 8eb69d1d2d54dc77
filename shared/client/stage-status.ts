import { functionTimeoutSeconds } from '../jobs/define-job.ts';
import { type JobRecord, type StepRecord, stageOfStep } from '../jobs/record.ts';
import { isOne, type StageOrder, type StageSettings } from '../jobs/staged-job.ts';

/** What is true of one stage, or of all runs of one that fans out. */
export interface StageStatus {
  readonly name: string;
  /** `waiting`: for its retry, or for the execution to come to it again. `stopped`: it left no outcome (its process died, or its execution ended) and nothing runs it. */
  readonly state: StageState;
  /** When its first run began. */
  readonly begunAtMs?: number;
  /** When its last run began. */
  readonly sinceMs?: number;
  readonly doneAtMs?: number;
  /** Runs that failed and said so; one whose process died says nothing. */
  readonly failures: number;
  /** Why the last run that told of it did not finish: it failed, or asked for later. */
  readonly failure?: NonNullable<StepRecord['failure']>;
  /** What the run under way said last of itself. */
  readonly progress?: NonNullable<StepRecord['progress']>;
  /** Of a fan-out: its runs by state. `of`: how many there are to be; absent where nobody can tell. */
  readonly items?: Readonly<Record<Exclude<StageState, 'not-begun'>, number>> & { readonly of?: number };
  /** 0 to 1. */
  readonly share: number;
}

export type StageState = 'not-begun' | 'running' | 'waiting' | 'failed' | 'stopped' | 'done';

export interface StagesReport {
  /** In the contract's order. */
  readonly stages: readonly StageStatus[];
  /** How much of the whole is done, 0 to 1; each stage counts the same. */
  readonly share: number;
}

export interface StagesOptions {
  readonly nowMs: number;
  /** How many items the first stage fans out over, where it does. */
  readonly firstItems: number | undefined;
}

/** What the records say of a staged job's stages. */
export function stagesOf(
  order: StageOrder,
  record: JobRecord,
  steps: readonly StepRecord[],
  { nowMs, firstItems }: StagesOptions,
): StagesReport {
  const byStage = Map.groupBy(steps.filter(stageOfStep), (step) => stageOfStep(step)?.stage ?? '');
  const runs = (stage: StageSettings): readonly StageRun[] =>
    (byStage.get(stage.name) ?? []).map((step) => ({ step, state: runState(step, stage, record, nowMs) }));
  const stages = order.flatMap((element, index) => {
    if (!isOne(element)) return element.map((stage) => oneStatus(stage.name, runs(stage)[0]));
    if (!element.forEach) return [oneStatus(element.name, runs(element)[0])];
    const isBehind =
      record.state === 'completed' ||
      order
        .slice(index + 1)
        .flat()
        .some(({ name }) => byStage.has(name));
    const before = order[index - 1];
    const of = before && isOne(before) ? itemsAfter(byStage.get(before.name)?.[0]) : firstItems;
    const own = runs(element);
    return [fanOutStatus(element.name, own, isBehind ? own.length : of, isBehind, record)];
  });
  return {
    stages,
    share: stages.reduce((sum, { share }) => sum + share, 0) / stages.length,
  };
}

interface StageRun {
  readonly step: StepRecord;
  readonly state: Exclude<StageState, 'not-begun'>;
}

/** What a task's timeout is over its function's, and what its answer may take. */
const LOST_MARGIN_MS = 10_000;

function runState(
  { state, begunAtMs, failure }: StepRecord,
  { timeoutSeconds }: StageSettings,
  job: JobRecord,
  nowMs: number,
): StageRun['state'] {
  if (state === 'done') return 'done';
  const hasFailed = state === 'not-done' || (failure !== undefined && failure.atMs >= begunAtMs);
  switch (job.state) {
    case 'started': {
      const isLost = nowMs > begunAtMs + functionTimeoutSeconds({ timeoutSeconds }) * 1000 + LOST_MARGIN_MS;
      return hasFailed || isLost ? 'waiting' : 'running';
    }
    case 'running':
    case 'retrying':
    case 'deferred':
      return 'waiting';
    case 'dead':
      return hasFailed ? 'failed' : 'stopped';
    default:
      return 'stopped';
  }
}

function oneStatus(name: string, run: StageRun | undefined): StageStatus {
  if (!run) return { name, state: 'not-begun', failures: 0, share: 0 };
  const { state, step } = run;
  const progress = state === 'running' ? progressOf(step) : undefined;
  return {
    name,
    state,
    begunAtMs: step.firstBegunAtMs,
    sinceMs: step.begunAtMs,
    ...(step.doneAtMs === undefined ? {} : { doneAtMs: step.doneAtMs }),
    failures: step.failures ?? 0,
    ...(step.failure ? { failure: step.failure } : {}),
    ...(progress ? { progress } : {}),
    share: state === 'done' ? 1 : (progress?.fraction ?? 0),
  };
}

function fanOutStatus(
  name: string,
  runs: readonly StageRun[],
  of: number | undefined,
  isBehind: boolean,
  job: JobRecord,
): StageStatus {
  const each = runs.map((run) => oneStatus(name, run));
  const count = (state: StageState): number => each.filter((one) => one.state === state).length;
  const items = {
    done: count('done'),
    running: count('running'),
    waiting: count('waiting'),
    failed: count('failed'),
    stopped: count('stopped'),
    ...(of === undefined ? {} : { of }),
  };
  const state = fanOutState(items, isBehind, job);
  const shares = each.reduce((sum, { share }) => sum + share, 0);
  const begun = each.flatMap(({ begunAtMs }) => begunAtMs ?? []);
  const since = each.flatMap((one) => (one.state === 'running' ? (one.sinceMs ?? []) : []));
  const done = each.flatMap(({ doneAtMs }) => doneAtMs ?? []);
  const [failure] = each.flatMap((one) => one.failure ?? []).toSorted((a, b) => b.atMs - a.atMs);
  return {
    name,
    state,
    ...(begun.length > 0 ? { begunAtMs: Math.min(...begun) } : {}),
    ...(since.length > 0 ? { sinceMs: Math.min(...since) } : {}),
    ...(state === 'done' && done.length > 0 ? { doneAtMs: Math.max(...done) } : {}),
    failures: each.reduce((sum, { failures }) => sum + failures, 0),
    ...(failure ? { failure } : {}),
    items,
    share: state === 'done' ? 1 : of ? shares / of : 0,
  };
}

function fanOutState(
  { of, ...items }: NonNullable<StageStatus['items']>,
  isBehind: boolean,
  job: JobRecord,
): StageState {
  if (isBehind || (of !== undefined && of > 0 && items.done === of)) return 'done';
  if (items.failed > 0) return 'failed';
  if (items.running > 0) return 'running';
  if (items.waiting > 0) return 'waiting';
  if (items.stopped > 0) return 'stopped';
  if (items.done === 0) return 'not-begun';
  // Between two of its items.
  return job.state === 'started' ? 'running' : 'stopped';
}

/** Of the run under way, and not of one before it. */
function progressOf({ progress, begunAtMs }: StepRecord): StepRecord['progress'] {
  return progress && progress.atMs >= begunAtMs ? progress : undefined;
}

/** What the stage before has answered the state machine with names the items. */
function itemsAfter(before: StepRecord | undefined): number | undefined {
  if (before?.state !== 'done' || before.result === undefined) return undefined;
  return (JSON.parse(before.result) as { readonly items: readonly number[] }).items.length;
}
