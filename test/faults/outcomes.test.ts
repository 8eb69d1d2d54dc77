import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { JobRecord } from '../../shared/jobs/record.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { expectDocumented, table } from './document.ts';
import { OUTCOMES } from './outcomes.ts';
import { Stage } from './stage.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

const rows = new Map<string, readonly string[]>();

describe('a person who looks sees, when a handler', () => {
  it.each(OUTCOMES.map((one, index) => ({ ...one, index })))(
    '$what',
    async ({ what, patient, act, follows, test, index }) => {
      const stage = new Stage(lab, `outcome-${index}`, patient);
      await act(stage);
      const message = stage.message();
      const record = await stage.record();
      let [lines, metrics] = [stage.lines(), stage.metrics()];
      // Exactly what is made visible at once is what SQS is to move.
      const dead = await stage.untilDead(async () => {});
      expect(dead).toBe(message === 'visible at once' ? 1 : 0);
      // Its way there belongs to it; what was undecided goes another way by now.
      if (dead > 0) [lines, metrics] = [stage.lines(), stage.metrics()];
      expect(metrics).not.toEqual([]);
      rows.set(what, [
        what,
        dead > 0 ? 'visible at once, until SQS moves it to the dead-letter queue' : message,
        lines.join('<br>') || 'none',
        metrics.join(', '),
        shown(record),
        follows,
        `${test[0]}: “${test[1]}”`,
      ]);
    },
  );

  it('as docs/failures.md says', () => {
    expect(rows.size).toBe(OUTCOMES.length);
    expectDocumented(
      'outcomes',
      table(
        ['the handler …', 'message', 'log line', 'metrics', 'record', 'what follows', 'test'],
        [...rows.values()],
      ),
    );
  });
});

describe('docs/failures.md', () => {
  it.each(OUTCOMES)('names a test that is there, for a handler that $what', ({ test: [file, title] }) => {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    expect(readFileSync(path, 'utf8')).toContain(`'${title}'`);
  });
});

/** The record as a person reads it. */
function shown(record: JobRecord | undefined): string {
  if (!record) return 'none';
  const { state, attempts, verdict, history = [] } = record;
  const last = history.at(-1);
  const code = verdict?.code ?? (state === 'completed' ? undefined : last?.code);
  return [state, code && `\`${code}\``, `attempts ${attempts}`].filter((part) => part).join(', ');
}
