/** A process of the simulation: runs its share of a run's worlds, one after the other, and tells its parent of each. */
import { installVirtualTime } from './virtual-time.ts';
import type { ShardTask, WorldReport } from './worlds.ts';

// Before the consumer, the SDK and Powertools, which may keep what they find.
installVirtualTime();
// The recorder of executions' ends prints its own, and has no way to be given others.
process.env.POWERTOOLS_METRICS_DISABLED = 'true';
// Stacks cost a tenth of all the time, and nobody reads them.
Error.stackTraceLimit = 0;
const { drawScenario } = await import('./scenario.ts');
const { World } = await import('./world.ts');
const { worldsOf } = await import('./worlds.ts');
const { story } = await import('./story.ts');

const task = JSON.parse(process.argv[2] ?? '') as ShardTask;

process.on('unhandledRejection', (error) => {
  console.error(
    'A promise was rejected and nobody looked, which ends a Lambda process with all its jobs:',
    error,
  );
  process.exit(1);
});

const { seed, jobs, jobsAWorld, density, first, of, world, shrinkForMs } = task;
const places = world === undefined ? worldsOf(seed, jobs, jobsAWorld) : [{ index: 0, seed: world, jobs }];
for (const place of places) {
  if (place.index % of !== first) continue;
  const scenario = drawScenario(place.seed, place.jobs, density);
  const { hash, struck, outcomes, violation } = await World.run(scenario);
  await tell({
    place,
    hash,
    struck: Object.fromEntries(struck),
    outcomes: Object.fromEntries(outcomes),
    ...(violation
      ? { violation: { rule: violation.rule, story: await story(scenario, violation, shrinkForMs) } }
      : {}),
  } satisfies WorldReport);
  if (violation) {
    process.exitCode = 1;
    break;
  }
}
process.disconnect?.();

/** What is long is not gone when the process ends. */
function tell(report: WorldReport): Promise<void> {
  return new Promise((told, fail) => {
    if (process.send) process.send(report, (error: Error | null) => (error ? fail(error) : told()));
    else told();
  });
}
