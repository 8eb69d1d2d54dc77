/**
 * `npm run simulate -- --jobs N --seed S`: the real consumer, Powertools and SDK clients in simulated worlds, all faults on. The
 * same seed gives the same trace hash. `--world W` runs one world by its own seed. See docs/simulation.md.
 */
import { parseArgs } from 'node:util';
import { FAULTS } from './faults.ts';
import { runShards } from './shards.ts';
import { JOBS_A_WORLD, type WorldReport } from './worlds.ts';

const PROGRESS_MS = 10_000;
/** Of so many jobs each kind of fault befalls some. */
const JOBS_FOR_ALL_FAULTS = 20_000;
const SHRINK_FOR_MS = 120_000;

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    world: { type: 'string' },
    processes: { type: 'string', default: '2' },
  },
});
const jobs = whole('jobs', values.jobs);
const seed = whole('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)));
const world = values.world === undefined ? undefined : whole('world', values.world);
const processes = world === undefined ? Math.max(1, whole('processes', values.processes)) : 1;

console.log(
  world === undefined
    ? `${jobs} jobs, seed ${seed}, worlds of ${JOBS_A_WORLD}, ${processes} processes`
    : `${jobs} jobs, the world of seed ${world}`,
);
const beganMs = performance.now();
let done = 0;
let shownMs = beganMs;
const { reports, hash, ok } = await runShards(
  {
    seed,
    jobs,
    jobsAWorld: JOBS_A_WORLD,
    density: 1,
    shrinkForMs: SHRINK_FOR_MS,
    ...(world === undefined ? {} : { world }),
  },
  { processes, onReport: progress },
);
const seconds = (performance.now() - beganMs) / 1000;
const broken = reports.filter(({ violation }) => violation !== undefined);
for (const { place, violation } of broken)
  console.log(
    `\nVIOLATION in the world of seed ${place.seed} (again: npm run simulate -- --jobs ${place.jobs} --world ${place.seed})\n\n${violation?.story}`,
  );
console.log(`\n${done} jobs in ${seconds.toFixed(1)} s: ${Math.round(done / seconds)} jobs/s`);
table('outcomes', sum(reports.map(({ outcomes }) => outcomes)));
const struck = { ...zeros(), ...sum(reports.map(({ struck }) => struck)) };
table('faults', struck);
console.log(`\ntrace hash ${hash}`);
const unstruck = Object.entries(struck).flatMap(([kind, times]) => (times === 0 ? [kind] : []));
const missed = done >= JOBS_FOR_ALL_FAULTS && unstruck.length > 0;
if (missed)
  console.log(`\nNOTHING SHOWN of ${unstruck.join(', ')}: of so many jobs none was befallen by it.`);
if (!ok || missed) process.exitCode = 1;

function progress({ place }: WorldReport): void {
  done += place.jobs;
  if (performance.now() - shownMs < PROGRESS_MS) return;
  shownMs = performance.now();
  console.error(`${done} jobs, ${Math.round((1000 * done) / (shownMs - beganMs))} jobs/s`);
}

function whole(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  console.error(`--${name} is "${text}"; give a whole number.`);
  process.exit(2);
}

function zeros(): Record<string, number> {
  return Object.fromEntries(Object.keys(FAULTS).map((kind) => [kind, 0]));
}

function sum(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const count of counts)
    for (const [name, value] of Object.entries(count)) total[name] = (total[name] ?? 0) + value;
  return total;
}

function table(title: string, counts: Readonly<Record<string, number>>): void {
  console.log(`\n${title}`);
  for (const [name, count] of Object.entries(counts)) console.log(`  ${String(count).padStart(9)}  ${name}`);
}
