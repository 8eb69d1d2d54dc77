import { passes } from './passing-errors.ts';

export interface Persistence {
  /** The claim's end: nothing is waited for beyond it. */
  readonly leaseUntilMs: number;
  readonly now: () => number;
  /** A number in [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** Left for the batch's own answer after the last try of a write. */
const LAST_TRY_MARGIN_MS = 1000;
/** For the one try of a process that slept past that. */
const LATE_TRY_MS = 5000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

/**
 * Makes a write that must not be lost: the work is done, and without its record it would be done again, or be uncertain. Tries until
 * shortly before the claim ends, and leaves behind a try that hangs then. Each write is to be conditional on the claim's owner, so that a
 * second one changes nothing, nor does one that comes late.
 *
 * @throws what the last try did; an error that does not pass by itself at once
 */
export async function persistently<Result>(
  write: () => Promise<Result>,
  { leaseUntilMs, now, random = Math.random }: Persistence,
): Promise<Result> {
  const untilMs = leaseUntilMs - LAST_TRY_MARGIN_MS;
  // A process that slept past its claim has nobody to answer any more: its end counts if nobody else's does.
  if (now() >= untilMs) return within(write(), LATE_TRY_MS);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await within(write(), Math.max(1, untilMs - now()));
    } catch (error) {
      if (!passes(error) || now() + pauseMs > untilMs) throw error;
    }
    await new Promise((resume) => setTimeout(resume, pauseMs * (0.5 + random() / 2)));
  }
}

/** @throws Error when the time is over first */
async function within<Result>(work: Promise<Result>, ms: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error('The write was not answered before the claim ended.')), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
