import { expect } from 'vitest';
import { explain } from '../../../shared/client/dead-letters.ts';
import { deadLetterQueueName, EXECUTION_ENDS } from '../../../shared/jobs/names.ts';
import { type JobRecord, jobPartitionKey, stepSortKey } from '../../../shared/jobs/record.ts';
import { attemptsOf } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import type { Lab } from '../../lab/lab.ts';
import { staged } from '../../lab/probe/staged/contract.ts';
import type { StagedRow } from './row.ts';
import { STRUCK, type StagedTrial } from './staged-trial.ts';

const ENDS: ReadonlySet<string> = new Set(['completed', 'dead', 'cancelled']);
const TIMES = ['never', 'once', 'twice'];

/** Job's end, runs of its stages, effects, dead letters: what became of a staged job once all is quiet. Holds the invariants on the way. */
export async function judged(
  trial: StagedTrial,
  { letters: lettersBeside = 0, lostEnds = 0, holds }: StagedRow,
): Promise<string[]> {
  const { lab, key, queueArn } = trial;
  const record = await lab.record(staged, key);
  const codes = await letterCodes(lab, key);
  const [runs, effects] = await Promise.all([trial.runs(), trial.effects()]);

  // I1, I5: it has ended, nothing carries it any more, and a dead one lies where it can be redriven from.
  expect(ENDS, `${key} is ${record?.state}`).toContain(record?.state);
  expect(lab.cloud.sqs.counts(queueArn)).toMatchObject({ visible: 0, notVisible: 0, delayed: 0 });
  expect(trial.running()).toEqual([]);
  const lost = lab.cloud.sqs.counts(lab.cloud.sqs.arnOf(deadLetterQueueName(STAGE, EXECUTION_ENDS)));
  expect(lost.visible, 'ends that nobody could record').toBe(lostEnds);
  if (record?.state === 'dead') expect(codes.length, 'dead letters').toBeGreaterThan(0);
  else expect(codes.length, 'dead letters of a job that is not dead').toBeLessThanOrEqual(lettersBeside);
  // I2: no effect twice, and nothing is completed that was not done.
  expect(effects, 'effects').toBeLessThanOrEqual(1);
  if (record?.state === 'completed') {
    expect(effects).toBe(1);
    expect([...runs.values()]).not.toContain(0);
    expect(record.result).toBe('{"said":"2: HELLO WORLD"}');
  }
  if (record) holdsHistory(record);
  await holds?.(trial);
  const steps = await lab.lookup.steps({ pk: jobPartitionKey(staged.type, key) });
  const struck = steps.find(({ sk }) => sk === stepSortKey(`stage/${STRUCK}`));
  return [outcome(record, struck?.failure?.code), told(runs), String(effects), String(codes.length)];
}

/** I3, I4: each attempt to start it but the last one is explained, and there are no more than the schedule has. */
function holdsHistory({ attempts, history = [], life, executionArn }: JobRecord): void {
  const explained = new Set(history.filter((failed) => failed.life === life).map(({ attempt }) => attempt));
  expect(attempts).toBeLessThanOrEqual(attemptsOf(staged.schedule));
  expect(explained.size, 'explained attempts').toBeGreaterThanOrEqual(attempts - (executionArn ? 1 : 0));
}

/** @param code what its stage says of itself */
function outcome(record: JobRecord | undefined, code: string | undefined): string {
  if (!record) return 'no record';
  const { state, verdict, life, attempts } = record;
  return [
    state === 'dead'
      ? `dead-lettered as ${verdict?.code}${verdict?.code === 'STAGE_FAILED' ? ` (${code})` : ''}`
      : state,
    life > 1 ? `life ${life}` : '',
    attempts > 1 ? `started in attempt ${attempts}` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** What most stages did, and those that did not. */
function told(runs: ReadonlyMap<string, number>): string {
  const often = (times: number) => TIMES[times] ?? `${times} times`;
  const counts = [...runs.values()];
  if (counts.every((count) => count === 0)) return 'none ran';
  const others = [...runs]
    .filter(([, count]) => count !== 1)
    .map(([name, count]) => `${name} ${often(count)}`);
  return ['each once', ...others].join(', ');
}

async function letterCodes(lab: Lab, key: string): Promise<string[]> {
  const { sqs } = lab.cloud;
  const letters = await sqs.receive(sqs.arnOf(deadLetterQueueName(STAGE, staged.type)), {
    maxMessages: 1000,
    visibilityTimeoutSeconds: 0,
  });
  const ours = letters.filter(({ body }) => body.includes(`"${key}"`));
  const explained = await Promise.all(
    ours.map(({ messageId: MessageId, body: Body }) => explain(staged, { MessageId, Body }, lab.lookup)),
  );
  return explained.map(({ reason }) => reason.code);
}

/** Takes away what lies dead, and the ends that could not be recorded. */
export async function bury({ lab }: StagedTrial): Promise<void> {
  const { sqs } = lab.cloud;
  for (const name of [staged.type, EXECUTION_ENDS]) {
    const queueArn = sqs.arnOf(deadLetterQueueName(STAGE, name));
    const messages = await sqs.receive(queueArn, { maxMessages: 1000, visibilityTimeoutSeconds: 0 });
    sqs.deleteMessages(
      queueArn,
      messages.map(({ receiptHandle }) => receiptHandle),
    );
  }
}
