import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import {
  LARGEST_RESOLVED_RESULT_BYTES,
  type Resolution,
  resolveStep,
} from '../../../shared/client/resolve-step.ts';
import { deadLetter, type JobHandler } from '../../../shared/consumer/index.ts';
import { Started } from '../../../shared/consumer/started.ts';
import { type AnyJob, defineJob } from '../../../shared/jobs/define-job.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';
import { probe } from '../../lab/probe/contract.ts';
import { countOf } from '../../lab/probe/counts.ts';

type Payload = { readonly key: string };
const charge = defineJob({
  type: 'charge',
  payload: z.object({ key: z.string() }),
  key: (job: Payload) => job.key,
  schedule: schedule([30]),
});

let lab: Lab;
let consumer: InProcess<Payload, Payload>;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
  consumer = new InProcess(lab, charge);
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
});
afterAll(() => lab.stop());

async function resolve(job: AnyJob, key: string, step: string, resolution: Resolution): Promise<void> {
  const now = () => lab.cloud.clock.now();
  await resolveStep(job.type, key, step, resolution, { dynamo: lab.dynamo, stage: STAGE, now });
}

/** A probe whose step threw, and that was dead-lettered since nobody can know what became of it. */
async function uncertainProbe(key: string): Promise<void> {
  await lab.publish(probe, {
    key,
    acts: ['return'],
    step: { acts: ['throw', 'succeed'], ifUncertain: 'deadLetter' },
  });
  await lab.drain();
  expect((await lab.deadLetterOf(probe, key))?.reason.code).toBe('STEP_UNCERTAIN');
}

/** A job that waits for its second attempt after its step "call" threw. */
async function waitingJob(key: string): Promise<JobHandler<Payload>> {
  let runs = 0;
  const handler: JobHandler<Payload> = async (_, { step }) =>
    step(
      'call',
      async () => {
        runs++;
        if (runs === 1) throw new Error('no answer');
        return `run ${runs}`;
      },
      { ifUncertain: deadLetter() },
    );
  await consumer.publish({ key });
  await consumer.deliver({ handler });
  return handler;
}

async function setOfStep(key: string, name: string, value: number): Promise<void> {
  await lab.dynamo.send(
    new UpdateCommand({
      TableName: tableName(STAGE, 'jobs'),
      Key: { pk: `charge#${key}`, sk: 'step#call' },
      UpdateExpression: 'SET #name = :value',
      ExpressionAttributeNames: { '#name': name },
      ExpressionAttributeValues: { ':value': value },
    }),
  );
}

describe('an uncertain step that a person resolved', () => {
  it('as done is not run again: the redriven job continues after it', async () => {
    await uncertainProbe('charged');
    await resolve(probe, 'charged', 'effect', { found: 'done', result: { effect: 41 } });
    await lab.redrive(probe);
    await lab.drain();
    expect(await lab.record(probe, 'charged')).toMatchObject({ state: 'completed', life: 2 });
    expect(await countOf(lab, 'effect:charged')).toBe(1);
  });

  it('as not done is run by the redriven job', async () => {
    await uncertainProbe('refused');
    await resolve(probe, 'refused', 'effect', { found: 'not-done' });
    await lab.redrive(probe);
    await lab.drain();
    expect(await lab.record(probe, 'refused')).toMatchObject({ state: 'completed', life: 2 });
    expect(await countOf(lab, 'effect:refused')).toBe(2);
  });

  it('while its job waits for its next attempt gives that one its result', async () => {
    const handler = await waitingJob('waits');
    await resolve(charge, 'waits', 'call', { found: 'done', result: 'from the provider' });
    await consumer.drain({ handler });
    expect(await consumer.record('waits')).toMatchObject({
      state: 'completed',
      result: '"from the provider"',
    });
  });

  it('as done without a result continues, too', async () => {
    const handler = await waitingJob('silent');
    await resolve(charge, 'silent', 'call', { found: 'done' });
    await consumer.drain({ handler });
    const record = await consumer.record('silent');
    expect(record?.state).toBe('completed');
    expect(record).not.toHaveProperty('result');
  });

  it('is remembered for no shorter than before', async () => {
    const handler = await waitingJob('months');
    const expiration = Math.ceil(lab.cloud.clock.now() / 1000) + 300 * 86_400;
    await setOfStep('months', 'expiration', expiration);
    await resolve(charge, 'months', 'call', { found: 'done' });
    expect(await consumer.step('months', 'call')).toMatchObject({ state: 'done', expiration });
    await consumer.drain({ handler });
  });

  it('is resolved once, even where the answer was lost', async () => {
    const handler = await waitingJob('lost');
    lab.cloud.dynamodb.intercept = (operation) => {
      if (operation !== 'TransactWriteItems') return undefined;
      lab.cloud.dynamodb.intercept = undefined;
      return 'apply-then-fail';
    };
    await resolve(charge, 'lost', 'call', { found: 'done', result: 7 });
    expect(await consumer.step('lost', 'call')).toMatchObject({ state: 'done', result: '7' });
    await consumer.drain({ handler });
  });

  it('is not overwritten by the frozen run that left it behind', async () => {
    const thaw = Promise.withResolvers<void>();
    const frozen = Promise.withResolvers<void>();
    await consumer.publish({ key: 'frozen' });
    const delivery = consumer.deliver({
      handler: async (_, { step }) =>
        step(
          'call',
          async () => {
            frozen.resolve();
            await thaw.promise;
            return 'late';
          },
          { ifUncertain: deadLetter() },
        ),
    });
    await frozen.promise;
    await lab.advance(70);
    await resolve(charge, 'frozen', 'call', { found: 'done', result: 'as the person saw' });
    thaw.resolve();
    await delivery;
    expect(await consumer.step('frozen', 'call')).toMatchObject({
      state: 'done',
      result: '"as the person saw"',
    });
    await consumer.drain({ handler: async () => {} });
  });
});

describe('a step is not resolved', () => {
  it('of a job that nobody knows', async () => {
    await expect(resolve(charge, 'nobody', 'call', { found: 'done' })).rejects.toMatchObject({
      code: 'UNKNOWN_JOB',
    });
  });

  it('that the job has not begun; those that it has are named', async () => {
    const handler = await waitingJob('misspelt');
    await expect(resolve(charge, 'misspelt', 'cal', { found: 'done' })).rejects.toMatchObject({
      code: 'UNKNOWN_STEP',
      message: expect.stringContaining('it has begun "call"'),
    });
    await resolve(charge, 'misspelt', 'call', { found: 'not-done' });
    await consumer.drain({ handler });
  });

  it('that is certain', async () => {
    const handler = await waitingJob('certain');
    await resolve(charge, 'certain', 'call', { found: 'not-done' });
    await expect(resolve(charge, 'certain', 'call', { found: 'done' })).rejects.toMatchObject({
      code: 'NOT_UNCERTAIN',
      message: expect.stringContaining('is certainly not done'),
    });
    await consumer.drain({ handler });
    expect(await consumer.record('certain')).toMatchObject({ state: 'completed', result: '"run 2"' });
    await expect(resolve(charge, 'certain', 'call', { found: 'done' })).rejects.toMatchObject({
      code: 'NOT_UNCERTAIN',
      message: expect.stringContaining('is done'),
    });
  });

  it('while its job runs', async () => {
    const end = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    await consumer.publish({ key: 'runs' });
    const work = async (): Promise<void> => {
      began.resolve();
      await end.promise;
    };
    const delivery = consumer.deliver({
      handler: async (_, { step }) => step('call', work, { ifUncertain: deadLetter() }),
    });
    await began.promise;
    await expect(resolve(charge, 'runs', 'call', { found: 'not-done' })).rejects.toMatchObject({
      code: 'JOB_RUNNING',
      message: expect.stringMatching(/at the latest at 2\S+Z/),
    });
    end.resolve();
    await delivery;
    expect(await consumer.step('runs', 'call')).toMatchObject({ state: 'done' });
  });

  it('while an execution carries its job', async () => {
    await consumer.publish({ key: 'started' });
    const handler: JobHandler<Payload> = async (_, { step }) => {
      await step('call', async () => {}, { ifUncertain: deadLetter() });
      return new Started('arn:execution:1', 0, 60);
    };
    await consumer.deliver({ handler });
    await expect(resolve(charge, 'started', 'call', { found: 'done' })).rejects.toMatchObject({
      code: 'JOB_RUNNING',
      message: expect.stringContaining('Execution arn:execution:1 carries charge#started'),
    });
  });

  it('while a run of its stage may still be in it, though the execution has ended', async () => {
    const handler = await waitingJob('worker');
    const untilMs = lab.cloud.clock.now() + 5000;
    await setOfStep('worker', 'leaseUntilMs', untilMs);
    await expect(resolve(charge, 'worker', 'call', { found: 'not-done' })).rejects.toMatchObject({
      code: 'JOB_RUNNING',
      message: expect.stringContaining(`at the latest at ${new Date(untilMs).toISOString()}`),
    });
    await lab.advance(5);
    await resolve(charge, 'worker', 'call', { found: 'not-done' });
    await consumer.drain({ handler });
  });

  it('when its job was claimed between the look and the write', async () => {
    const handler = await waitingJob('raced');
    lab.cloud.dynamodb.intercept = async (operation) => {
      if (operation !== 'TransactWriteItems') return undefined;
      lab.cloud.dynamodb.intercept = undefined;
      await lab.dynamo.send(
        new UpdateCommand({
          TableName: tableName(STAGE, 'jobs'),
          Key: { pk: 'charge#raced', sk: 'job' },
          UpdateExpression: 'SET #owner = :other',
          ExpressionAttributeNames: { '#owner': 'owner' },
          ExpressionAttributeValues: { ':other': 'another run' },
        }),
      );
      return undefined;
    };
    await expect(resolve(charge, 'raced', 'call', { found: 'not-done' })).rejects.toMatchObject({
      code: 'CHANGED_MEANWHILE',
    });
    expect(await consumer.step('raced', 'call')).toMatchObject({ state: 'begun' });
    await consumer.drain({ handler });
  });

  it('with a result that its record cannot hold', async () => {
    const result = 'x'.repeat(LARGEST_RESOLVED_RESULT_BYTES);
    await expect(resolve(charge, 'any', 'call', { found: 'done', result })).rejects.toMatchObject({
      code: 'INVALID_RESULT',
    });
  });
});
