import type { Catcher, Retrier, State } from './definition.ts';
import type { Frame } from './frames.ts';

const TIMEOUTS = ['States.Timeout', 'States.HeartbeatTimeout'];
/** What neither States.ALL nor States.TaskFailed stands for. */
const TERMINAL = ['States.DataLimitExceeded', 'States.Runtime'];

/** https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html */
function stands(name: string, error: string): boolean {
  if (name === error) return error !== 'States.Runtime';
  if (TERMINAL.includes(error)) return false;
  if (name === 'States.ALL') return true;
  if (name === 'States.Timeout') return TIMEOUTS.includes(error);
  return name === 'States.TaskFailed' && !TIMEOUTS.includes(error);
}

/**
 * Counts one more attempt of the first retrier that names the error.
 *
 * @returns ms until the state is tried again; `undefined` when it is not
 */
export function retryDelayMs(
  state: State,
  frame: Frame,
  error: string,
  random: () => number,
): number | undefined {
  const retriers = state.Retry ?? [];
  const index = retriers.findIndex(({ ErrorEquals }) => ErrorEquals.some((name) => stands(name, error)));
  const retrier = retriers[index];
  const attempts = frame.retries[index] ?? 0;
  if (!retrier || attempts >= (retrier.MaxAttempts ?? 3)) return undefined;
  frame.retries = retriers.map((_, at) => (frame.retries[at] ?? 0) + (at === index ? 1 : 0));
  // Whole, as all the times of an execution: what is due at a part of one would be found too early again and again.
  return Math.ceil(
    delaySeconds(retrier, attempts) * 1000 * (retrier.JitterStrategy === 'FULL' ? random() : 1),
  );
}

function delaySeconds(retrier: Retrier, attempts: number): number {
  const { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds = Number.POSITIVE_INFINITY } = retrier;
  return Math.min(IntervalSeconds * BackoffRate ** attempts, MaxDelaySeconds);
}

export function catcherOf({ Catch = [] }: State, error: string): Catcher | undefined {
  return Catch.find(({ ErrorEquals }) => ErrorEquals.some((name) => stands(name, error)));
}
