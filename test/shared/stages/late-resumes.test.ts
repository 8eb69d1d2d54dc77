import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type * as z from 'zod';
import { cancelJob } from '../../../shared/client/cancel.ts';
import { findResumption, findResumptions, resume } from '../../../shared/client/resume.ts';
import { RECORD_RETENTION_SECONDS } from '../../../shared/jobs/define-job.ts';
import {
  deadLetterQueueName,
  EXECUTION_ENDS,
  stageFunctionName,
  stateMachineName,
  tableName,
} from '../../../shared/jobs/names.ts';
import type { JobRecord } from '../../../shared/jobs/record.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { staged } from '../../lab/probe/staged/contract.ts';

const DAY = 86_400;

let lab: Lab;
let sfn: SFNClient;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('stagedAssembly'), stage: STAGE });
  const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  sfn = new SFNClient({ endpoint: lab.cloud.endpoint, region: lab.cloud.region, credentials });
});
afterAll(async () => {
  sfn.destroy();
  await lab.stop();
});

type Acts = NonNullable<z.input<typeof staged.payload>['acts']>;

const now = (): number => lab.cloud.clock.now();
const clients = () => ({ sfn, lookup: lab.lookup });
const recordOf = async (key: string) => (await lab.record(staged, key)) as JobRecord;

async function runsOf(key: string, stage: string): Promise<number> {
  const sku = `stage:${key}:${stage}`;
  const { Item } = await lab.dynamo.send(
    new GetCommand({ TableName: tableName(STAGE, 'stock'), Key: { sku }, ConsistentRead: true }),
  );
  return (Item?.available as number | undefined) ?? 0;
}

async function publish(key: string, acts: Acts, options = {}): Promise<void> {
  await lab.publish(staged, { key, words: ['a'], acts }, options);
}

async function resumeNow(key: string): Promise<void> {
  await resume(await findResumption(await recordOf(key), now(), clients()), {
    lookup: lab.lookup,
    sqs: lab.sqs,
    s3: () => Promise.reject(new Error('Nothing here is large.')),
  });
  await lab.drain();
}

describe('a staged job that failed', () => {
  it('again after each resume runs no finished stage again, however many weeks that takes', async () => {
    await publish('weeks', { finish: ['permanent', 'permanent'] });
    await lab.drain();
    await lab.advance(10 * DAY);
    await resumeNow('weeks');
    expect(await recordOf('weeks')).toMatchObject({ state: 'dead', life: 2 });
    await lab.advance(30 * DAY);
    await resumeNow('weeks');
    expect(await recordOf('weeks')).toMatchObject({ state: 'completed', life: 3 });
    const stages = ['collect', 'shout[0]', 'count', 'join', 'finish'];
    expect(await Promise.all(stages.map((stage) => runsOf('weeks', stage)))).toEqual([1, 1, 1, 1, 3]);
  }, 180_000);

  it('and was resumed leaves no step that outlives it, which the next job of its key would find', async () => {
    await publish('outlived', { finish: ['permanent'] });
    await lab.drain();
    await lab.advance(120);
    await resumeNow('outlived');
    const { state, expiration } = await recordOf('outlived');
    expect(state).toBe('completed');
    const steps = await lab.lookup.steps(await recordOf('outlived'));
    expect(steps.length).toBeGreaterThan(0);
    for (const step of steps) expect(step.expiration).toBeLessThanOrEqual(expiration);
  });

  it('is not resumed once the time of its record is over', async () => {
    await publish('over', { join: ['permanent'] });
    await lab.drain();
    const record = await recordOf('over');
    await lab.advance(RECORD_RETENTION_SECONDS + 60);
    await expect(findResumption(record, now(), clients())).rejects.toMatchObject({
      code: 'NOT_RESUMABLE',
      message: expect.stringContaining('publish the job again'),
    });
  });

  it('is resumed after its expirytime, since it had been started before', async () => {
    const expiryTime = new Date(now() + 3600_000);
    await publish('expires', { finish: ['permanent'] }, { expiryTime });
    await lab.drain();
    await lab.advance(2 * 3600);
    await lab.redrive(staged);
    await lab.drain();
    expect(await recordOf('expires')).toMatchObject({ state: 'completed', life: 2 });
  });

  it('lies in the dead-letter queue, also where its tenant’s name is none that SQS takes as a group', async () => {
    const data = { key: 'tenant', words: ['a'], acts: { collect: ['permanent'] } };
    await lab.send(staged, lab.message(staged, data, { partitionkey: 'Bäckerei Müller & Söhne' }));
    await lab.drain();
    expect((await lab.deadLetterOf(staged, 'tenant'))?.reason.code).toBe('STAGE_FAILED');
  });
});

describe('a staged job that expires while nobody knows that its execution runs', () => {
  /** Its starter dies once it has begun the execution, whose first stage Lambda refuses until the job has expired. */
  async function expiredUnknown(key: string, acts: Acts): Promise<void> {
    const starter = lab.cloud.faults.killWhen(
      ({ service, operation, moment }) =>
        service === 'states' && operation === 'StartExecution' && moment === 'after',
    );
    const run = lab.cloud.faults.throttle(stageFunctionName(STAGE, staged.type, 'collect'));
    await publish(key, acts, { expiryTime: new Date(now() + 10_000) });
    await lab.settle();
    starter();
    for (let waited = 0; waited < 60 && (await recordOf(key)).state !== 'expired'; waited++) {
      await lab.advance(30);
      await lab.settle();
    }
    expect(await recordOf(key)).toMatchObject({ state: 'expired', attempts: 1 });
    run();
    await lab.drain();
  }

  it('becomes a dead letter where that fails, which names the step that nobody knows the outcome of', async () => {
    await expiredUnknown('unsure', { collect: ['throw-in-step', 'throw-in-step'] });
    expect(await recordOf('unsure')).toMatchObject({
      state: 'dead',
      verdict: { code: 'STAGE_FAILED', uncertain: ['stage/collect/call'] },
    });
    expect((await lab.deadLetterOf(staged, 'unsure'))?.reason.code).toBe('STAGE_FAILED');
  });

  it('is completed where that succeeds', async () => {
    await expiredUnknown('sure', { collect: ['throw', 'throw'] });
    expect(await recordOf('sure')).toMatchObject({ state: 'completed' });
    // What Lambda refused has spent none of the three that it has.
    expect(await runsOf('sure', 'collect')).toBe(3);
  });
});

describe('a staged job that is cancelled while a step is about to begin', () => {
  it('begins it no more once the end is recorded', async () => {
    const collect = stageFunctionName(STAGE, staged.type, 'collect');
    const cancelled = async (): Promise<void> => {
      await lab.until(async () => (await recordOf('about to')).state === 'started');
      await cancelJob(staged, 'about to', { dynamo: lab.dynamo, stage: STAGE, now, sfn });
      await lab.until(async () => (await recordOf('about to')).state === 'cancelled');
    };
    const lift = lab.cloud.faults.add(({ functionName, operation, moment }) =>
      functionName === collect && operation === 'TransactWriteItems' && moment === 'before'
        ? { heldUntil: cancelled() }
        : undefined,
    );
    await publish('about to', { collect: ['effect'] });
    await lab.drain();
    lift();
    expect(await recordOf('about to')).toMatchObject({ state: 'cancelled' });
    const steps = await lab.lookup.steps(await recordOf('about to'));
    expect(steps.map(({ sk }) => sk)).toEqual(['step#stage/collect']);
  });
});

describe('an execution that somebody started by hand', () => {
  it('is no job’s: its end is recorded nowhere, and the bulk resume leaves it out with its reason', async () => {
    const { region } = lab.cloud;
    const { executionArn: known = '' } = await recordOf('expires');
    const stateMachineArn = known.replace(':execution:', ':stateMachine:').replace(/:[^:]*$/, '');
    expect(stateMachineArn).toContain(`${region}:`);
    expect(stateMachineArn).toContain(stateMachineName(STAGE, staged.type));
    const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn, input: '{}' }));
    await lab.drain();
    expect(
      lab.cloud.sqs.counts(lab.cloud.sqs.arnOf(deadLetterQueueName(STAGE, EXECUTION_ENDS))),
    ).toMatchObject({
      visible: 0,
      notVisible: 0,
      delayed: 0,
    });
    const window = { fromMs: now() - 60_000, toMs: now() };
    const { resumptions, leftOut } = await findResumptions(stateMachineArn, window, { ...clients(), now });
    expect(resumptions).toEqual([]);
    expect(leftOut).toContainEqual(expect.stringContaining(executionArn ?? ''));
  });
});
