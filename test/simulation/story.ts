import { describeFault } from './faults.ts';
import type { Scenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import type { Violation } from './world.ts';

const MOST_LINES = 120;

/** A violation with the least that leads to it, as a person reads it. */
export async function story(scenario: Scenario, violation: Violation, shrinkForMs: number): Promise<string> {
  const { scenario: least, result } = await shrink(scenario, violation, performance.now() + shrinkForMs);
  const shown = result.trace.slice(-MOST_LINES);
  return [
    `broken: ${violation.rule}`,
    `        ${violation.detail}`,
    '',
    `It takes ${least.jobs.length} of ${scenario.jobs.length} jobs and ${least.faults.length} of ${scenario.faults.length} faults:`,
    ...least.jobs.map(
      ({ key, atMs, expiresAfterMs }) =>
        `  ${key}, published at ${atMs / 1000} s${expiresAfterMs === undefined ? '' : `, expires after ${expiresAfterMs / 1000} s`}`,
    ),
    ...least.faults.map((fault) => `  ${describeFault(fault)}`),
    '',
    `The shortest trace${shown.length < result.trace.length ? `, its last ${MOST_LINES} of ${result.trace.length} lines` : ''} (seconds since the world began):`,
    ...shown.map((line) => `  ${line}`),
  ].join('\n');
}
