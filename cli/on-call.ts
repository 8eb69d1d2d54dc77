import { LASTING_UPLOAD_WEATHER } from '../samples/weather.ts';
import { JobLookup } from '../shared/client/job-lookup.ts';
import { deadLetterQueueOf, startRedrive } from '../shared/client/redrive.ts';
import { findResumptions, resume } from '../shared/client/resume.ts';
import { stateMachineArn } from '../shared/client/target.ts';
import { JOBS } from '../shared/jobs/registry.ts';
import type { Session } from './session.ts';
import type { Timetable } from './weather/timetable.ts';

type Reach = Pick<Session, 'cloud' | 'sqs' | 'sfn' | 'dynamo' | 'objects' | 'stage'>;

/**
 * The shift of a person on call on the sample day: mends why S3 refuses a report's PDF, resumes what failed of that, and redrives its letters.
 *
 * @returns when the shift is over; never rejects, and never resolves where the timetable ends before it
 */
export async function takeShift(session: Session, timetable: Timetable, mend: () => void): Promise<void> {
  const { type } = JOBS.generateReport;
  const { mendedAfterSeconds, mendedText, clearedAfterSeconds } = LASTING_UPLOAD_WEATHER;
  const { tell } = timetable;
  const sinceMs = session.cloud.clock.now();
  const mended = timetable.workAt(mendedAfterSeconds, async () => {
    mend();
    tell(mendedText);
    const resumed = await resumeFailed(type, sinceMs, session);
    tell(
      `resumed where it failed, as by "npx honest-jobs stages resume ${type} --since 1h": ${resumed.join(', ') || 'nothing'}`,
    );
  });
  const cleared = timetable.workAt(clearedAfterSeconds, async () => {
    await redriveLetters(type, session);
    tell(`the letters of ${type} are redriven, so that they go away: what has completed is not run again`);
  });
  await Promise.all([mended, cleared]);
}

/**
 * Lets all jobs of a staged type go on whose executions have failed since then, as `npx honest-jobs stages resume TYPE --since` does.
 *
 * @returns their names, `<type>#<key>`
 */
async function resumeFailed(type: string, sinceMs: number, session: Reach): Promise<string[]> {
  const { cloud, sqs, sfn, dynamo, objects, stage } = session;
  const lookup = new JobLookup(dynamo, stage);
  const machine = await stateMachineArn(dynamo, stage, type);
  const window = { fromMs: sinceMs, toMs: Number.POSITIVE_INFINITY };
  const { resumptions } = await findResumptions(machine, window, {
    sfn,
    lookup,
    now: () => cloud.clock.now(),
  });
  for (const resumption of resumptions) await resume(resumption, { lookup, sqs, s3: async () => objects.s3 });
  return resumptions.map(({ record }) => record.pk);
}

/** Redrives all dead letters of a type, as `npx honest-jobs redrive TYPE` and the console do. */
async function redriveLetters(type: string, { sqs, stage }: Reach): Promise<void> {
  await startRedrive(await deadLetterQueueOf(type, { sqs, stage }), sqs);
}
