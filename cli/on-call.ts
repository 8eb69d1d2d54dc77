import { JobLookup } from '../shared/client/job-lookup.ts';
import { deadLetterQueueOf, startRedrive } from '../shared/client/redrive.ts';
import { findResumptions, resume } from '../shared/client/resume.ts';
import { stateMachineArn } from '../shared/client/target.ts';
import type { Session } from './session.ts';

type Reach = Pick<Session, 'cloud' | 'sqs' | 'sfn' | 'dynamo' | 'objects' | 'stage'>;

/**
 * Lets all jobs of a staged type go on whose executions have failed since then, as `npx honest-jobs stages resume TYPE --since` does.
 *
 * @returns their names, `<type>#<key>`
 */
export async function resumeFailed(type: string, sinceMs: number, session: Reach): Promise<string[]> {
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
export async function redriveLetters(type: string, { sqs, stage }: Reach): Promise<void> {
  await startRedrive(await deadLetterQueueOf(type, { sqs, stage }), sqs);
}
