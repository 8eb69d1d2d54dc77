import { JOBS } from '../../../../shared/jobs/registry.ts';
import { type Breach, change, type Run, verdict } from '../well-run.ts';

const { generateReport } = JOBS;

/** Replaces how often a stage of the resumed report ran. */
function runs(run: Run, stage: string, counts: { before?: number; after?: number }): void {
  const [resumed] = run.resumed;
  if (!resumed) throw new Error('nothing was resumed');
  run.resumed.splice(0, 1, {
    ...resumed,
    stages: resumed.stages.map((element) =>
      element.map((one) => (one.name === stage ? { ...one, ...counts } : one)),
    ),
  });
}

export const BREACHES_OF_RESUMPTIONS: readonly Breach[] = [
  ...(
    [
      ['process-asset', 2, '2 times'],
      ['generate', 1, 'once'],
    ] as const
  ).map(([stage, after, times]) => ({
    promise: 'No stage that had finished was run again',
    when: `${stage} had, and was run again ${times}`,
    damage: (run: Run) => runs(run, stage, { after }),
    says: `stage ${stage} of generate-report#r1 had finished, and was run again ${times}`,
  })),
  {
    promise: 'No stage that had finished was run again',
    when: 'the one right before the stage that failed was',
    damage: (run) => {
      runs(run, 'notify', { before: 1 });
      runs(run, 'upload', { after: 1 });
    },
    says: 'stage upload of generate-report#r1 had finished, and was run again once',
  },
  {
    promise: 'A report failed for good, was resumed',
    when: 'nothing was',
    damage: (run) => run.resumed.pop(),
    says: 'no job was resumed',
  },
  {
    promise: 'A report failed for good, was resumed',
    when: 'it failed again',
    damage: (run) => change(run, generateReport, 'r1', { state: 'dead', verdict }),
    says: 'generate-report#r1 was resumed and is dead',
  },
];
