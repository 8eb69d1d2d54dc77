import type { StepRecord } from '../jobs/record.ts';
import { NotDone, PermanentError, StepRefused, StepUncertain, StepUnverified } from './errors.ts';
import type { StepRecords } from './step-records.ts';

/** What an author says of a step that began and left no certain outcome. There is no default: nobody else can know. */
export type IfUncertain<Result> =
  | { readonly choice: 'repeat' }
  | { readonly choice: 'verify'; readonly check: () => Promise<Verified<Result>> }
  | { readonly choice: 'deadLetter' };

/** What a look at the provider tells. "No event seen" is `unknown`, not `notDone`. */
export type Verified<Result> =
  | { readonly found: 'done'; readonly result: Result }
  | { readonly found: 'notDone' }
  | { readonly found: 'unknown' };

/** Repeating is safe: the effect has a key of its own, and the other side drops the second. */
export function repeat(): IfUncertain<never> {
  return { choice: 'repeat' };
}

/** Ask the other side what became of it. While it answers `unknown` the attempt fails, and the next one asks again. */
export function verify<Result>(check: () => Promise<Verified<Result>>): IfUncertain<Result> {
  return { choice: 'verify', check };
}

/** Neither can be known: the job is dead-lettered as uncertain, and a person decides. */
export function deadLetter(): IfUncertain<never> {
  return { choice: 'deadLetter' };
}

/**
 * Runs `work` unless an earlier attempt finished it; then its result is returned without running.
 *
 * `work` throws {@link NotDone} where its effect certainly did not happen; anything else that it throws leaves the step uncertain.
 *
 * @param name unique within the handler, 1 to 100 characters, never renamed while jobs are under way
 * @param work returns JSON of at most {@link LONGEST_STEP_RESULT_BYTES}, or nothing
 * @throws StepRefused after the attempt was aborted or its claim ended; StepUncertain, StepUnverified for an uncertain step;
 *   whatever `work` throws
 */
export type StepFunction = <Result>(
  name: string,
  work: () => Promise<Result>,
  options: { readonly ifUncertain: IfUncertain<Result> },
) => Promise<Result>;

/** Leaves room for the record's other attributes in DynamoDB's 400 KB. */
export const LONGEST_STEP_RESULT_BYTES = 300_000;

export interface StepsOptions {
  readonly records: StepRecords;
  readonly signal: AbortSignal;
  /** The claim's end: a process that slept past it may begin nothing. */
  readonly leaseUntilMs: number;
  readonly now: () => number;
}

export interface Steps {
  readonly step: StepFunction;
  /** Steps that began in this attempt and have left no certain outcome so far. */
  readonly underWay: ReadonlySet<string>;
}

/** The steps of one attempt. */
export function stepsOf({ records, signal, leaseUntilMs, now }: StepsOptions): Steps {
  const names = new Set<string>();
  const underWay = new Set<string>();
  const isOver = (): boolean => signal.aborted || now() >= leaseUntilMs;
  const refuse = (name: string): never => {
    throw new StepRefused(`Step "${name}" was begun after its attempt had ended.`, { cause: signal.reason });
  };

  const step: StepFunction = async (name, work, { ifUncertain }) => {
    checkName(name, names);
    if (isOver()) refuse(name);
    const inTheWay = await records.begin(name);
    if (inTheWay?.state === 'done') return resultOf(inTheWay);
    if (inTheWay) {
      underWay.add(name);
      const found = await settle(name, inTheWay, ifUncertain);
      if (found.found === 'done') {
        await finish(name, found.result, inTheWay.owner);
        return found.result;
      }
      if (isOver()) refuse(name);
      if (!(await records.takeOver(name, inTheWay)))
        throw new StepRefused(`Step "${name}" was taken over by another run.`);
      // Its marker stays as uncertain as it was found.
      if (isOver()) refuse(name);
    } else if (isOver()) {
      // The attempt ended while the marker was written: nothing was done under it.
      await records.takeBack(name);
      refuse(name);
    }
    return run(name, work);
  };
  return { step, underWay };

  async function run<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    underWay.add(name);
    let result: Result;
    try {
      result = await work();
    } catch (error) {
      // The marker is taken back only on the author's word; if that write fails, uncertain is the truth that remains.
      if (!(error instanceof NotDone)) throw error;
      await records.takeBack(name);
      underWay.delete(name);
      throw error.cause instanceof PermanentError ? error.cause : error;
    }
    await finish(name, result);
    return result;
  }

  async function finish(name: string, result: unknown, owner?: string): Promise<void> {
    await records.finish(name, jsonOf(name, result), owner);
    underWay.delete(name);
  }
}

function checkName(name: string, used: Set<string>): void {
  if (name === '' || name.length > 100)
    throw new PermanentError(`A step's name has 1 to 100 characters, not ${name.length}.`, {
      code: 'STEP_NAME',
    });
  if (used.has(name))
    throw new PermanentError(
      `Step "${name}" was begun twice in one attempt: the second would get the first one's result. Give each step a name of its own, in a loop with the item's id.`,
      { code: 'STEP_NAME' },
    );
  used.add(name);
}

/** @throws PermanentError `STEP_RESULT`: its effect is done, and running it again would mend nothing */
function jsonOf(name: string, result: unknown): string | undefined {
  let json: string | undefined;
  try {
    json = JSON.stringify(result);
  } catch (error) {
    throw new PermanentError(
      `Step "${name}" is done, but its result is no JSON: return an id or a pointer.`,
      {
        code: 'STEP_RESULT',
        cause: error,
      },
    );
  }
  const bytes = json === undefined ? 0 : Buffer.byteLength(json);
  if (bytes > LONGEST_STEP_RESULT_BYTES)
    throw new PermanentError(
      `Step "${name}" is done, but its result has ${bytes} bytes, more than ${LONGEST_STEP_RESULT_BYTES}: return an id or a pointer.`,
      { code: 'STEP_RESULT' },
    );
  return json;
}

async function settle<Result>(
  name: string,
  record: StepRecord,
  ifUncertain: IfUncertain<Result>,
): Promise<Verified<Result>> {
  switch (ifUncertain.choice) {
    case 'repeat':
      return { found: 'notDone' };
    case 'deadLetter':
      throw new StepUncertain(name, record.begunAtMs);
    case 'verify': {
      const verified = await ifUncertain.check();
      if (verified.found === 'unknown')
        throw new StepUnverified(
          `Step "${name}" began at ${new Date(record.begunAtMs).toISOString()}, and its verification cannot tell yet what became of it.`,
        );
      return verified;
    }
  }
}

function resultOf<Result>(record: StepRecord): Result {
  return (record.result === undefined ? undefined : JSON.parse(record.result)) as Result;
}
