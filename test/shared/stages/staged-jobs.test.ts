import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type * as z from 'zod';
import { tableName } from '../../../shared/jobs/names.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { count, staged } from '../../lab/probe/staged/contract.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('stagedAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

type Acts = NonNullable<z.input<typeof staged.payload>['acts']>;
let made = 0;
const newKey = (): string => `staged-${++made}`;

/** How often a stage, or its run for an item, was run. */
async function runsOf(key: string, stage: string): Promise<number> {
  const { Item } = await lab.dynamo.send(
    new GetCommand({
      TableName: tableName(STAGE, 'stock'),
      Key: { sku: `stage:${key}:${stage}` },
      ConsistentRead: true,
    }),
  );
  return (Item?.available as number | undefined) ?? 0;
}

async function runs(key: string): Promise<Record<string, number>> {
  const names = ['collect', 'shout[0]', 'shout[1]', 'count', 'join', 'finish'];
  const counts = await Promise.all(names.map((name) => runsOf(key, name)));
  return Object.fromEntries(names.map((name, index) => [name, counts[index] ?? 0]));
}

async function publish(key: string, acts: Acts = {}): Promise<void> {
  await lab.publish(staged, { key, words: ['hello', 'world'], acts });
}

async function endOf(acts: Acts) {
  const key = newKey();
  await publish(key, acts);
  await lab.drain();
  return { key, record: await lab.record(staged, key), runs: await runs(key) };
}

const ONCE = { collect: 1, 'shout[0]': 1, 'shout[1]': 1, count: 1, join: 1, finish: 1 };

describe('a staged job', () => {
  it('runs its stages in order, for each item and side by side, and completes', async () => {
    const { record, runs } = await endOf({});
    expect(runs).toEqual(ONCE);
    expect(record).toMatchObject({
      state: 'completed',
      status: 'COMPLETED',
      life: 1,
      attempts: 1,
      result: '{"said":"2: HELLO WORLD"}',
    });
  });

  it('is started once for two messages', async () => {
    const key = newKey();
    await lab.publishTwice(staged, { key, words: ['hello', 'world'], acts: {} });
    await lab.drain();
    await publish(key);
    await lab.drain();
    expect(await runs(key)).toEqual(ONCE);
    expect(await lab.deadLetterOf(staged, key)).toBeUndefined();
  });

  it('says that it was started, until its execution has ended', async () => {
    const key = newKey();
    await publish(key, { collect: ['throw'] });
    await lab.settle();
    expect(await lab.record(staged, key)).toMatchObject({
      state: 'started',
      executionArn: expect.stringMatching(/:execution:honest-jobs-dev-staged:[0-9a-f]{40}-1$/),
    });
    await lab.drain();
    expect(await lab.record(staged, key)).toMatchObject({ state: 'completed' });
  });

  it('whose data is too large for an execution goes through the bucket by itself', async () => {
    const { record } = await endOf({ collect: ['large'] });
    expect(record).toMatchObject({ state: 'completed', result: '{"said":"3: HELLO WORLD XXXXXXXXXX"}' });
  });
});

describe('a stage', () => {
  it.each([
    ['throws', 'throw'],
    ['dies with its process', 'exit'],
    ['runs past its time', 'hang'],
  ] as const)('that %s is run again, and no other stage is', async (_, act) => {
    const { record, runs } = await endOf({ count: [act] });
    expect(record).toMatchObject({ state: 'completed' });
    expect(runs).toEqual({ ...ONCE, count: 2 });
  });

  it('that is to be run again no sooner waits for the longest of its delays', async () => {
    const beganMs = lab.cloud.clock.now();
    const { record, runs } = await endOf({ count: ['no-sooner'] });
    expect(lab.cloud.clock.now() - beganMs).toBeGreaterThanOrEqual(count.retry.capSeconds * 1000);
    expect(record).toMatchObject({ state: 'completed' });
    expect(runs).toEqual({ ...ONCE, count: 2 });
  });

  it('that fails for one item is run again for that one', async () => {
    const { record, runs } = await endOf({ 'shout[1]': ['throw', 'throw'] });
    expect(record).toMatchObject({ state: 'completed' });
    expect(runs).toEqual({ ...ONCE, 'shout[1]': 3 });
  });

  it('that fails for good makes its job a dead letter with the stage in its reason', async () => {
    const { key, record, runs } = await endOf({ join: ['permanent'] });
    expect(runs).toMatchObject({ join: 1, finish: 0 });
    expect(record).toMatchObject({
      state: 'dead',
      verdict: { code: 'STAGE_FAILED', message: 'Stage "join" failed for good: HOPELESS: cannot ever work' },
    });
    expect((await lab.deadLetterOf(staged, key))?.reason.code).toBe('STAGE_FAILED');
  });

  it('that fails at each of its runs does so too', async () => {
    const { key, record, runs } = await endOf({ finish: ['throw', 'throw', 'throw'] });
    expect(runs).toEqual({ ...ONCE, finish: 3 });
    expect(record).toMatchObject({ state: 'dead', verdict: { code: 'STAGE_FAILED' } });
    expect((await lab.deadLetterOf(staged, key))?.reason.message).toContain('Stage "finish"');
  });
});

describe('a redriven staged job', () => {
  it('resumes at the stage that failed, and runs no finished stage again', async () => {
    const { key, record } = await endOf({ finish: ['permanent'] });
    expect(record).toMatchObject({ state: 'dead', life: 1 });
    await lab.advance(120);
    await lab.redrive(staged);
    await lab.drain();
    expect(await lab.record(staged, key)).toMatchObject({ state: 'completed', life: 2, redriveCount: 1 });
    expect(await runs(key)).toEqual({ ...ONCE, finish: 2 });
    expect(await lab.deadLetterOf(staged, key)).toBeUndefined();
  });

  it('whose execution can no longer be resumed is started anew, and skips what finished', async () => {
    const { key } = await endOf({ join: ['permanent'] });
    await lab.advance(13.9 * 86_400);
    await lab.redrive(staged);
    await lab.advance(0.2 * 86_400);
    await lab.drain();
    expect(await lab.record(staged, key)).toMatchObject({ state: 'completed', life: 2 });
    expect(await runs(key)).toEqual({ ...ONCE, join: 2 });
  });

  it('that fails again is a dead letter again, with both lives in its record', async () => {
    const { key } = await endOf({ finish: ['permanent', 'permanent'] });
    await lab.advance(120);
    await lab.redrive(staged);
    await lab.drain();
    expect(await lab.record(staged, key)).toMatchObject({
      state: 'dead',
      life: 2,
      pastVerdicts: [{ code: 'STAGE_FAILED' }],
    });
    expect((await lab.deadLetterOf(staged, key))?.reason.code).toBe('STAGE_FAILED');
  });
});
