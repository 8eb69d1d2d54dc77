import { STAGE_STEP_PREFIX, type StepRecord } from '../jobs/record.ts';
import {
  NotDone,
  PermanentError,
  RetryAfter,
  RetryNoSooner,
  StepRefused,
  StepUncertain,
  StepUnverified,
} from './errors.ts';
import { persistently } from './persistently.ts';
import type { StepRecords } from './step-records.ts';

/** What an author says of a step that began and left no certain outcome. There is no default: nobody else can know. */
export type IfUncertain<Result> = Repeat<Result> | Verify<Result> | DeadLetter;

export interface Repeat<Result> {
  readonly choice: 'repeat';
  readonly within?: { readonly seconds: number; readonly otherwise: Verify<Result> | DeadLetter };
}

export interface Verify<Result> {
  readonly choice: 'verify';
  readonly check: Check<Result>;
  readonly everySeconds: number;
  readonly forSeconds: number;
  readonly otherwise: Repeat<Result> | DeadLetter;
}

export interface DeadLetter {
  readonly choice: 'deadLetter';
}

/** Looks at the other side. @param step when it began: what the other side did before is not of this step */
export type Check<Result> = (step: { readonly begunAtMs: number }) => Promise<Verified<Result>>;

/** What a look at the provider tells. "No event seen" is `unknown`, not `notDone`. */
export type Verified<Result> =
  | { readonly found: 'done'; readonly result: Result }
  | { readonly found: 'notDone' }
  | { readonly found: 'unknown' };

/**
 * Repeating is safe: the effect has a key of its own, and the other side drops the second.
 *
 * @param within for a provider that forgets keys: after `seconds` since the step first began, `otherwise` holds @default for ever
 */
export function repeat(): Repeat<never>;
export function repeat<Result>(within: {
  withinSeconds: number;
  otherwise: Verify<Result> | DeadLetter;
}): Repeat<Result>;
export function repeat<Result>(within?: {
  withinSeconds: number;
  otherwise: Verify<Result> | DeadLetter;
}): Repeat<Result> {
  if (!within) return { choice: 'repeat' };
  return { choice: 'repeat', within: { seconds: within.withinSeconds, otherwise: within.otherwise } };
}

/**
 * Ask the other side what became of it. While it answers `unknown` the job waits, which spends no attempt, and looks again.
 *
 * @param options.everySeconds how long it waits between two looks @default 60
 * @param options.forSeconds how long after the step's beginning `unknown` is put up with @default 900
 * @param options.otherwise what holds after that @default deadLetter()
 */
export function verify<Result>(
  check: Check<Result>,
  {
    everySeconds = 60,
    forSeconds = 900,
    otherwise = deadLetter(),
  }: { everySeconds?: number; forSeconds?: number; otherwise?: Repeat<Result> | DeadLetter } = {},
): Verify<Result> {
  return { choice: 'verify', check, everySeconds, forSeconds, otherwise };
}

/** Neither can be known: the job is dead-lettered as uncertain, and a person decides. */
export function deadLetter(): DeadLetter {
  return { choice: 'deadLetter' };
}

/**
 * Runs `work` unless an earlier attempt finished it; then its result is returned without running.
 *
 * `work` throws {@link NotDone} where its effect certainly did not happen (with a {@link PermanentError}, {@link RetryAfter} or {@link RetryNoSooner}
 * as its `cause`, that one goes on to the job); anything else that it throws leaves the step uncertain.
 *
 * @param name unique within the handler, 1 to 100 characters, never renamed while jobs are under way
 * @param work its result comes back as JSON holds it, the first time too: a Date is a text. It returns JSON of at most {@link LONGEST_STEP_RESULT_BYTES}, or nothing; above 300 kB it is kept in S3
 * @throws StepRefused after the attempt was aborted or its claim ended; StepUncertain, StepUnverified for an uncertain step;
 *   whatever `work` throws
 */
export type StepFunction = <Result>(
  name: string,
  work: () => Promise<Result>,
  options: { readonly ifUncertain: IfUncertain<Result> },
) => Promise<Result>;

/** What the cause of a `NotDone` may tell the job. */
const GOES_ON = [PermanentError, RetryAfter, RetryNoSooner] as const;

/** A result is held in memory, and read again by each later attempt. */
export const LONGEST_STEP_RESULT_BYTES = 50_000_000;

export interface StepsOptions {
  readonly records: StepRecords;
  readonly signal: AbortSignal;
  /** The claim's end: a process that slept past it may begin nothing. */
  readonly leaseUntilMs: number;
  readonly now: () => number;
  /** A number in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Before each name in the records. @default none */
  readonly prefix?: string;
}

export interface Steps {
  readonly step: StepFunction;
}

/** The steps of one attempt. */
export function stepsOf({ records, signal, leaseUntilMs, now, random, prefix = '' }: StepsOptions): Steps {
  const names = new Set<string>();
  const isOver = (): boolean => signal.aborted || now() >= leaseUntilMs;
  const refuse = (name: string): never => {
    throw new StepRefused(`Step "${name}" was begun after its attempt had ended.`, { cause: signal.reason });
  };
  /** Where the attempt ended while the marker was written: nothing was done under it. */
  const refuseIfOver = async (name: string): Promise<void> => {
    if (!isOver()) return;
    await records.takeBack(name);
    refuse(name);
  };

  const step: StepFunction = async (ownName, work, { ifUncertain }) => {
    checkName(ownName, names);
    const name = prefix + ownName;
    if (isOver()) refuse(name);
    const inTheWay = await records.begin(name);
    // TTL deletes up to 48 h late: what it should have deleted is of a job that is forgotten.
    if (inTheWay && inTheWay.expiration * 1000 <= now()) {
      if (!(await records.beginAnew(name, inTheWay)))
        throw new StepRefused(`Step "${name}" was taken over by another run.`);
      await refuseIfOver(name);
      return run(name, work, false);
    }
    if (inTheWay?.state === 'done') {
      await records.remember(name, inTheWay);
      return parsed(await records.resultOf(inTheWay));
    }
    if (inTheWay) {
      const found = await settle(name, inTheWay, ifUncertain, now());
      if (found.found === 'done') return finish(name, found.result, inTheWay.owner);
      if (isOver()) refuse(name);
      if (!(await records.takeOver(name, inTheWay)))
        throw new StepRefused(`Step "${name}" was taken over by another run.`);
      // Its marker stays as uncertain as it was found.
      if (isOver()) refuse(name);
      return run(name, work, found.found === 'repeat');
    }
    await refuseIfOver(name);
    return run(name, work, false);
  };
  return { step };

  /** @param repeated what an earlier try did stays uncertain, whatever this one says of itself */
  async function run<Result>(name: string, work: () => Promise<Result>, repeated: boolean): Promise<Result> {
    let result: Result;
    try {
      result = await work();
    } catch (error) {
      if (!(error instanceof NotDone)) throw error;
      // The marker is taken back only on the author's word; if that write fails, uncertain is the truth that remains.
      if (!repeated) await records.takeBack(name);
      throw GOES_ON.some((kind) => error.cause instanceof kind) ? error.cause : error;
    }
    return finish(name, result);
  }

  /** @returns the result as later attempts will read it */
  async function finish<Result>(name: string, result: Result, owner?: string): Promise<Result> {
    const json = jsonOf(name, result);
    // Its effect is done: a throttle must not make it uncertain.
    await persistently(() => records.finish(name, json, owner), { leaseUntilMs, now, random });
    return parsed(json);
  }
}

function checkName(name: string, used: Set<string>): void {
  if (name === '' || name.length > 100)
    throw new PermanentError(`A step's name has 1 to 100 characters, not ${name.length}.`, {
      code: 'STEP_NAME',
    });
  if (name.startsWith(STAGE_STEP_PREFIX))
    throw new PermanentError(
      `Step "${name}" has the name of a stage: no step begins with "${STAGE_STEP_PREFIX}".`,
      {
        code: 'STEP_NAME',
      },
    );
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
  nowMs: number,
): Promise<Exclude<Verified<Result>, { found: 'unknown' }> | { readonly found: 'repeat' }> {
  const { begunAtMs, firstBegunAtMs } = record;
  switch (ifUncertain.choice) {
    case 'repeat': {
      const { within } = ifUncertain;
      if (!within || nowMs - firstBegunAtMs <= within.seconds * 1000) return { found: 'repeat' };
      return settle(name, record, within.otherwise, nowMs);
    }
    case 'deadLetter':
      throw new StepUncertain(name, begunAtMs);
    case 'verify': {
      const verified = await ifUncertain.check({ begunAtMs });
      if (verified.found !== 'unknown') return verified;
      const { everySeconds, forSeconds, otherwise } = ifUncertain;
      if (nowMs - begunAtMs >= forSeconds * 1000) return settle(name, record, otherwise, nowMs);
      throw new StepUnverified(
        everySeconds,
        `Step "${name}" began at ${new Date(begunAtMs).toISOString()}, and its verification cannot tell yet what became of it.`,
      );
    }
  }
}

function parsed<Result>(json: string | undefined): Result {
  return (json === undefined ? undefined : JSON.parse(json)) as Result;
}
