import { expect } from 'vitest';
import { explain } from '../../shared/client/dead-letters.ts';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { deadLetterQueueName } from '../../shared/jobs/names.ts';
import type { JobRecord } from '../../shared/jobs/record.ts';
import { STAGE } from '../lab/global-setup.ts';
import type { Trial } from './trial.ts';
import type { World } from './world.ts';

/** Ends that nothing follows by itself. */
const ENDS: ReadonlySet<string> = new Set(['completed', 'dead', 'expired', 'cancelled']);

/**
 * What became of a job once all is quiet: its end, the attempts of its last life, and its effects as the world counts them.
 * Holds the invariants on the way, whatever has befallen the job.
 */
export async function judged(trial: Trial, { beyondWindow = false } = {}): Promise<string> {
  const { world, job, key } = trial;
  const record = await world.lab.record(job, key);
  const codes = await deadLetterCodes(trial);
  const effects = await trial.effects();
  const about = `${job.type} ${key}`;

  // I1: it has ended, is nowhere any more, and a dead one lies where it can be redriven from.
  expect(world.lab.cloud.sqs.counts(trial.queueArn), `${about} left messages`).toMatchObject({
    visible: 0,
    notVisible: 0,
    delayed: 0,
  });
  if (record) expect(ENDS, `${about} is ${record.state}`).toContain(record.state);
  if (!record || record.state === 'dead') expect(codes, `${about} is lost`).not.toEqual([]);
  // I2, and nothing is completed that was not done.
  for (const [effect, times] of Object.entries(effects))
    expect(times, `${effect} of ${about}`).toBeLessThanOrEqual(beyondWindow ? 2 : 1);
  if (record?.state === 'completed') expect(Object.values(effects), `effects of ${about}`).not.toContain(0);
  if (record) holdsHistory(record, job.schedule.delaysSeconds.length + 1, about);

  const attempts = record?.attempts ?? 0;
  return [
    outcome(record, codes),
    record && record.life > 1 ? `life ${record.life}` : '',
    count(attempts, 'attempt'),
    ...Object.entries(effects).map(([effect, times]) => count(times, effect)),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** I3, I4: each attempt that did not end the job is explained, and there are no more than the schedule has. */
function holdsHistory(record: JobRecord, most: number, about: string): void {
  const failed = (record.history ?? []).filter(({ life }) => life === record.life);
  const explained = new Set(failed.map(({ attempt }) => attempt)).size;
  const unexplained = record.state === 'completed' ? 1 : 0;
  expect(record.attempts, `attempts of ${about}`).toBeLessThanOrEqual(most);
  expect(explained + unexplained, `explained attempts of ${about}`).toBe(record.attempts);
}

function outcome(record: JobRecord | undefined, codes: readonly string[]): string {
  const dead = codes.map((code) => `dead-lettered as ${code}`);
  if (!record || record.state === 'dead') return dead.join(' and ');
  return [record.state, ...dead].join('; another message ');
}

/** Why messages of the job lie in the dead-letter queue, read where they are. */
export async function deadLetterCodes({ world, job, key }: Trial): Promise<string[]> {
  const { messages } = await deadLetters(world, job);
  const letters = await Promise.all(
    messages
      .filter(({ body }) => body.includes(`"${key}"`))
      .map(({ messageId: MessageId, body: Body }) => explain(job, { MessageId, Body }, world.lab.lookup)),
  );
  return [...new Set(letters.map(({ reason }) => reason.code))].sort();
}

/** Takes away what lies dead, so that no later trial redrives it. */
export async function bury({ world, job }: Trial): Promise<void> {
  const { queueArn, messages } = await deadLetters(world, job);
  world.lab.cloud.sqs.deleteMessages(
    queueArn,
    messages.map(({ receiptHandle }) => receiptHandle),
  );
}

/** In process, where a look costs no long poll. */
async function deadLetters({ lab }: World, { type }: AnyJob) {
  const { sqs } = lab.cloud;
  const queueArn = sqs.arnOf(deadLetterQueueName(STAGE, type));
  const messages = await sqs.receive(queueArn, { maxMessages: 1000, visibilityTimeoutSeconds: 0 });
  return { queueArn, messages };
}

function count(times: number, what: string): string {
  return `${times} ${what}${times === 1 ? '' : 's'}`;
}
