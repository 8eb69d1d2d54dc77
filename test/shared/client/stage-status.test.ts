import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { resolveStep } from '../../../shared/client/resolve-step.ts';
import { findResumption, resume } from '../../../shared/client/resume.ts';
import { stagesOf } from '../../../shared/client/stage-status.ts';
import { type JobReport, status } from '../../../shared/client/status.ts';
import { stateMachineArn } from '../../../shared/client/target.ts';
import type { AnyJob } from '../../../shared/jobs/define-job.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import type { JobRecord, StepRecord } from '../../../shared/jobs/record.ts';
import { defineStage, defineStagedJob, type StageOrder } from '../../../shared/jobs/staged-job.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { staged } from '../../lab/probe/staged/contract.ts';

type Acts = z.input<typeof staged.payload>['acts'];

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
afterAll(async () => {
  sfn.destroy();
  await lab.stop();
});

const now = (): number => lab.cloud.clock.now();

async function publish(key: string, acts: Acts): Promise<void> {
  await lab.publish(staged, { key, words: ['hello', 'world'], acts });
}

async function reportOf(key: string, contract: unknown = staged): Promise<JobReport> {
  const { reports } = await status(
    { type: staged.type, key },
    {
      lookup: lab.lookup,
      sqs: lab.sqs,
      stage: STAGE,
      types: [staged.type],
      now,
      contractOf: () => (contract ?? undefined) as AnyJob | undefined,
      sfn,
    },
  );
  expect(reports).toHaveLength(1);
  return reports[0] as JobReport;
}

const statesOf = ({ stages }: JobReport) =>
  Object.fromEntries((stages?.stages ?? []).map(({ name, state }) => [name, state]));

describe('the status of a staged job', () => {
  it('that has completed shows each stage done, in the contract’s order, and all of the whole', async () => {
    await publish('done', {});
    await lab.drain();
    const { stages, steps } = await reportOf('done');
    expect(stages?.stages.map(({ name, state }) => [name, state])).toEqual([
      ['collect', 'done'],
      ['shout', 'done'],
      ['count', 'done'],
      ['join', 'done'],
      ['finish', 'done'],
    ]);
    expect(stages?.stages[1]?.items).toMatchObject({ done: 2, of: 2 });
    expect(stages?.share).toBe(1);
    expect(steps).toEqual([]);
  });

  it('shows the stage that runs and the inner step that it is in, neither as uncertain', async () => {
    await publish('runs', { count: ['hang-in-step'] });
    await lab.until(async () => {
      const steps = await lab.lookup.steps({ pk: 'staged#runs' });
      return ['step#stage/count/call', 'step#stage/join'].every((name) =>
        steps.some(({ sk, state }) => sk === name && (state === 'done' || sk.endsWith('/call'))),
      );
    });
    await lab.until(async () => (await lab.record(staged, 'runs'))?.state === 'started');
    const report = await reportOf('runs');
    expect(statesOf(report)).toEqual({
      collect: 'done',
      shout: 'done',
      count: 'running',
      join: 'done',
      finish: 'not-begun',
    });
    expect(report.stages?.share).toBeCloseTo(3 / 5);
    expect(report.steps).toMatchObject([{ name: 'stage/count/call', state: 'under-way' }]);
    await lab.drain();
  });

  it('shows a stage that waits for its retry, with its failed runs and the last failure', async () => {
    await publish('waits', { join: ['throw'], 'shout[1]': ['throw'] });
    await lab.settle();
    expect(statesOf(await reportOf('waits'))).toMatchObject({ collect: 'done', shout: 'waiting' });
    expect((await reportOf('waits')).stages?.stages[1]).toMatchObject({
      items: { done: 1, waiting: 1, of: 2 },
      failures: 1,
      share: 0.5,
    });
    await lab.until(async () => {
      await lab.advance(1);
      await lab.settle();
      return statesOf(await reportOf('waits')).join === 'waiting';
    });
    const { stages } = await reportOf('waits');
    expect(stages?.stages[3]).toMatchObject({
      failures: 1,
      failure: { code: 'Error', message: 'as the test wanted', requestId: expect.any(String) },
    });
    await lab.drain();
    expect((await reportOf('waits')).stages?.stages[3]).toMatchObject({ state: 'done', failures: 1 });
  });

  it('shows the stage that failed for good, and no other as begun', async () => {
    await publish('fails', { finish: ['permanent'] });
    await lab.drain();
    const report = await reportOf('fails');
    expect(report.stages?.stages[4]).toMatchObject({
      name: 'finish',
      state: 'failed',
      failure: { code: 'HOPELESS', message: 'cannot ever work' },
    });
    expect(report.stages?.share).toBeCloseTo(4 / 5);
    expect(report.record.executionArn).toMatch(/:execution:/);
  });

  it('calls an inner step uncertain, which a person resolves, and never the stage around it', async () => {
    // Each run does the same, as a handler does.
    await publish('unsure', { count: Array.from({ length: 5 }, () => 'throw-in-step' as const) });
    await lab.drain();
    const report = await reportOf('unsure');
    expect(report).toMatchObject({
      status: { state: 'dead-lettered' },
      steps: [{ name: 'stage/count/call', state: 'uncertain' }],
    });
    expect(statesOf(report)).toMatchObject({ count: 'failed' });
    const options = { dynamo: lab.dynamo, stage: STAGE, now };
    await expect(
      resolveStep('staged', 'unsure', 'stage/count', { found: 'done' }, options),
    ).rejects.toMatchObject({
      code: 'NOT_UNCERTAIN',
      message: expect.stringContaining('runs again as a whole'),
    });
    await lab.advance(120);
    await resolveStep('staged', 'unsure', 'stage/count/call', { found: 'done' }, options);
    const record = (await lab.record(staged, 'unsure')) as JobRecord;
    await resume(await findResumption(record, now(), { sfn, lookup: lab.lookup }), {
      lookup: lab.lookup,
      sqs: lab.sqs,
      s3: () => Promise.reject(new Error('nothing is large')),
    });
    await lab.drain();
    expect(await reportOf('unsure')).toMatchObject({
      status: { state: 'completed' },
      steps: [{ name: 'stage/count/call', state: 'done' }],
      stages: { share: 1 },
    });
  });

  it('without its contract tells the stages as steps that may run again', async () => {
    const { stages, steps } = await reportOf('fails', null);
    expect(stages).toBeUndefined();
    expect(steps.find(({ name }) => name === 'stage/finish')?.state).toBe('repeatable');
  });

  it('asks Step Functions how many items its first stage has, which no record tells', async () => {
    const job = { type: 'staged', key: 'other', id: 'other', life: 1, queueUrl: 'none', bucket: 'none' };
    const input = { job, message: { value: null }, before: { items: [0, 1, 2] } };
    const { executionArn = '' } = await sfn.send(
      new StartExecutionCommand({
        stateMachineArn: await stateMachineArn(lab.dynamo, STAGE, staged.type),
        input: JSON.stringify(input),
      }),
    );
    await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const item = { ...((await lab.record(staged, 'done')) as JobRecord), pk: 'staged#first', executionArn };
    await lab.dynamo.send(
      new PutCommand({ TableName: tableName(STAGE, 'jobs'), Item: { ...item, state: 'started' } }),
    );
    const each = defineStage({ ...first, forEach: { list: 'words', mostAtATime: 2 } });
    const fans = defineStagedJob({ ...base, stages: [each] });
    expect((await reportOf('first', fans)).stages?.stages).toMatchObject([
      { state: 'not-begun', items: { done: 0, of: 3 } },
    ]);
    await lab.drain();
  });
});

const any = z.unknown();
const first = defineStage({ name: 'first', input: any, output: any, timeoutSeconds: 60 });
const each = defineStage({ ...first, name: 'each', forEach: { list: 'items', mostAtATime: 10 } });
const last = defineStage({ ...first, name: 'last' });
const base = {
  type: 'staged',
  payload: z.object({ key: z.string() }),
  key: ({ key }: { key: string }) => key,
};

describe('what the records say of stages', () => {
  const AT = 1_000_000;
  const step = (name: string, fields: Partial<StepRecord> = {}): StepRecord => ({
    pk: 'staged#k',
    sk: `step#stage/${name}`,
    state: 'begun',
    owner: `owner of ${name}`,
    firstBegunAtMs: AT,
    begunAtMs: AT,
    expiration: 0,
    ...fields,
  });
  const done = { state: 'done', doneAtMs: AT + 10 } as const;
  const listed = (length: number) => ({
    ...done,
    result: JSON.stringify({ output: { value: 1 }, items: Array.from({ length }, (_, index) => index) }),
  });
  const read = (
    state: JobRecord['state'],
    steps: readonly StepRecord[],
    { order = [first, each, last] as StageOrder, nowMs = AT + 100 } = {},
  ) => stagesOf(order, { state } as JobRecord, steps, { nowMs, firstItems: undefined });

  it('counts a fan-out by its items, those under way by their progress', () => {
    const items = Array.from({ length: 41 }, (_, index) =>
      step(`each[${index}]`, index < 37 ? done : { progress: { fraction: 0.5, text: 'half', atMs: AT + 5 } }),
    );
    const { stages, share } = read('started', [step('first', listed(200)), ...items]);
    expect(stages[1]).toMatchObject({
      state: 'running',
      items: { done: 37, running: 4, of: 200 },
      share: (37 + 4 * 0.5) / 200,
    });
    expect(share).toBeCloseTo((1 + 39 / 200) / 3);
  });

  it('takes a fan-out over an empty list for done once a later stage has begun', () => {
    const { stages } = read('started', [step('first', listed(0)), step('last')]);
    expect(stages[1]).toMatchObject({ state: 'done', items: { done: 0, of: 0 }, share: 1 });
  });

  it('tells the progress of the run under way, and not that of one before it', () => {
    const progress = { fraction: 0.25, text: 'page 3 of 12', atMs: AT + 50 };
    expect(read('started', [step('first', { progress })]).stages[0]).toMatchObject({ progress, share: 0.25 });
    const again = read('started', [step('first', { progress, begunAtMs: AT + 60 })]).stages[0];
    expect(again).toMatchObject({ state: 'running', share: 0 });
    expect(again).not.toHaveProperty('progress');
  });

  it('says of no stage that it runs for ever: past its function’s time it waits for its retry', () => {
    const stateAfter = (seconds: number) =>
      read('started', [step('first')], { nowMs: AT + seconds * 1000 }).stages[0]?.state;
    expect(stateAfter(70)).toBe('running');
    expect(stateAfter(90)).toBe('waiting');
  });

  it('tells a run that an execution’s end has cut off from one that failed', () => {
    const failure = { code: 'X', message: 'x', atMs: AT + 1, requestId: 'r' };
    const order = [[first, last]];
    const states = (state: JobRecord['state']) =>
      read(state, [step('first'), step('last', { failure, failures: 1 })], { order }).stages.map(
        (one) => one.state,
      );
    expect(states('dead')).toEqual(['stopped', 'failed']);
    expect(states('cancelled')).toEqual(['stopped', 'stopped']);
    expect(states('running')).toEqual(['waiting', 'waiting']);
  });
});
