import { type NoRecord, status } from '../../shared/client/status.ts';
import { JOB_TYPES, jobByType } from '../../shared/jobs/registry.ts';
import { storyOf } from '../story.ts';
import { shown } from '../terminal.ts';
import { type Command, refuseUnknownType, typeAndKey } from './command.ts';

export const statusCommand: Command = {
  takes: 'ID or TYPE#KEY',
  count: 1,
  options: ['all'],
  async run({ stage, lookup, sqs, sfn, now, terminal, all }, [subject = '']) {
    const { reports, noRecord } = await status(typeAndKey(subject) ?? { jobId: subject }, {
      lookup,
      sqs,
      stage,
      types: JOB_TYPES,
      now,
      contractOf: jobByType,
      sfn,
    });
    for (const report of reports) terminal.print(storyOf(report, { stage, nowMs: now(), all }));
    if (!noRecord) return 0;
    if (!noRecord.duplicateOfForgotten) refuseUnknownType(subject);
    terminal.print(absenceOf(subject, stage, noRecord));
    return 1;
  },
};

function absenceOf(
  subject: string,
  stage: string,
  { state, onQueues, deadLetters, duplicateOfForgotten }: NoRecord,
): string {
  const which = typeAndKey(subject) ? 'its queue' : `the queues of all ${JOB_TYPES.length} job types`;
  if (duplicateOfForgotten)
    return `"${shown(subject)}" was a duplicate of a job of stage "${stage}" whose record is older than records are kept.`;
  const begin = `Stage "${stage}" has no record of "${shown(subject)}": no attempt of it has begun.`;
  if (state === 'unknown')
    return `${begin} Nothing lies on ${which}, nor dead. So it was never accepted here, was deleted by hand, or is older than the records; or SQS, which counts within a minute, has yet to count it.`;
  return `${begin} It may be one of ${onQueues} messages that lie on ${which}, or one of ${deadLetters} dead letters (npx honest-jobs dead TYPE), or unknown here: SQS finds no message by its id or key, so more cannot be told until its first attempt.`;
}
