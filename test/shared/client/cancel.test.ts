import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { type Cancellation, cancelJob } from '../../../shared/client/cancel.ts';
import { deadLetter, type JobHandler, PermanentError, RetryAfter } from '../../../shared/consumer/index.ts';
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
const payload = z.object({ key: z.string() });
const key = (job: Payload): string => job.key;
const patient = defineJob({ type: 'patient', payload, key, schedule: schedule([30, 30]) });
const heedful = defineJob({ type: 'heedful', payload, key, cancellable: true });

let lab: Lab;
let consumer: InProcess<Payload, Payload>;
let heedfulConsumer: InProcess<Payload, Payload>;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
  consumer = new InProcess(lab, patient);
  heedfulConsumer = new InProcess(lab, heedful);
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
});
afterAll(() => lab.stop());

async function cancel(job: AnyJob, of: string): Promise<Cancellation> {
  return cancelJob(job, of, { dynamo: lab.dynamo, stage: STAGE, now: () => lab.cloud.clock.now() });
}

/** Counts the runs of a handler that does as it is told in each. */
function handlerOf(...acts: readonly (() => unknown)[]) {
  let runs = 0;
  const handler: JobHandler<Payload> = async () => acts[Math.min(runs++, acts.length - 1)]?.();
  return { handler, runs: () => runs };
}

const fail = (): never => {
  throw new Error('the provider is down');
};

/** A first run that lasts until the test ends it. */
async function startRun(of: string, ends: () => unknown) {
  const end = Promise.withResolvers<void>();
  const { handler, runs } = handlerOf(async () => {
    await end.promise;
    return ends();
  });
  await consumer.publish({ key: of });
  const delivery = consumer.deliver({ handler });
  await lab.until(async () => runs() === 1);
  return {
    handler,
    runs,
    end: async () => {
      end.resolve();
      await delivery;
    },
  };
}

/** The write is done, its answer lost: the SDK sends it again. */
function loseTheAnswer(): void {
  lab.cloud.dynamodb.intercept = (operation) => {
    if (operation !== 'UpdateItem') return undefined;
    lab.cloud.dynamodb.intercept = undefined;
    return 'apply-then-fail';
  };
}

describe('cancelling a job before its first attempt', () => {
  it('keeps it from ever running, whenever its message comes', async () => {
    expect(await cancel(probe, 'early')).toEqual({ outcome: 'before-it-ran' });
    await lab.publish(probe, { key: 'early', acts: ['return'] });
    await lab.drain();
    await lab.publish(probe, { key: 'early', acts: ['return'] });
    await lab.drain();
    expect(await countOf(lab, 'run:early')).toBe(0);
    expect(await lab.record(probe, 'early')).toMatchObject({ state: 'cancelled', attempts: 0, life: 1 });
    expect(await lab.deadLetterOf(probe, 'early')).toBeUndefined();
  });

  it('says the second time that it was cancelled already, and when', async () => {
    await cancel(patient, 'again');
    const { cancelRequestedAtMs } = (await consumer.record('again')) ?? {};
    await lab.advance(10);
    expect(await cancel(patient, 'again')).toEqual({
      outcome: 'already-cancelled',
      was: { state: 'cancelled', atMs: cancelRequestedAtMs, pending: false },
    });
  });

  it('recognises its own write when the answer was lost', async () => {
    loseTheAnswer();
    expect(await cancel(patient, 'lost')).toEqual({ outcome: 'before-it-ran' });
  });

  it('holds over a record that DynamoDB should have deleted', async () => {
    const { handler, runs } = handlerOf(() => 'done');
    await consumer.publish({ key: 'forgotten' });
    await consumer.drain({ handler });
    await lab.dynamo.send(
      new UpdateCommand({
        TableName: tableName(STAGE, 'jobs'),
        Key: { pk: 'patient#forgotten', sk: 'job' },
        UpdateExpression: 'SET expiration = :past',
        ExpressionAttributeValues: { ':past': Math.floor(lab.cloud.clock.now() / 1000) },
      }),
    );
    expect(await cancel(patient, 'forgotten')).toEqual({ outcome: 'before-it-ran' });
    await consumer.publish({ key: 'forgotten' });
    await consumer.drain({ handler });
    expect(runs()).toBe(1);
    expect(await consumer.record('forgotten')).toMatchObject({ state: 'cancelled' });
  });
});

describe('cancelling a job that waits', () => {
  it.each([
    ['for its next attempt', 'backing-off', fail],
    [
      'because it asked for later',
      'deferred',
      () => {
        throw new RetryAfter(60, 'rate limited');
      },
    ],
  ])('%s ends it when its message comes, without another run', async (_, state, act) => {
    const { handler, runs } = handlerOf(act);
    await consumer.publish({ key: `waits-${state}` });
    await consumer.deliver({ handler });
    expect(await cancel(patient, `waits-${state}`)).toMatchObject({ outcome: 'waits', was: { state } });
    expect(await cancel(patient, `waits-${state}`)).toMatchObject({ outcome: 'already-cancelled' });
    await consumer.drain({ handler });
    expect(runs()).toBe(1);
    expect(await consumer.record(`waits-${state}`)).toMatchObject({ state: 'cancelled' });
    expect(consumer.messages()).toEqual({ left: 0, dead: 0 });
  });

  it('tells what it found when the answer was lost, rather than its own mark', async () => {
    const { handler } = handlerOf(fail);
    await consumer.publish({ key: 'lost-waiting' });
    await consumer.deliver({ handler });
    loseTheAnswer();
    expect(await cancel(patient, 'lost-waiting')).toMatchObject({
      outcome: 'waits',
      was: { state: 'backing-off' },
    });
    await consumer.drain({ handler });
  });

  it('after a crash ends it, too', async () => {
    const { handler, runs, end } = await startRun('crashed', () => 'too late');
    await lab.advance(70);
    expect(await cancel(patient, 'crashed')).toMatchObject({ outcome: 'waits', was: { state: 'crashed' } });
    await consumer.drain({ handler });
    await end();
    expect(runs()).toBe(1);
    expect(await consumer.record('crashed')).toMatchObject({ state: 'cancelled' });
  });

  it('with an uncertain step dead-letters it: what may have happened is not hidden', async () => {
    await consumer.publish({ key: 'uncertain' });
    const handler: JobHandler<Payload> = async (_, { step }) => {
      await step('call', async () => fail(), { ifUncertain: deadLetter() });
    };
    const before = consumer.messages().dead;
    await consumer.deliver({ handler });
    await cancel(patient, 'uncertain');
    await consumer.drain({ handler });
    expect(await consumer.record('uncertain')).toMatchObject({
      state: 'dead',
      verdict: { code: 'CANCELLED_UNCERTAIN' },
    });
    expect(consumer.messages().dead).toBe(before + 1);
  });
});

describe('cancelling a job that runs', () => {
  it('lets the attempt end first, and never over its completion', async () => {
    const { end } = await startRun('completes', () => 'done');
    expect(await cancel(patient, 'completes')).toMatchObject({
      outcome: 'runs',
      aborts: false,
      was: { state: 'running', attempt: 1 },
    });
    await end();
    expect(await consumer.record('completes')).toMatchObject({ state: 'completed', result: '"done"' });
  });

  it('ends it instead of another attempt where this one fails', async () => {
    const { handler, runs, end } = await startRun('fails', fail);
    await cancel(patient, 'fails');
    await end();
    await consumer.drain({ handler });
    expect(runs()).toBe(1);
    expect(await consumer.record('fails')).toMatchObject({ state: 'cancelled', attempts: 1 });
  });

  it('aborts it within seconds where its contract says that it is cancellable', async () => {
    await heedfulConsumer.publish({ key: 'stops' });
    const running = Promise.withResolvers<void>();
    const delivery = heedfulConsumer.deliver({
      handler: (_, { signal }) =>
        new Promise((_done, failed) => {
          signal.addEventListener('abort', () => failed(signal.reason));
          running.resolve();
        }),
    });
    await running.promise;
    expect(await cancel(heedful, 'stops')).toMatchObject({ outcome: 'runs', aborts: true });
    const beganMs = performance.now();
    await delivery;
    expect(performance.now() - beganMs).toBeLessThan(10_000);
    expect(await heedfulConsumer.record('stops')).toMatchObject({ state: 'cancelled' });
    expect(heedfulConsumer.messages()).toEqual({ left: 0, dead: 0 });
  });
});

describe('cancelling a job that an execution carries', () => {
  it('is recorded, and tells which execution to stop', async () => {
    await consumer.publish({ key: 'started' });
    await consumer.deliver({ handler: async () => new Started('arn:execution:1', 0, 60) });
    expect(await cancel(patient, 'started')).toMatchObject({
      outcome: 'runs',
      aborts: false,
      was: { state: 'started', executionArn: 'arn:execution:1' },
    });
    expect(await consumer.record('started')).toMatchObject({ cancelRequestedAtMs: expect.any(Number) });
  });
});

describe('cancelling a job that has ended', () => {
  it.each([
    ['completed', () => 'done', {}],
    [
      'dead-lettered',
      () => {
        throw new PermanentError('never');
      },
      {},
    ],
    ['expired', () => 'too late', { expires: true }],
  ])('changes nothing: it is %s', async (state, act, { expires = false }: { expires?: boolean }) => {
    const { clock } = lab.cloud;
    const { handler } = handlerOf(act);
    const expiryTime = expires ? { expiryTime: new Date(clock.now() + 1000) } : {};
    await consumer.publishOne({ key: `ended-${state}` }, expiryTime);
    if (expires) await lab.advance(2);
    await consumer.drain({ handler });
    const before = await consumer.record(`ended-${state}`);
    expect(await cancel(patient, `ended-${state}`)).toMatchObject({ outcome: 'too-late', was: { state } });
    expect(await consumer.record(`ended-${state}`)).toEqual(before);
  });
});
