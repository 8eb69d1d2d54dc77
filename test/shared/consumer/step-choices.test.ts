import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import {
  deadLetter,
  type IfUncertain,
  type JobContext,
  NotDone,
  repeat,
  type Verified,
  verify,
} from '../../../shared/consumer/index.ts';
import { StepResults } from '../../../shared/consumer/step-results.ts';
import { defineJob, RECORD_RETENTION_SECONDS } from '../../../shared/jobs/define-job.ts';
import { schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const job = defineJob({
  type: 'choosing',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([60, 900, 900]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

type Act = 'uncertain' | 'notDone' | 'succeed';
let made = 0;

/** Runs a job with one step to its end, which acts as told, one try after the other. */
async function endOf(acts: readonly Act[], ifUncertain: IfUncertain<string>) {
  const consumer = new InProcess(lab, job);
  const key = `choice-${++made}`;
  const tries: Act[] = [];
  await consumer.publish({ key });
  await consumer.drain({
    handler: (_, { step }) =>
      step(
        'effect',
        async () => {
          const act = acts[tries.length] ?? 'succeed';
          tries.push(act);
          if (act === 'uncertain') throw new Error('no answer');
          if (act === 'notDone') throw new NotDone('refused');
          return 'mine';
        },
        { ifUncertain },
      ),
  });
  return { tries, record: await consumer.record(key), step: await consumer.step(key, 'effect') };
}

/** Answers what is given, and from then on its last answer. */
function answers(...given: Verified<string>[]) {
  const looks: number[] = [];
  return {
    looks,
    check: async (): Promise<Verified<string>> => {
      looks.push(lab.cloud.clock.now());
      return given[Math.min(looks.length, given.length) - 1] as Verified<string>;
    },
  };
}

describe('an uncertain step whose author chose to repeat', () => {
  it('within the time that the provider remembers is repeated', async () => {
    const { tries, record } = await endOf(
      ['uncertain'],
      repeat({ withinSeconds: 400, otherwise: deadLetter() }),
    );
    expect(tries).toEqual(['uncertain', 'succeed']);
    expect(record).toMatchObject({ state: 'completed', result: '"mine"' });
  });

  it('after the provider forgot is not repeated, counted from its first beginning', async () => {
    const { tries, record } = await endOf(
      ['uncertain', 'uncertain'],
      repeat({ withinSeconds: 400, otherwise: deadLetter() }),
    );
    expect(tries).toEqual(['uncertain', 'uncertain']);
    expect(record).toMatchObject({ state: 'dead', verdict: { code: 'STEP_UNCERTAIN' } });
  });

  it('stays uncertain when the repetition was refused: the first try may have happened', async () => {
    const { tries, record } = await endOf(
      ['uncertain', 'notDone'],
      repeat({ withinSeconds: 400, otherwise: deadLetter() }),
    );
    expect(tries).toEqual(['uncertain', 'notDone']);
    expect(record).toMatchObject({ state: 'dead', verdict: { code: 'STEP_UNCERTAIN' } });
  });
});

describe('an uncertain step whose author chose to verify', () => {
  it('waits while nobody can tell, spends no attempt, and takes the answer for its result', async () => {
    const { looks, check } = answers(
      { found: 'unknown' },
      { found: 'unknown' },
      { found: 'done', result: 'theirs' },
    );
    const { tries, record, step } = await endOf(['uncertain'], verify(check, { everySeconds: 90 }));
    expect(tries).toEqual(['uncertain']);
    expect(looks).toHaveLength(3);
    expect((looks[2] ?? 0) - (looks[1] ?? 0)).toBeGreaterThanOrEqual(90_000);
    expect(record).toMatchObject({ state: 'completed', attempts: 2, deferrals: 2, result: '"theirs"' });
    expect(step).toMatchObject({ state: 'done', result: '"theirs"' });
  });

  it('falls back to repeating where its author said so', async () => {
    const { check } = answers({ found: 'unknown' });
    const { tries, record } = await endOf(
      ['uncertain'],
      verify(check, { forSeconds: 120, otherwise: repeat() }),
    );
    expect(tries).toEqual(['uncertain', 'succeed']);
    expect(record).toMatchObject({ state: 'completed' });
  });
});

describe("a step's result", () => {
  it('above what a record holds is kept in S3, and read from there by later attempts', async () => {
    const { endpoint, region } = lab.cloud;
    const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
    const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    const bucket = 'large-results';
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const consumer = new InProcess(lab, job);
    const large = 'x'.repeat(400_000);
    let effects = 0;
    let runs = 0;
    await consumer.publish({ key: 'large' });
    await consumer.drain({
      runtime: { results: new StepResults(bucket, async () => s3) },
      handler: async (_, { step }) => {
        const result = await step(
          'report',
          async () => {
            effects++;
            return large;
          },
          { ifUncertain: deadLetter() },
        );
        if (++runs === 1) throw new Error('after the step');
        return result.length;
      },
    });
    expect(effects).toBe(1);
    expect(await consumer.record('large')).toMatchObject({ state: 'completed', result: '400000' });
    const step = await consumer.step('large', 'report');
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    expect(Contents?.map(({ Key }) => Key)).toEqual([step?.resultObject]);
    s3.destroy();
  });

  it('comes back as JSON holds it, the first time too', async () => {
    const consumer = new InProcess(lab, job);
    const seen: unknown[] = [];
    await consumer.publish({ key: 'date' });
    await consumer.drain({
      handler: async (_, { step }) => {
        const { at } = await step('now', async () => ({ at: new Date(0) }), { ifUncertain: repeat() });
        seen.push(at);
        if (seen.length === 1) throw new Error('again');
      },
    });
    expect(seen).toEqual(['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z']);
  });

  it('is remembered for as long as its job is, however often that is redriven', async () => {
    const consumer = new InProcess(lab, job);
    let effects = 0;
    const handler = async (_: unknown, { step }: JobContext) => {
      await step('effect', async () => void effects++, { ifUncertain: deadLetter() });
      throw new Error('after the step');
    };
    await consumer.publish({ key: 'redriven' });
    for (let life = 1; life <= 4; life++) {
      await consumer.drain({ handler });
      await lab.advance(RECORD_RETENTION_SECONDS / 3);
      consumer.send(lab.message(job, { key: 'redriven' }));
    }
    await consumer.drain({ handler });
    expect(effects).toBe(1);
    expect(await consumer.record('redriven')).toMatchObject({ life: 5, state: 'dead' });
  });
});
