import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { deadLetter, type JobContext, repeat } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const payload = z.object({ key: z.string() });
const key = ({ key }: { key: string }): string => key;
/** Abandoned after a second. */
const brief = defineJob({ type: 'brief', payload, key, schedule: schedule([10]), timeoutSeconds: 1 });
const long = defineJob({ type: 'long', payload, key, schedule: schedule([10]) });

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
});
afterAll(() => lab.stop());

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resume) => signal.addEventListener('abort', () => resume(), { once: true }));

describe('a step name used twice in one attempt', () => {
  /** Begun at the same time, the first is taken back as well: its attempt has ended when its marker is there. */
  it.each([
    ['one after the other', 1, async (step: () => Promise<unknown>) => [await step(), await step()]],
    ['at the same time', 0, (step: () => Promise<unknown>) => Promise.all([step(), step()])],
  ])('ends the job with that reason, and no work runs a second time (%s)', async (what, most, use) => {
    const consumer = new InProcess(lab, long);
    let effects = 0;
    await consumer.publish({ key: what });
    await consumer.drain({
      handler: async (_payload, { step }) =>
        use(() => step('same', async () => ++effects, { ifUncertain: deadLetter() })),
    });
    expect(effects).toBe(most);
    const record = await consumer.record(what);
    expect(record).toMatchObject({ state: 'dead', attempts: 1, verdict: { code: 'STEP_NAME' } });
    expect(record?.verdict?.message).toContain('Step "same" was begun twice in one attempt');
    expect(consumer.messages()).toEqual({ left: 0, dead: 1 });
  });

  it('is what a later attempt does, and then its result is the first one’s', async () => {
    const consumer = new InProcess(lab, long);
    const results: unknown[] = [];
    let effects = 0;
    await consumer.publish({ key: 'later' });
    await consumer.drain({
      handler: async (_payload, { step, job }) => {
        results.push(await step('same', async () => ++effects, { ifUncertain: deadLetter() }));
        if (job.attempt === 1) throw new Error('after the step');
      },
    });
    expect({ effects, results }).toEqual({ effects: 1, results: [1, 1] });
    expect(await consumer.record('later')).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(101)],
  ])('is no worse than one that is %s', async (what, name) => {
    const consumer = new InProcess(lab, long);
    let effects = 0;
    await consumer.publish({ key: `name ${what}` });
    await consumer.drain({
      handler: async (_payload, { step }) => step(name, async () => ++effects, { ifUncertain: repeat() }),
    });
    expect(effects).toBe(0);
    expect((await consumer.record(`name ${what}`))?.verdict?.message).toContain(
      `A step's name has 1 to 100 characters, not ${name.length}.`,
    );
  });
});

describe('a step begun after its attempt', () => {
  /** Runs `begin` in an attempt of its own and tells what the step rejected with. */
  async function refusalOf(
    job: typeof brief,
    of: string,
    begin: (context: JobContext, work: () => Promise<number>) => Promise<unknown>,
  ) {
    const consumer = new InProcess(lab, job);
    const refusal = Promise.withResolvers<unknown>();
    let effects = 0;
    await consumer.publish({ key: of });
    const delivered = consumer.deliver({
      handler: async (_payload, context) => {
        const rejected = await begin(context, async () => ++effects).catch((error: unknown) => error);
        refusal.resolve(rejected);
      },
    });
    return { consumer, refused: await refusal.promise, delivered, effects: () => effects };
  }

  it('was abandoned is refused, leaves no trace and does nothing', async () => {
    const { consumer, refused, delivered, effects } = await refusalOf(
      brief,
      'abandoned',
      async ({ signal, step }, work) => {
        await aborted(signal);
        await new Promise((turn) => setTimeout(turn, 20));
        return step('late', work, { ifUncertain: repeat() });
      },
    );
    await delivered;
    expect(refused).toMatchObject({ code: 'STEP_REFUSED' });
    expect(effects()).toBe(0);
    expect(await consumer.step('abandoned', 'late')).toBeUndefined();
    expect(await consumer.record('abandoned')).toMatchObject({
      state: 'retrying',
      history: [{ code: 'TIMED_OUT' }],
    });
  });

  it('had ended well is refused too: a promise that the handler did not wait for', async () => {
    const consumer = new InProcess(lab, long);
    const refusal = Promise.withResolvers<unknown>();
    let effects = 0;
    await consumer.publish({ key: 'not-awaited' });
    await consumer.deliver({
      handler: async (_payload, { signal, step }) => {
        void aborted(signal)
          .then(() => step('late', async () => ++effects, { ifUncertain: repeat() }))
          .catch(refusal.resolve);
      },
    });
    expect(await refusal.promise).toMatchObject({ code: 'STEP_REFUSED' });
    expect(effects).toBe(0);
    expect(await consumer.step('not-awaited', 'late')).toBeUndefined();
    expect(await consumer.record('not-awaited')).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('slept past its lease is refused, though nothing has aborted it', async () => {
    const { consumer, refused, delivered, effects } = await refusalOf(
      long,
      'slept',
      async ({ signal, step }, work) => {
        await lab.advance(61);
        expect(signal.aborted).toBe(false);
        return step('late', work, { ifUncertain: repeat() });
      },
    );
    await delivered;
    expect(refused).toMatchObject({ code: 'STEP_REFUSED' });
    expect(effects()).toBe(0);
    expect(await consumer.step('slept', 'late')).toBeUndefined();
  });
});

describe('a step whose attempt is abandoned while its marker is written', () => {
  /** Lets the marker be written only once the attempt has been abandoned. */
  function slowMarker(): (signal: AbortSignal) => void {
    const abandoned = Promise.withResolvers<void>();
    let held = false;
    lab.cloud.dynamodb.intercept = async (operation, input) => {
      if (operation === 'UpdateItem' && JSON.stringify(input).includes('step#charge') && !held) {
        held = true;
        await abandoned.promise;
      }
      return undefined;
    };
    return (signal) => void aborted(signal).then(() => setTimeout(abandoned.resolve, 20));
  }

  it('does nothing and takes its marker back, so that the next attempt does it without doubt', async () => {
    const consumer = new InProcess(lab, brief);
    const watch = slowMarker();
    let effects = 0;
    const handler = async (_payload: unknown, { signal, step }: JobContext) => {
      watch(signal);
      // Were the marker left behind, the next attempt would dead-letter the job as uncertain.
      await step('charge', async () => ++effects, { ifUncertain: deadLetter() });
    };
    await consumer.publish({ key: 'marked-late' });
    await consumer.deliver({ handler });
    await lab.until(async () => (await consumer.step('marked-late', 'charge'))?.state === 'not-done');
    expect(effects).toBe(0);
    expect(await consumer.record('marked-late')).toMatchObject({
      state: 'retrying',
      attempts: 1,
      history: [{ code: 'TIMED_OUT' }],
    });
    await consumer.drain({ handler });
    expect(effects).toBe(1);
    expect(await consumer.record('marked-late')).toMatchObject({ state: 'completed', attempts: 2 });
    expect(await consumer.step('marked-late', 'charge')).toMatchObject({ state: 'done', result: '1' });
  });
});
