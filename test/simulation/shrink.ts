import type { Scenario } from './scenario.ts';
import { type Violation, World, type WorldResult } from './world.ts';

export interface Shrunk {
  readonly scenario: Scenario;
  /** Of the shrunk scenario, with its trace. */
  readonly result: WorldResult;
}

/**
 * Takes jobs and faults away from a scenario as long as it breaks the same rule (delta debugging, Zeller and Hildebrandt 2002:
 * https://www.st.cs.uni-saarland.de/papers/tse2002/), so that what is left is what it takes.
 *
 * @param untilMs real time after which it is left as it is
 */
export async function shrink(
  scenario: Scenario,
  { rule, detail }: Violation,
  untilMs: number,
): Promise<Shrunk> {
  let best = scenario;
  const breaks = async (candidate: Scenario): Promise<boolean> => {
    const { violation } = await World.run(candidate);
    if (violation?.rule !== rule) return false;
    best = candidate;
    return true;
  };
  // Most often it takes the one job that the violation names.
  if (performance.now() < untilMs)
    await breaks(
      withJobs(
        best,
        best.jobs.filter(({ key }) => detail.includes(key)),
      ),
    );
  for (;;) {
    const before = best;
    await minimize(best.jobs, (jobs) => breaks(withJobs(best, jobs)), untilMs);
    await minimize(best.faults, (faults) => breaks({ ...best, faults }), untilMs);
    if (best === before || performance.now() >= untilMs) break;
  }
  return { scenario: best, result: await World.run(best, { keepTrace: true }) };
}

function withJobs({ seed, jobs: all, faults }: Scenario, jobs: Scenario['jobs']): Scenario {
  const gone = new Set(all.filter((job) => !jobs.includes(job)).map(({ key }) => key));
  return { seed, jobs, faults: faults.filter(({ job }) => job === undefined || !gone.has(job)) };
}

async function minimize<Item>(
  all: readonly Item[],
  breaks: (items: readonly Item[]) => Promise<boolean>,
  untilMs: number,
): Promise<void> {
  let items = all;
  for (let parts = 2; items.length > 0 && performance.now() < untilMs; ) {
    const size = Math.ceil(items.length / parts);
    let cut: readonly Item[] | undefined;
    for (let at = 0; at < items.length && !cut && performance.now() < untilMs; at += size) {
      const rest = [...items.slice(0, at), ...items.slice(at + size)];
      if (await breaks(rest)) cut = rest;
    }
    if (cut) {
      items = cut;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) return;
    else parts = Math.min(items.length, 2 * parts);
  }
}
