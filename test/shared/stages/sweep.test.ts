import { Logger } from '@aws-lambda-powertools/logger';
import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type * as z from 'zod';
import { AwsError } from '../../../local/kernel/errors.ts';
import { deadLetterQueueName, EXECUTION_ENDS, functionName, tableName } from '../../../shared/jobs/names.ts';
import { StageData } from '../../../shared/jobs/stage-data.ts';
import { type SweepRequest, sweepEnds } from '../../../shared/stages/sweep-ends.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { staged } from '../../lab/probe/staged/contract.ts';

const MINUTE = 60;
const recorder = functionName(STAGE, EXECUTION_ENDS);

let lab: Lab;
let sfn: SFNClient;
let lift: () => void;
let made = 0;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('stagedAssembly'), stage: STAGE });
  const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  sfn = new SFNClient({ endpoint: lab.cloud.endpoint, region: lab.cloud.region, credentials });
});
afterAll(async () => {
  sfn.destroy();
  await lab.stop();
});

/** No event of a state machine comes. */
beforeEach(() => {
  lift = lab.cloud.faults.lose(({ source }) => source === 'aws.states');
  lab.runSchedules(true);
});
afterEach(async () => {
  lift();
  lab.runSchedules(false);
  await lab.drain();
});

type Acts = NonNullable<z.input<typeof staged.payload>['acts']>;

/** A job whose execution has ended untold. @returns its key */
async function untold(acts: Acts = {}): Promise<string> {
  const key = `untold-${++made}`;
  await lab.publish(staged, { key, words: ['hello'], acts });
  await lab.drain();
  expect(await lab.record(staged, key)).toMatchObject({ state: 'started' });
  return key;
}

/** Beyond the sweep that comes once an end is old enough. */
async function swept(): Promise<void> {
  await lab.advance(21 * MINUTE);
  await lab.drain();
}

/** What a rule, or a person, asks the recorder for. */
function requestFor(executionArn: string): SweepRequest {
  const { machineArn: stateMachineArn } = lab.cloud.states.executions.get(executionArn);
  return { sweep: { stateMachineArn, executionTimeoutSeconds: 86_400, withinSeconds: 3600 } };
}

async function sweepNow(executionArn: string): Promise<void> {
  lab.cloud.lambda.invokeLater(recorder, JSON.stringify(requestFor(executionArn)));
  await lab.drain();
}

const count = (name: 'Completed' | 'DeadLettered'): number =>
  lab.metric(staged, name).reduce((sum, value) => sum + value, 0);

/** How many ends the sweeps have reported. */
function reported(): number {
  return lab.logs
    .filter((line) => line.includes('"_aws"') && line.includes('"EndsSwept"'))
    .map((line) => (JSON.parse(line) as { EndsSwept: number }).EndsSwept)
    .reduce((sum, value) => sum + value, 0);
}

describe('the end of an execution that no event tells of', () => {
  it('is found, and its job completed', async () => {
    const before = reported();
    const key = await untold();
    await swept();
    expect(await lab.record(staged, key)).toMatchObject({
      state: 'completed',
      status: 'COMPLETED',
      result: '{"said":"1: HELLO"}',
    });
    expect(reported()).toBe(before + 1);
  });

  it('makes a dead letter of a job that failed for good, which a redrive resumes', async () => {
    const key = await untold({ finish: ['permanent'] });
    await swept();
    expect(await lab.record(staged, key)).toMatchObject({
      state: 'dead',
      verdict: {
        code: 'STAGE_FAILED',
        message: 'Stage "finish" failed for good: HOPELESS: cannot ever work',
      },
    });
    expect((await lab.deadLetterOf(staged, key))?.reason.code).toBe('STAGE_FAILED');
    await lab.redrive(staged);
    await lab.drain();
    expect(await lab.record(staged, key)).toMatchObject({ state: 'started', life: 2 });
    await swept();
    expect(await lab.record(staged, key)).toMatchObject({ state: 'completed', life: 2, redriveCount: 1 });
  });

  it('is found where the execution was stopped', async () => {
    const key = `untold-${++made}`;
    await lab.publish(staged, { key, words: ['hello'], acts: { collect: ['throw', 'throw'] } });
    await lab.settle();
    const { executionArn } = (await lab.record(staged, key)) ?? {};
    await sfn.send(new StopExecutionCommand({ executionArn, cause: 'by a person' }));
    await swept();
    expect(await lab.record(staged, key)).toMatchObject({
      state: 'dead',
      verdict: { code: 'EXECUTION_ABORTED', message: expect.stringContaining('by a person') },
    });
    await lab.deadLetters(staged);
  });

  it('is left to its event for five minutes', async () => {
    const key = await untold();
    const { executionArn = '' } = (await lab.record(staged, key)) ?? {};
    await lab.advance(4 * MINUTE);
    await sweepNow(executionArn);
    expect(await lab.record(staged, key)).toMatchObject({ state: 'started' });
    await lab.advance(2 * MINUTE);
    await sweepNow(executionArn);
    expect(await lab.record(staged, key)).toMatchObject({ state: 'completed' });
  });

  it('is recorded once, whatever comes after: sweeps, or its event', async () => {
    lift();
    const held: (() => void)[] = [];
    lift = lab.cloud.faults.lose(({ source, ...event }) => {
      if (source !== 'aws.states') return false;
      const { 'detail-type': detailType, resources, detail } = event;
      held.push(() => void lab.cloud.events.accept({ source, detailType, resources, detail }));
      return true;
    });
    const [completed, dead] = [count('Completed'), count('DeadLettered')];
    const before = reported();
    await untold();
    const failed = await untold({ finish: ['permanent'] });
    await swept();
    lift();
    for (const tell of held.splice(0)) tell();
    await lab.drain();
    await swept();
    expect(reported()).toBe(before + 2);
    expect(count('Completed')).toBe(completed + 1);
    expect(count('DeadLettered')).toBe(dead + 1);
    const letters = (await lab.deadLetters(staged)).filter(({ job }) => job?.key === failed);
    expect(letters).toHaveLength(1);
  });

  it('is recorded once where sweep and event come at the same time', async () => {
    const key = await untold();
    const completed = count('Completed');
    const { executionArn = '' } = (await lab.record(staged, key)) ?? {};
    const execution = lab.cloud.states.executions.get(executionArn);
    await lab.advance(6 * MINUTE);
    // Both have read the record before either writes.
    let readers = 0;
    const meet = lab.cloud.faults.add(({ functionName: name, operation, moment }) => {
      if (name !== recorder || operation !== 'UpdateItem' || moment !== 'before') return undefined;
      readers++;
      return { heldUntil: lab.until(async () => readers > 1) };
    });
    const { input, output, status } = execution;
    lab.cloud.lambda.invokeLater(
      recorder,
      JSON.stringify({ detail: { executionArn, status, input, output } }),
    );
    await sweepNow(executionArn);
    meet();
    expect(readers).toBeGreaterThan(1);
    expect(await lab.record(staged, key)).toMatchObject({ state: 'completed' });
    expect(count('Completed')).toBe(completed + 1);
  });

  it('that a sweep has no time for is told of: the sweep fails', async () => {
    const key = await untold();
    await lab.advance(6 * MINUTE);
    const { executionArn = '' } = (await lab.record(staged, key)) ?? {};
    const sweep = (remainingMs: number) =>
      sweepEnds(
        requestFor(executionArn),
        {
          dynamo: lab.dynamo,
          sqs: lab.sqs,
          sfn,
          jobsTable: tableName(STAGE, 'jobs'),
          data: new StageData('none', () => Promise.reject(new Error('Nothing here is large.'))),
          logger: new Logger({ logLevel: 'SILENT' }),
          now: () => lab.cloud.clock.now(),
        },
        () => remainingMs,
      );
    await expect(sweep(1000)).rejects.toThrow('More executions have ended than could be looked at: 0 were.');
    expect(await lab.record(staged, key)).toMatchObject({ state: 'started' });
    await sweep(60_000);
    expect(await lab.record(staged, key)).toMatchObject({ state: 'completed' });
  });

  it('that cannot be recorded leaves the others recorded, and is found by the next sweep', async () => {
    const [one, other] = [await untold(), await untold()];
    const mend = lab.cloud.faults.add(({ functionName: name, operation, moment, input }) =>
      name === recorder &&
      operation === 'UpdateItem' &&
      moment === 'before' &&
      JSON.stringify(input()).includes(`#${one}"`)
        ? new AwsError('InternalServerError', 'No answer.', 500)
        : undefined,
    );
    await swept();
    expect(await lab.record(staged, one)).toMatchObject({ state: 'started' });
    expect(await lab.record(staged, other)).toMatchObject({ state: 'completed' });
    mend();
    await swept();
    expect(await lab.record(staged, one)).toMatchObject({ state: 'completed' });
    const lost = lab.cloud.sqs.arnOf(deadLetterQueueName(STAGE, EXECUTION_ENDS));
    // A person was told all the same: it had failed three times.
    expect(lab.cloud.sqs.counts(lost).visible).toBeGreaterThan(0);
  });
});
