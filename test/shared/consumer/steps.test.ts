import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { probe } from '../../lab/probe/contract.ts';
import { countOf, type ProbeInput } from '../../lab/probe/counts.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

let made = 0;
async function endOf(input: Omit<ProbeInput, 'key'>) {
  const key = `step-${++made}`;
  await lab.publish(probe, { key, ...input });
  await lab.drain();
  const record = await lab.record(probe, key);
  return {
    record,
    runs: await countOf(lab, `run:${key}`),
    effects: await countOf(lab, `effect:${key}`),
    step: record && (await lab.lookup.steps(record))[0],
  };
}

describe('a step', () => {
  it('that finished is not run again by a later attempt, and its result is remembered', async () => {
    const { record, runs, effects, step } = await endOf({
      acts: ['throw', 'throw', 'return'],
      step: { acts: ['succeed'], ifUncertain: 'deadLetter' },
    });
    expect({ runs, effects }).toEqual({ runs: 3, effects: 1 });
    expect(record?.state).toBe('completed');
    expect(step).toMatchObject({ sk: 'step#effect', state: 'done', result: '{"effect":1}' });
  });

  it('whose effect certainly did not happen runs again, whatever its author says of uncertainty', async () => {
    const { record, effects } = await endOf({
      acts: ['return'],
      step: { acts: ['notDone', 'notDone', 'succeed'], ifUncertain: 'deadLetter' },
    });
    expect(effects).toBe(3);
    expect(record).toMatchObject({ state: 'completed', attempts: 3 });
  });

  it('that was refused for good ends the job with that reason', async () => {
    const { record, effects } = await endOf({
      acts: ['return'],
      step: { acts: ['refusedForGood'], ifUncertain: 'repeat' },
    });
    expect(effects).toBe(1);
    expect(record).toMatchObject({
      state: 'dead',
      attempts: 1,
      verdict: { code: 'REFUSED', message: 'never' },
    });
  });
});

describe.each(['throw', 'exit'] as const)('a step left uncertain (%s)', (act) => {
  it('is repeated where its author said that repeating is safe', async () => {
    const { record, effects } = await endOf({
      acts: ['return'],
      step: { acts: [act, 'succeed'], ifUncertain: 'repeat' },
    });
    expect(effects).toBe(2);
    expect(record).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('dead-letters the job where a person must decide, and is not repeated', async () => {
    const { record, effects } = await endOf({
      acts: ['return'],
      step: { acts: [act, 'succeed'], ifUncertain: 'deadLetter' },
    });
    expect(effects).toBe(1);
    expect(record).toMatchObject({ state: 'dead', attempts: 2, verdict: { code: 'STEP_UNCERTAIN' } });
    expect(record?.verdict?.message).toMatch(/^Step "effect" began at .* and left no certain outcome/);
  });

  it('is not repeated where its verification finds it done', async () => {
    const { record, effects, step } = await endOf({
      acts: ['return'],
      step: { acts: [act, 'succeed'], ifUncertain: 'verify-done' },
    });
    expect(effects).toBe(1);
    expect(record).toMatchObject({ state: 'completed', attempts: 2 });
    expect(step?.state).toBe('done');
  });

  it('is run again where its verification finds it not done', async () => {
    const { record, effects } = await endOf({
      acts: ['return'],
      step: { acts: [act, 'succeed'], ifUncertain: 'verify-notDone' },
    });
    expect(effects).toBe(2);
    expect(record).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('is looked at again while its verification cannot tell, and dead-lettered when it never can', async () => {
    const { record, effects } = await endOf({
      acts: ['return'],
      step: { acts: [act, 'succeed'], ifUncertain: 'verify-unknown' },
    });
    expect(effects).toBe(1);
    expect(record).toMatchObject({ state: 'dead', attempts: 2, verdict: { code: 'STEP_UNCERTAIN' } });
    // Every minute for a quarter of an hour, and none of the looks has spent an attempt.
    expect(record?.deferrals).toBe(15);
  });
});
