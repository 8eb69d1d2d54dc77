import type { Evidence } from './evidence.ts';
import type { Promised } from './promises.ts';
import type { ResumedJob } from './stage-runs.ts';

/** A resumed job goes on at the stage that failed. */
export function noFinishedStageRanAgain({ resumed }: Evidence): Promised {
  const finished = resumed.flatMap(finishedStages);
  return {
    promise: 'No stage that had finished was run again when its job was resumed',
    checked: `${resumed.length} resumed, ${finished.length} stages had finished`,
    broken: finished
      .filter(({ after }) => after > 0)
      .map(
        ({ pk, name, after }) =>
          `stage ${name} of ${pk} had finished, and was run again ${after === 1 ? 'once' : `${after} times`}`,
      ),
  };
}

/** For the sample day, one of whose reports cannot succeed until somebody mends what it needs. */
export function lastingFailureWasResumed({ resumed, records }: Evidence): Promised {
  return {
    promise: 'A report failed for good, was resumed once that was mended, and completed',
    checked: `${resumed.length} resumed`,
    broken:
      resumed.length === 0
        ? ['no job was resumed']
        : resumed
            .filter(({ pk }) => records.get(pk)?.state !== 'completed')
            .map(({ pk }) => `${pk} was resumed and is ${records.get(pk)?.state}`),
  };
}

/** Those that others had followed by then: the last one that ran is the one that failed. */
function finishedStages({ pk, stages }: ResumedJob) {
  const failed = stages.findLastIndex((element) => element.some(({ before }) => before > 0));
  return stages
    .slice(0, Math.max(failed, 0))
    .flat()
    .map((runs) => ({ pk, ...runs }));
}
