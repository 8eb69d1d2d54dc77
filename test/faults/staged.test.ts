import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { expectDocumented, table } from './document.ts';
import { CALL_ROWS } from './staged/call-rows.ts';
import { ENDS } from './staged/end-rows.ts';
import { bury, judged } from './staged/judgement.ts';
import { STAGED_PEOPLE } from './staged/people-rows.ts';
import { nothing } from './staged/row.ts';
import { StagedTrial } from './staged/staged-trial.ts';
import { WORKERS } from './staged/worker-rows.ts';

const ROWS = [...WORKERS, ...CALL_ROWS, ...ENDS, ...STAGED_PEOPLE];
/** Row → its cells. */
const seen = new Map<string, readonly string[]>();
/** Those of which only their cells show that there was a fault. */
const quiet = new Set<string>();

describe('a staged job has a known end, and one effect at most', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.start({ assembly: inject('stagedAssembly'), stage: STAGE });
  });
  afterAll(() => lab?.stop());

  // The processor may be busy with other tests.
  it.each(ROWS)('although $what', { timeout: 180_000 }, async (row) => {
    const trial = new StagedTrial(lab);
    try {
      const lift = await row.begin(trial);
      if (row.lastsSeconds === undefined) await lab.drain();
      else await lab.advance(row.lastsSeconds);
      lift();
      await lab.drain();
      const liftLater = await row.later?.(trial);
      await lab.drain();
      liftLater?.();
      for (const one of [lift, liftLater]) if (one) expect(one.struck(), 'strikes').toBeGreaterThan(0);
      if (lift === nothing && (liftLater ?? nothing) === nothing) quiet.add(row.what);
      seen.set(row.what, await judged(trial, row));
    } finally {
      await trial.end();
      await bury(trial);
    }
  });

  it('as docs/failures.md says', () => {
    expect(new Set(ROWS.map(({ what }) => what)).size).toBe(ROWS.length);
    const lines = ROWS.map(({ what }) => [what, ...(seen.get(what) ?? ['no end'])]);
    expect(lines.flat()).not.toContain('no end');
    const [, ...usual] = lines[0] ?? [];
    for (const [what = '', ...cells] of lines.slice(1))
      if (quiet.has(what)) expect(cells, what).not.toEqual(usual);
    expectDocumented(
      'staged',
      table(['although …', 'end', 'runs of its stages', 'effects', 'dead letters'], lines),
    );
  });
});
