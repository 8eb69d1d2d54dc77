import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObservedCall } from '../../../local/faults/index.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { type ReportInput, ReportLab } from './report-lab.ts';

let reports: ReportLab;
let whole: Map<string, string>;
beforeAll(async () => {
  reports = await ReportLab.start();
  const undisturbed = reports.report();
  await reports.run(undisturbed);
  whole = await filesOf(reports, undisturbed);
});
afterAll(() => reports.stop());

/** The report's files by path, each as text that tells any two apart; its own id is left out of them. */
async function filesOf(lab: ReportLab, report: ReportInput): Promise<Map<string, string>> {
  const files = await lab.files(report);
  return new Map(
    [...files].map(([path, bytes]) => {
      const text = Buffer.from(bytes).toString('latin1');
      return [path, path === 'manifest.json' ? text.replaceAll(report.reportId, 'ID') : text];
    }),
  );
}

async function holdsOneReport(lab: ReportLab, report: ReportInput): Promise<void> {
  expect(await lab.record(report)).toMatchObject({ state: 'completed' });
  expect(await filesOf(lab, report)).toEqual(whole);
  expect(lab.mails(report)).toHaveLength(1);
  expect(await lab.row(report)).toMatchObject({ state: 'ready', files: whole.size });
}

/** What each stage does that others can see, by the call that does it. */
const EFFECTS = {
  'process-asset': ({ operation }: ObservedCall) => /^PUT .*\/report-data\/\w+\.jpg/.test(operation),
  generate: ({ operation }: ObservedCall) => /^PUT .*\/report-data\/\w+\.pdf/.test(operation),
  upload: ({ operation }: ObservedCall) => /^PUT .*\/pictures\/0003-.*-small\.jpg/.test(operation),
  notify: ({ operation }: ObservedCall) => operation === 'SendMessageBatch',
  record: (call: ObservedCall) =>
    call.operation === 'PutItem' && JSON.stringify(call.input()).includes('-reports"'),
} as const;
type StageName = keyof typeof EFFECTS;

const isRecorded = (call: ObservedCall): boolean =>
  call.operation === 'UpdateItem' && JSON.stringify(call.input()).includes('"done"');

const MOMENTS: readonly (readonly [string, (stage: StageName) => (call: ObservedCall) => boolean])[] = [
  [
    'begins',
    () =>
      ({ moment }) =>
        moment === 'before',
  ],
  ['has had its effect', (stage) => (call) => call.moment === 'after' && EFFECTS[stage](call)],
  ['has recorded its end and not answered', () => (call) => call.moment === 'after' && isRecorded(call)],
];

const POINTS = (Object.keys(EFFECTS) as StageName[]).flatMap((stage) =>
  MOMENTS.map(([when, point]) => ({ stage, when, at: point(stage) })),
);

describe('a report has the same files, one e-mail and one row,', () => {
  it.each(POINTS)('when the process of $stage is killed as it $when', async ({ stage, at }) => {
    let killed = 0;
    const lift = reports.lab.cloud.faults.add((call) => {
      if (killed > 0 || call.functionName !== reports.functionOf(stage) || !at(call)) return undefined;
      killed++;
      return 'kill';
    });
    const report = reports.report();
    await reports.run(report);
    lift();
    expect(killed).toBe(1);
    await holdsOneReport(reports, report);
  });

  it('when every process is killed between its stages', async () => {
    let stage = '';
    const lift = reports.lab.cloud.faults.add(({ functionName, moment }) => {
      const isNext = moment === 'before' && functionName !== stage && functionName.startsWith('hj-');
      if (!isNext) return undefined;
      if (stage !== '') void reports.lab.cloud.faults.kill(stage);
      stage = functionName;
      return undefined;
    });
    const report = reports.report();
    await reports.run(report);
    lift();
    expect(stage).toBe(reports.functionOf('record'));
    await holdsOneReport(reports, report);
  });
});

describe('a report goes on', () => {
  it.each(['generate', 'notify'] as const)(
    'where it was when the whole cloud ends as %s begins, and starts again',
    async (stage) => {
      const dataDirectory = mkdtempSync(join(tmpdir(), 'honest-jobs-report-'));
      try {
        const before = await ReportLab.start({ dataDirectory });
        const report = before.report();
        let began = false;
        before.lab.cloud.faults.add(({ functionName, moment }) => {
          if (functionName !== before.functionOf(stage) || moment !== 'before') return undefined;
          began = true;
          return 'kill';
        });
        await before.lab.publish(JOBS.generateReport, report);
        await before.lab.until(async () => began);
        await before.stop();

        const after = await ReportLab.reopen({ dataDirectory, startMs: before.lab.cloud.clock.now() });
        await after.lab.drain();
        await holdsOneReport(after, report);
        await after.stop();
      } finally {
        rmSync(dataDirectory, { recursive: true, force: true });
      }
    },
  );
});
