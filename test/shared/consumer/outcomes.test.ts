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
const newKey = (): string => `key-${++made}`;

/** Publishes one probe, runs it to its end, and tells what became of it. */
async function endOf(input: Omit<ProbeInput, 'key'>) {
  const key = newKey();
  await lab.publish(probe, { key, ...input });
  await lab.drain();
  return {
    key,
    record: await lab.record(probe, key),
    runs: await countOf(lab, `run:${key}`),
    letter: await lab.deadLetterOf(probe, key),
  };
}

describe('a handler that returns', () => {
  it('completes the job, keeps its result, and leaves no message', async () => {
    const { record, runs, letter } = await endOf({ acts: ['return'] });
    expect(record).toMatchObject({
      state: 'completed',
      status: 'COMPLETED',
      attempts: 1,
      life: 1,
      result: '{"run":1}',
    });
    expect(runs).toBe(1);
    expect(letter).toBeUndefined();
  });

  it('runs once for two messages in one batch, and once more never for a later one', async () => {
    const key = newKey();
    await lab.publishTwice(probe, { key, acts: ['return'] });
    await lab.drain();
    await lab.publish(probe, { key, acts: ['return'] });
    await lab.drain();
    expect(await countOf(lab, `run:${key}`)).toBe(1);
    expect(await lab.deadLetterOf(probe, key)).toBeUndefined();
    expect(lab.metric(probe, 'Duplicates')).toEqual([1, 1]);
  });

  it('keeps its identity when it changes its payload', async () => {
    const { key, record } = await endOf({ acts: ['mutate'] });
    expect(record?.pk).toBe(`probe#${key}`);
    expect(record?.state).toBe('completed');
  });
});

describe('a handler that throws', () => {
  it('is tried again after the delay of its schedule, and completes', async () => {
    const { record, runs } = await endOf({ acts: ['throw', 'throw', 'return'] });
    expect(runs).toBe(3);
    expect(record).toMatchObject({ state: 'completed', attempts: 3 });
    expect(record?.history).toMatchObject([
      { attempt: 1, code: 'Error', message: 'as the test wanted ← the deeper reason' },
      { attempt: 2 },
    ]);
    for (const [index, nominal] of [10, 60].entries()) {
      const { delaySeconds = 0, endedAtMs = 0 } = record?.history?.[index] ?? {};
      expect(delaySeconds).toBeGreaterThanOrEqual(nominal / 2);
      expect(delaySeconds).toBeLessThanOrEqual(nominal);
      const nextStartedMs = record?.history?.[index + 1]?.startedAtMs ?? record?.startedAtMs ?? 0;
      expect(nextStartedMs - endedAtMs).toBeGreaterThanOrEqual(delaySeconds * 1000);
    }
  });

  it('is dead-lettered after its last attempt, with its history, and runs no more', async () => {
    const { record, runs, letter } = await endOf({ acts: ['throw'] });
    expect(runs).toBe(4);
    expect(record).toMatchObject({ state: 'dead', attempts: 4, verdict: { code: 'Error' } });
    expect(record?.history).toHaveLength(4);
    expect(letter?.reason).toMatchObject({
      code: 'Error',
      message: expect.stringContaining('Attempt 4 of 4, the last: as the test wanted'),
    });
  });

  it('runs once an attempt, even where its error is named like one of Powertools', async () => {
    const { record, runs } = await endOf({ acts: ['impostor', 'return'] });
    expect(runs).toBe(2);
    expect(record).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('is dead-lettered at once for a permanent error', async () => {
    const { record, runs, letter } = await endOf({ acts: ['permanent'] });
    expect(runs).toBe(1);
    expect(record).toMatchObject({
      state: 'dead',
      verdict: { code: 'HOPELESS', message: 'cannot ever work' },
    });
    expect(letter?.reason).toMatchObject({ code: 'HOPELESS', message: 'cannot ever work' });
  });
});

describe('a handler that runs past its timeout', () => {
  it.each(['hang', 'heed'] as const)('is abandoned and tried again (%s)', async (act) => {
    const { record, runs } = await endOf({ acts: [act, 'return'] });
    expect(runs).toBe(2);
    expect(record).toMatchObject({ state: 'completed', attempts: 2 });
    expect(record?.history?.[0]).toMatchObject({
      code: 'TIMED_OUT',
      message: 'The attempt ran past its 2 s and was abandoned.',
    });
  });

  it('leaves its neighbours their own outcomes', async () => {
    const [slow, quick] = [newKey(), newKey()];
    await lab.publisher.publishMany(probe, [
      { payload: { key: slow, acts: ['hang', 'return'] } },
      { payload: { key: quick, acts: ['return'] } },
    ]);
    await lab.drain();
    expect(await lab.record(probe, quick)).toMatchObject({ state: 'completed', attempts: 1 });
    expect(await countOf(lab, `run:${quick}`)).toBe(1);
    expect(await lab.record(probe, slow)).toMatchObject({ state: 'completed', attempts: 2 });
  });
});

describe('a process that dies', () => {
  it('has spent an attempt, which the next receive finds and names', async () => {
    const { record, runs } = await endOf({ acts: ['exit', 'return'] });
    expect(runs).toBe(2);
    expect(record).toMatchObject({ state: 'completed', attempts: 2 });
    expect(record?.history).toMatchObject([
      {
        attempt: 1,
        code: 'CRASHED',
        message: expect.stringMatching(/^crashed: no outcome was recorded \(request [0-9a-f-]{36}\)$/),
      },
    ]);
  });

  it('is dead-lettered when its last attempt crashed too', async () => {
    const { record, runs, letter } = await endOf({ acts: ['exit'] });
    expect(runs).toBe(4);
    expect(record).toMatchObject({ state: 'dead', attempts: 4 });
    expect(record?.history?.map(({ code }) => code)).toEqual(['CRASHED', 'CRASHED', 'CRASHED', 'CRASHED']);
    expect(letter?.reason.code).toBe('CRASHED');
  });
});

describe('a key claimed by another run', () => {
  it('lets its second message wait, and spends no attempt on it', async () => {
    const key = newKey();
    const input: ProbeInput = { key, acts: ['slow'] };
    await lab.publish(probe, input);
    await lab.until(async () => (await lab.record(probe, key))?.state === 'running');
    await lab.publish(probe, input);
    await lab.drain();
    expect(await countOf(lab, `run:${key}`)).toBe(1);
    expect(await lab.record(probe, key)).toMatchObject({ state: 'completed', attempts: 1 });
    expect(await lab.deadLetterOf(probe, key)).toBeUndefined();
  });

  it('lets its second message wait while the first backs off', async () => {
    const key = newKey();
    await lab.publish(probe, { key, acts: ['throw', 'return'] });
    await lab.settle();
    await lab.publish(probe, { key, acts: ['throw', 'return'] });
    await lab.settle();
    expect(await countOf(lab, `run:${key}`)).toBe(1);
    await lab.drain();
    expect(await countOf(lab, `run:${key}`)).toBe(2);
    expect(await lab.record(probe, key)).toMatchObject({ state: 'completed', attempts: 2 });
  });
});

describe('a message that decides itself', () => {
  it('is dead-lettered when its key was used with another payload; the first job stands', async () => {
    const key = newKey();
    await lab.publish(probe, { key, acts: ['return'] });
    await lab.drain();
    await lab.publish(probe, { key, acts: ['throw'] });
    await lab.drain();
    expect((await lab.deadLetterOf(probe, key))?.reason).toMatchObject({
      code: 'KEY_REUSED',
      message: expect.stringContaining(`The key "${key}" was used before`),
    });
    expect(await lab.record(probe, key)).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it.each([
    ['not JSON', () => 'a=b', 'NOT_JSON'],
    ['no CloudEvent', () => '{"hello":1}', 'INVALID_ENVELOPE'],
    ['of another type', () => lab.message(probe, {}, { type: 'send-email' }), 'UNKNOWN_TYPE'],
    [
      'with a payload that fails its schema',
      () => lab.message(probe, { key: 'k', acts: ['dance'] }),
      'INVALID_PAYLOAD',
    ],
    ['with an empty key', () => lab.message(probe, { key: '', acts: ['return'] }), 'INVALID_KEY'],
  ])('is dead-lettered at once when it is %s, and its neighbour is not', async (_what, body, code) => {
    const key = newKey();
    const wrong = body();
    await Promise.all([lab.send(probe, wrong), lab.publish(probe, { key, acts: ['return'] })]);
    await lab.drain();
    expect((await lab.deadLetters(probe)).find((letter) => letter.body === wrong)?.reason.code).toBe(code);
    expect(await lab.record(probe, key)).toMatchObject({ state: 'completed', attempts: 1 });
  });
});

describe('a redriven job', () => {
  it('begins a new life with fresh attempts, and its history shows both', async () => {
    // A lab of its own: a redrive takes back all that lies dead, and some of it kills its neighbours.
    const own = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
    await own.publish(probe, { key: 'redriven', acts: ['permanent', 'throw', 'return'] });
    await own.drain();
    await own.redrive(probe);
    await own.drain();
    const record = await own.record(probe, 'redriven');
    await own.stop();
    expect(record).toMatchObject({ state: 'completed', life: 2, attempts: 2 });
    expect(record?.verdict).toBeUndefined();
    expect(record?.history).toMatchObject([
      { life: 1, attempt: 1, code: 'HOPELESS' },
      { life: 2, attempt: 1, code: 'Error' },
    ]);
  });
});
