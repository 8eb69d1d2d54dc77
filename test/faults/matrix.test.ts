import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOBS } from '../../shared/jobs/registry.ts';
import { expectDocumented, table } from './document.ts';
import { bury, judged } from './judgement.ts';
import type { Lift } from './lift.ts';
import { DELIVERIES } from './rows/deliveries.ts';
import { PEOPLE } from './rows/people.ts';
import { PROCESSES } from './rows/processes.ts';
import type { Row } from './rows/row.ts';
import { SERVICES, SLOW } from './rows/services.ts';
import type { Trial } from './trial.ts';
import { TRIED, trialsOf } from './trials.ts';
import { World } from './world.ts';

type Cells = Map<string, string>;
/** Row → job type → what became of it. */
const seen = new Map<string, Cells>();

const LEADS_TO_OTHERS: ReadonlySet<string> = new Set([JOBS.placeOrder.type, JOBS.fanOutEvent.type]);

/** A fault of every job type's own job: to its end, and judged. */
async function run(world: World, row: Row): Promise<void> {
  const trials = trialsOf(world);
  // An order makes an e-mail too, and an event deliveries: apart from the others, no fault of theirs befalls these.
  for (const leads of [false, true])
    await runTogether(
      world,
      row,
      trials.filter(({ job }) => LEADS_TO_OTHERS.has(job.type) === leads),
    );
}

async function runTogether(world: World, row: Row, trials: readonly Trial[]): Promise<void> {
  const befallen: { readonly trial: Trial; readonly lift: Lift }[] = [];
  for (const trial of trials) {
    await trial.prepare();
    const lift = await row.begin(trial);
    if ('immune' in lift) note(row.what, trial, lift.immune);
    else befallen.push({ trial, lift });
  }
  if (row.lastsSeconds === undefined) await world.lab.drain();
  else await world.lab.advance(row.lastsSeconds);
  for (const { lift } of befallen) lift();
  // A mapping that was disabled takes its time.
  await world.lab.advance(10);
  await world.lab.drain();
  const judge = async (what: string) => {
    for (const { trial, lift } of befallen) {
      expect(lift.struck(), `strikes at ${trial.job.type}`).toBeGreaterThan(0);
      note(what, trial, await judged(trial, row));
    }
  };
  const { what = row.what, act } = row.later ?? {};
  if (!act || what !== row.what) await judge(row.what);
  if (act) {
    const struck = befallen.map(({ trial }) => trial);
    const lift = await act(world, struck);
    await world.lab.drain();
    lift?.();
    if (lift) expect(lift.struck(), `strikes of ${what}`).toBeGreaterThan(0);
    await judge(what);
  }
  for (const { trial } of befallen) await bury(trial);
}

function note(what: string, { job }: Trial, cell: string): void {
  const cells = seen.get(what) ?? new Map<string, string>();
  seen.set(what, cells.set(job.type, cell));
}

const ROWS = [...DELIVERIES, ...PEOPLE, ...PROCESSES, ...SERVICES];

describe('every job has a known end, and one effect at most', () => {
  let world: World;
  let slowly: Promise<void>;
  let slowWorld: World;
  beforeAll(async () => {
    [world, slowWorld] = await Promise.all([World.start(), World.start()]);
    // What waits for real time-outs does so beside the rest.
    slowly = (async () => {
      for (const row of SLOW) await run(slowWorld, row);
    })();
    slowly.catch(() => {});
  });
  afterAll(async () => {
    await Promise.all([world?.stop(), slowWorld?.stop()]);
  });

  // The processor may be busy with other tests.
  const timeout = 180_000;

  it.each(ROWS)('although $what', { timeout }, async (row) => {
    await run(world, row);
  });

  it('although nothing answers, or weeks pass', { timeout }, async () => {
    await slowly;
    for (const { what } of SLOW)
      expect([...(seen.get(what)?.keys() ?? [])].sort()).toEqual([...TRIED].sort());
  });

  it('as docs/failures.md says', () => {
    const names = [...ROWS, ...SLOW].flatMap(({ what, later }) =>
      later?.what ? [what, later.what] : [what],
    );
    expect(new Set(names).size).toBe(names.length);
    const lines = names.map((what) => [what, ...TRIED.map((type) => seen.get(what)?.get(type) ?? '')]);
    expect(lines.flat()).not.toContain('');
    expectDocumented('matrix', table(['although …', ...TRIED], lines));
  });
});
