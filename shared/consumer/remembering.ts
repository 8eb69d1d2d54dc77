import type { JobRecord } from '../jobs/record.ts';
import type { Continuation } from './record-changes.ts';
import type { StepRecords } from './step-records.ts';

/** So much sooner than its job a step of one that waits may be forgotten; then all are written again. */
const MOST_BEHIND_MS = 43_200_000;
/** Of one that is given up on: whoever publishes it again, up to its record's last day, must not have them run again. */
const MOST_BEHIND_THE_DEAD_MS = 900_000;

/**
 * Lets a job's steps be remembered for as long as its record, where an attempt's end renews that one's days and the steps have fallen behind: the
 * waits between attempts may add up to more days than a step has.
 *
 * @param sinceMs what the record says of its steps
 * @returns what it is to say with that end
 */
export async function rememberedWith(
  next: Continuation,
  steps: StepRecords,
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): Promise<Pick<JobRecord, 'stepsRememberedMs'>> {
  if ('ended' in next) return {};
  const dead = 'verdict' in next;
  const untilMs = dead ? nowMs : Math.max(nowMs, next.notBeforeMs);
  if (untilMs - sinceMs <= (dead ? MOST_BEHIND_THE_DEAD_MS : MOST_BEHIND_MS)) return {};
  await steps.rememberAll(untilMs);
  return { stepsRememberedMs: untilMs };
}
