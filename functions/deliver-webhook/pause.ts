/** How long an endpoint is left alone after each of its failures. */

const FIRST_SECONDS = 15;
const LONGEST_SECONDS = 3600;

/** Longer than an attempt may run: whoever tries the endpoint after a pause has told by then, or is dead. */
export const PROBE_SECONDS = 45;
const SPREAD = 0.1;
const LEAST_SPREAD_SECONDS = 5;
const MOST_SPREAD_SECONDS = 60;

/**
 * 15 s after the first failure, twice as long after each further one, at most an hour; times a random factor from 0.5 to 1.
 *
 * @param failures one after the other, from 1 on
 * @param atLeastSeconds what the endpoint asked for
 * @param random a number in [0, 1)
 */
export function pauseSeconds(failures: number, atLeastSeconds: number, random: number): number {
  const nominal = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** Math.min(failures - 1, 20));
  return Math.ceil(Math.max(nominal * (0.5 + random / 2), atLeastSeconds));
}

/**
 * How long a delivery waits that finds its endpoint paused: to the pause's end, and a tenth of it longer, 5 s to a minute, by chance: of those that
 * wait, not all are to come at once.
 */
export function waitSeconds(pausedForSeconds: number, random: number): number {
  const spread = Math.min(MOST_SPREAD_SECONDS, Math.max(LEAST_SPREAD_SECONDS, pausedForSeconds * SPREAD));
  return Math.ceil(Math.max(0, pausedForSeconds) + spread * random);
}
