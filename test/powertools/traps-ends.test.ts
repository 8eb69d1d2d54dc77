/** Rows of the table of Powertools' traps that are about what a run leaves behind. In each: that the trap is real, and that it is closed here. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { faults } from '../../local/dynamodb/index.ts';
import { AwsError } from '../../local/kernel/errors.ts';
import { deadLetter, type JobHandler, verify } from '../../shared/consumer/index.ts';
import { defineJob } from '../../shared/jobs/define-job.ts';
import { schedule } from '../../shared/jobs/schedule.ts';
import { STAGE } from '../lab/global-setup.ts';
import { InProcess } from '../lab/in-process.ts';
import { Lab } from '../lab/lab.ts';
import { config, pause, Theirs } from './theirs.ts';

const job = defineJob({
  type: 'trapped',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
  schedule: schedule([30, 30]),
});
type Handler = JobHandler<{ key: string }>;

let lab: Lab;
let theirs: Theirs;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
beforeEach(async () => {
  theirs = await Theirs.create(lab);
});
afterEach(() => {
  lab.cloud.dynamodb.intercept = undefined;
  theirs.stop();
});
afterAll(() => lab.stop());

/** Publishes one job and runs it to its end. */
async function endOf(key: string, handler: Handler) {
  const consumer = new InProcess(lab, job);
  await consumer.publish({ key });
  await consumer.drain({ handler });
  return { consumer, record: await consumer.record(key) };
}

/** Fails writes that say so. */
function fail(operation: string, what: string, error: () => Error, times = Number.POSITIVE_INFINITY): void {
  let failed = 0;
  lab.cloud.dynamodb.intercept = (name, input) => {
    if (name === operation && JSON.stringify(input).includes(what) && failed++ < times) throw error();
    return undefined;
  };
}

/** The attempts of three receives, each after the claim of the one before is over. */
async function threeReceives(work: () => Promise<unknown>): Promise<PromiseSettledResult<unknown>[]> {
  const results = [];
  for (let receive = 0; receive < 3; receive++) {
    results.push(
      ...(await Promise.allSettled([theirs.idempotent(work, { config: config({}, 5) })({ key: 'a' })])),
    );
    await pause(20);
  }
  return results;
}

describe('a completing write that fails after the effect', () => {
  it.each([
    ['a throttle', 'x', () => fail('UpdateItem', 'COMPLETED', faults.throttled)],
    ['a result over 400 KB', 'x'.repeat(500_000), () => {}],
  ])('Powertools: after %s the effect happens again at each receive', async (_what, result, befall) => {
    befall();
    let effects = 0;
    const results = await threeReceives(async () => {
      effects++;
      return result;
    });
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(effects).toBe(3);
  });

  it('here: a throttle is waited for, and the effect happens once', async () => {
    fail('UpdateItem', 'COMPLETED', faults.throttled, 5);
    let effects = 0;
    const { record } = await endOf('throttled', async () => ++effects);
    expect(effects).toBe(1);
    expect(record).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('here: a result over 400 KB is not kept, and the effect happens once', async () => {
    let effects = 0;
    const { record } = await endOf('too-large', async () => {
      effects++;
      return 'x'.repeat(500_000);
    });
    expect(effects).toBe(1);
    expect(record).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it.each([
    ['verified', 'completed', verify(async () => ({ found: 'done', result: 'found' }))],
    ['left to a person', 'dead', deadLetter()],
  ])(
    'here: a step whose own end could not be written is %s, and never repeated in silence',
    async (what, state, ifUncertain) => {
      fail('UpdateItem', 'the receipt', () => new AwsError('ValidationException', 'No such write.'));
      let effects = 0;
      const { record } = await endOf(`step ${what}`, async (_payload, { step }) =>
        step(
          'charge',
          async () => {
            effects++;
            return 'the receipt';
          },
          { ifUncertain },
        ),
      );
      expect(effects).toBe(1);
      expect(record?.state).toBe(state);
    },
  );

  it('here: after a step that is done, a completion that could not be written repeats no effect', async () => {
    fail('UpdateItem', 'COMPLETED', () => new AwsError('ValidationException', 'No such write.'), 1);
    let effects = 0;
    const { record } = await endOf('unwritable', async (_payload, { step }) =>
      step('charge', async () => ++effects, { ifUncertain: deadLetter() }),
    );
    expect(effects).toBe(1);
    expect(record).toMatchObject({ state: 'completed', attempts: 2 });
  });
});

describe('a throw, of whatever', () => {
  it('Powertools: deletes the record, so that a timeout after the effect counts as if nothing had happened', async () => {
    let effects = 0;
    const charge = theirs.idempotent(async () => {
      effects++;
      throw Object.assign(new Error('the provider did not answer in time'), { name: 'TimeoutError' });
    });
    await expect(charge({ key: 'a' })).rejects.toThrow('did not answer in time');
    expect(await theirs.items()).toEqual([]);
    await expect(charge({ key: 'a' })).rejects.toThrow('did not answer in time');
    expect(effects).toBe(2);
  });

  it('here: is a failed attempt of the record, and the step stays uncertain until its author’s choice is asked', async () => {
    let effects = 0;
    const { record, consumer } = await endOf('timed-out', async (_payload, { step }) =>
      step(
        'charge',
        async () => {
          effects++;
          throw Object.assign(new Error('the provider did not answer in time'), { name: 'TimeoutError' });
        },
        { ifUncertain: deadLetter() },
      ),
    );
    expect(effects).toBe(1);
    expect(record).toMatchObject({ state: 'dead', verdict: { code: 'STEP_UNCERTAIN' } });
    expect(record?.history?.[0]).toMatchObject({ attempt: 1, code: 'TimeoutError' });
    expect(await consumer.step('timed-out', 'charge')).toMatchObject({ state: 'begun' });
  });
});

describe('a second argument that has a step', () => {
  it('Powertools: is taken for a durable context, and the work never runs', async () => {
    let runs = 0;
    const work = theirs.idempotent(async () => ++runs) as (
      payload: { key: string },
      context: object,
    ) => Promise<number>;
    expect(await work({ key: 'a' }, { other: 'than a step' })).toBe(1);
    await expect(work({ key: 'b' }, { step: () => {} })).rejects.toThrow();
    expect(runs).toBe(1);
  });

  it('here: handlers have one, and run', async () => {
    let runs = 0;
    const { record } = await endOf('has-step', async (_payload, context) => {
      expect(context).toHaveProperty('step');
      runs++;
    });
    expect(runs).toBe(1);
    expect(record).toMatchObject({ state: 'completed', attempts: 1 });
  });
});

describe('a release that fails', () => {
  it('Powertools: replaces the handler’s own error', async () => {
    fail('DeleteItem', '', faults.internalServerError);
    const work = theirs.idempotent(async () => {
      throw new Error('the own reason');
    });
    const error = (await work({ key: 'a' }).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toBe('Failed to delete record from idempotency store');
    expect(JSON.stringify([error.message, (error.cause as Error).message])).not.toContain('the own reason');
  });

  it('here: the handler’s own error is what the record tells', async () => {
    fail('UpdateItem', 'the own reason', faults.internalServerError, 4);
    const { record } = await endOf('own-reason', async (_payload, { job: { attempt } }) => {
      if (attempt === 1) throw new Error('the own reason');
    });
    expect(record).toMatchObject({
      state: 'completed',
      attempts: 2,
      history: [{ code: 'Error', message: 'the own reason' }],
    });
  });
});

describe('an error named like one of Powertools’ own', () => {
  const impostor = () =>
    Object.assign(new Error('an impostor'), { name: 'IdempotencyInconsistentStateError' });

  it('Powertools: makes it run the handler three times', async () => {
    let runs = 0;
    const work = theirs.idempotent(async () => {
      runs++;
      throw impostor();
    });
    await expect(work({ key: 'a' })).rejects.toThrow('an impostor');
    expect(runs).toBe(3);
  });

  it.each(['IdempotencyInconsistentStateError', 'IdempotencyItemAlreadyExistsError', 'IdempotencyKeyError'])(
    'here: runs once an attempt, and is told as what it is (%s)',
    async (name) => {
      let runs = 0;
      const { record } = await endOf(name, async (_payload, { job: { attempt } }) => {
        runs++;
        if (attempt === 1) throw Object.assign(impostor(), { name });
      });
      expect(runs).toBe(2);
      expect(record).toMatchObject({
        state: 'completed',
        attempts: 2,
        history: [{ code: name, message: 'an impostor' }],
      });
    },
  );

  it('here: is no duplicate and no wait when it comes from within a step', async () => {
    const { record } = await endOf('step impostor', async (_payload, { step }) =>
      step(
        'effect',
        async () => {
          throw impostor();
        },
        { ifUncertain: deadLetter() },
      ),
    );
    expect(record).toMatchObject({ state: 'dead', attempts: 2, verdict: { code: 'STEP_UNCERTAIN' } });
  });
});
