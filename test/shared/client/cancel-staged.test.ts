import { SFNClient } from '@aws-sdk/client-sfn';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type * as z from 'zod';
import { cancelJob } from '../../../shared/client/cancel.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { staged } from '../../lab/probe/staged/contract.ts';

let lab: Lab;
let sfn: SFNClient;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('stagedAssembly'), stage: STAGE });
  sfn = new SFNClient({
    endpoint: lab.cloud.endpoint,
    region: lab.cloud.region,
    credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
  });
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
});
afterAll(async () => {
  sfn.destroy();
  await lab.stop();
});

type Acts = z.input<typeof staged.payload>['acts'];

const now = (): number => lab.cloud.clock.now();
const cancel = (key: string, client: SFNClient | null = sfn) =>
  cancelJob(staged, key, { dynamo: lab.dynamo, stage: STAGE, now, ...(client && { sfn: client }) });

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

/** Publishes it, and waits until `condition` holds of it. */
async function begin(key: string, acts: Acts, condition: () => Promise<boolean>): Promise<void> {
  await lab.publish(staged, { key, words: ['hello', 'world'], acts });
  await lab.until(condition);
}

async function begun(key: string, step: string): Promise<boolean> {
  const steps = await lab.lookup.steps({ pk: `staged#${key}` });
  return steps.some(({ sk, state }) => sk === `step#${step}` && state === 'begun');
}

const started = async (key: string) => (await lab.record(staged, key))?.state === 'started';

describe('cancelling a staged job', () => {
  it('while a stage runs stops its execution: no further stage runs, and it ends as cancelled', async () => {
    await begin(
      'runs',
      { collect: ['hang'] },
      async () => (await started('runs')) && (await runsOf('runs', 'collect')) === 1,
    );
    expect(await cancel('runs')).toMatchObject({ outcome: 'stopped', was: { state: 'started' } });
    await lab.drain();
    expect(await lab.record(staged, 'runs')).toMatchObject({
      state: 'cancelled',
      cancelRequestedAtMs: expect.any(Number),
    });
    expect([await runsOf('runs', 'collect'), await runsOf('runs', 'shout[0]')]).toEqual([1, 0]);
    expect(await lab.deadLetterOf(staged, 'runs')).toBeUndefined();
  });

  it('while it waits for a retry ends it at once', async () => {
    await lab.publish(staged, { key: 'waits', words: ['hello'], acts: { join: ['throw'] } });
    await lab.settle();
    expect(await lab.record(staged, 'waits')).toMatchObject({ state: 'started' });
    expect(await cancel('waits')).toMatchObject({ outcome: 'stopped' });
    await lab.settle();
    expect(await lab.record(staged, 'waits')).toMatchObject({ state: 'cancelled' });
    await lab.drain();
    expect([await runsOf('waits', 'join'), await runsOf('waits', 'finish')]).toEqual([1, 0]);
  });

  it('whose inner step is uncertain makes it a dead letter that says so', async () => {
    await begin(
      'uncertain',
      { count: ['hang-in-step'] },
      async () => (await started('uncertain')) && (await begun('uncertain', 'stage/count/call')),
    );
    expect(await cancel('uncertain')).toMatchObject({ outcome: 'stopped' });
    await lab.drain();
    expect(await lab.record(staged, 'uncertain')).toMatchObject({
      state: 'dead',
      verdict: {
        code: 'CANCELLED_UNCERTAIN',
        message:
          'The job was cancelled. Step "stage/count/call" left no certain outcome: its effect may have happened.',
      },
    });
    expect((await lab.deadLetterOf(staged, 'uncertain'))?.reason.code).toBe('CANCELLED_UNCERTAIN');
  });

  it('lets no further stage begin even where nobody stops its execution', async () => {
    await lab.publish(staged, { key: 'unstopped', words: ['hello'], acts: { join: ['throw'] } });
    await lab.settle();
    expect(await cancel('unstopped', null)).toMatchObject({ outcome: 'runs', aborts: false });
    await lab.drain();
    expect(await lab.record(staged, 'unstopped')).toMatchObject({ state: 'cancelled' });
    expect([await runsOf('unstopped', 'join'), await runsOf('unstopped', 'finish')]).toEqual([1, 0]);
  });

  it('is recorded before its execution is stopped, and says so where that fails', async () => {
    await lab.publish(staged, { key: 'half', words: ['hello'], acts: { join: ['throw'] } });
    await lab.settle();
    const elsewhere = new SFNClient({
      endpoint: 'http://127.0.0.1:9',
      region: lab.cloud.region,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
      maxAttempts: 1,
    });
    await expect(cancel('half', elsewhere)).rejects.toMatchObject({
      code: 'EXECUTION_NOT_STOPPED',
      message: expect.stringMatching(/^The cancellation of staged#half is recorded, .* Cancel it again\.$/),
    });
    elsewhere.destroy();
    expect(await lab.record(staged, 'half')).toMatchObject({ cancelRequestedAtMs: expect.any(Number) });
    expect(await cancel('half')).toMatchObject({ outcome: 'stopped' });
    await lab.settle();
    expect(await lab.record(staged, 'half')).toMatchObject({ state: 'cancelled' });
  });

  it('changes nothing of one that has completed, and nothing of one whose completion is about to be recorded', async () => {
    await lab.publish(staged, { key: 'done', words: ['hello'], acts: {} });
    await lab.drain();
    expect(await cancel('done')).toMatchObject({ outcome: 'too-late', was: { state: 'completed' } });

    let refused = 0;
    lab.cloud.dynamodb.intercept = (operation, input) => {
      if (operation === 'UpdateItem' && JSON.stringify(input).includes('completedAtMs')) {
        refused++;
        throw new Error('not now');
      }
      return undefined;
    };
    await begin('nearly', {}, async () => refused > 0);
    expect(await cancel('nearly')).toMatchObject({ outcome: 'stopped' });
    lab.cloud.dynamodb.intercept = undefined;
    await lab.drain();
    expect(await lab.record(staged, 'nearly')).toMatchObject({
      state: 'completed',
      cancelRequestedAtMs: expect.any(Number),
    });
  });
});
