/** A process of the simulation: runs its share of a run's worlds, one after the other, and tells its parent of each. */
import { installVirtualTime } from './virtual-time.ts';

// Before the consumer, the SDK and Powertools, which may keep what they find.
installVirtualTime();
// Stacks cost a tenth of all the time, and nobody reads them.
Error.stackTraceLimit = 0;
const { drawScenario } = await import('./scenario.ts');
const { World } = await import('./world.ts');
const { worldsOf } = await import('./worlds.ts');
const { story } = await import('./story.ts');

const [seed = 0, jobs = 0, first = 0, step = 1, only] = process.argv.slice(2).map(Number);

process.on('unhandledRejection', (error) => {
  console.error(
    'A promise was rejected and nobody looked, which ends a Lambda process with all its jobs:',
    error,
  );
  process.exit(1);
});

const places = only === undefined ? worldsOf(seed, jobs) : [{ index: 0, seed: only, jobs }];
for (const place of places) {
  if (place.index % step !== first) continue;
  const scenario = drawScenario(place.seed, place.jobs);
  const { hash, struck, outcomes, violation } = await World.run(scenario);
  process.send?.({
    place,
    hash,
    struck: Object.fromEntries(struck),
    outcomes: Object.fromEntries(outcomes),
    ...(violation ? { violation: await story(scenario, violation) } : {}),
  });
  if (violation) break;
}
process.disconnect?.();
