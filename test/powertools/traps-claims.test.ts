/** Rows of the table of Powertools' traps that are about who may run. In each: that the trap is real, and that it is closed here. */
import { IdempotencyConfig } from '@aws-lambda-powertools/idempotency';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import * as z from 'zod';
import { defineJob } from '../../shared/jobs/define-job.ts';
import { schedule } from '../../shared/jobs/schedule.ts';
import { STAGE } from '../lab/global-setup.ts';
import { InProcess } from '../lab/in-process.ts';
import { Lab } from '../lab/lab.ts';
import { config, invocationWith, pause, Theirs } from './theirs.ts';

const payload = z.object({ key: z.string() });
const key = ({ key }: { key: string }): string => key;
const REMAINING_SECONDS = 60;
const job = defineJob({ type: 'trapped', payload, key, schedule: schedule([30, 30]), batchSize: 1 });
const other = defineJob({ ...job, type: 'trapped-too' });

let lab: Lab;
let theirs: Theirs;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
beforeEach(async () => {
  theirs = await Theirs.create(lab);
});
afterEach(() => {
  vi.restoreAllMocks();
  theirs.stop();
});
afterAll(() => lab.stop());

describe('completion and release carry no condition', () => {
  it('Powertools: an owner that outlived its claim deletes its successor’s, and a third run starts beside it', async () => {
    const running = new Set<string>();
    const gates = { first: Promise.withResolvers<void>(), second: Promise.withResolvers<void>() };
    const run = (name: keyof typeof gates, remainingMs: number) =>
      theirs.idempotent(
        async () => {
          running.add(name);
          await gates[name].promise.finally(() => running.delete(name));
        },
        { config: config({}, remainingMs) },
      )({ key: 'a' });
    const first = run('first', 20);
    await lab.until(async () => running.has('first'));
    await pause(40);
    const second = run('second', 30_000);
    await lab.until(async () => running.has('second'));
    gates.first.reject(new Error('too late'));
    await expect(first).rejects.toThrow('too late');
    expect(await theirs.items()).toEqual([]);
    const beside: string[][] = [];
    await theirs.idempotent(async () => void beside.push([...running]))({ key: 'a' });
    expect(beside).toEqual([['second']]);
    gates.second.resolve();
    await second;
  });

  it('here: what a run that lost its claim records changes nothing, and no third one starts', async () => {
    const consumer = new InProcess(lab, job);
    const gates = { first: Promise.withResolvers<void>(), second: Promise.withResolvers<void>() };
    const running = new Set<string>();
    const run = (name: keyof typeof gates) =>
      consumer.deliver({
        handler: async () => {
          running.add(name);
          await gates[name].promise.finally(() => running.delete(name));
        },
      });
    await consumer.publish({ key: 'fenced' });
    const first = run('first');
    await lab.until(async () => running.has('first'));
    await lab.advance(REMAINING_SECONDS + 10);
    // The crash is recorded, and the second attempt is due after its delay.
    await consumer.deliver({ handler: async () => {} });
    await consumer.untilVisible();
    const second = run('second');
    await lab.until(async () => running.has('second'));
    gates.first.reject(new Error('too late'));
    await first;
    await consumer.publish({ key: 'fenced' });
    let third = 0;
    await consumer.deliver({ handler: async () => void third++ });
    expect(third).toBe(0);
    expect(await consumer.record('fenced')).toMatchObject({ state: 'running', attempts: 2 });
    gates.second.resolve();
    await second;
    await consumer.drain({ handler: async () => void third++ });
    expect(third).toBe(0);
    expect(await consumer.record('fenced')).toMatchObject({ state: 'completed', attempts: 2 });
  });
});

describe('two key prefixes on one shared store at the same time', () => {
  it('Powertools: the result of one is stored under the key of the other, which then never runs', async () => {
    const layer = theirs.layer();
    const gate = Promise.withResolvers<void>();
    let mails = 0;
    const charge = theirs.idempotent(
      async () => {
        await gate.promise;
        return 'charged';
      },
      { layer, keyPrefix: 'charge' },
    );
    const mail = theirs.idempotent(
      async () => {
        mails++;
        return 'mailed';
      },
      { layer, keyPrefix: 'mail' },
    );
    const charging = charge({ key: 'a' });
    await lab.until(async () => (await theirs.items()).length === 1);
    await mail({ key: 'of another' });
    gate.resolve();
    await charging;
    expect(await mail({ key: 'a' })).toBe('charged');
    expect(mails).toBe(1);
  });

  it('here: each job type has its own result, whatever runs beside it', async () => {
    const [charge, mail] = [new InProcess(lab, job), new InProcess(lab, other)];
    const gate = Promise.withResolvers<void>();
    await charge.publish({ key: 'shared' });
    const charging = charge.deliver({
      handler: async () => {
        await gate.promise;
        return 'charged';
      },
    });
    await lab.until(async () => (await charge.record('shared')) !== undefined);
    await mail.publish({ key: 'of another' }, { key: 'shared' });
    await mail.drain({ handler: async () => 'mailed' });
    gate.resolve();
    await charging;
    expect(await charge.record('shared')).toMatchObject({ state: 'completed', result: '"charged"' });
    expect(await mail.record('shared')).toMatchObject({ state: 'completed', result: '"mailed"' });
  });
});

describe('a payload that its handler changes', () => {
  it('Powertools: completes under another key; its own stays locked, and the other one never runs', async () => {
    const runs: unknown[] = [];
    const work = theirs.idempotent(async (data) => {
      runs.push(data.key);
      data.key = 'b';
      return 'done';
    });
    await work({ key: 'a' });
    await expect(work({ key: 'a' })).rejects.toThrow('already an execution in progress');
    expect(await work({ key: 'b' })).toBe('done');
    expect(runs).toEqual(['a']);
  });

  it('here: completes under its own, and the other one has its own run', async () => {
    const consumer = new InProcess(lab, job);
    const runs: string[] = [];
    const handler = async (data: { key: string }) => {
      runs.push(data.key);
      data.key = 'changed-b';
    };
    for (const of of ['changed-a', 'changed-a', 'changed-b']) {
      await consumer.publish({ key: of });
      await consumer.drain({ handler });
    }
    expect(runs).toEqual(['changed-a', 'changed-b']);
    expect(await consumer.record('changed-a')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(await consumer.record('changed-b')).toMatchObject({ state: 'completed', attempts: 1 });
  });
});

describe('an invocation without time left, or without a registered context', () => {
  it.each([
    ['no context', undefined],
    ['0 ms left', 0],
  ])(
    'Powertools: with %s the claim of a process that died has no end but the record’s own',
    async (_what, remainingMs) => {
      const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
      const settings =
        remainingMs === undefined
          ? new IdempotencyConfig({ eventKeyJmesPath: 'key' })
          : config({}, remainingMs);
      // Never ends, as a process that was killed.
      void theirs.idempotent(() => new Promise(() => {}), { config: settings })({ key: 'a' });
      await lab.until(async () => (await theirs.items()).length === 1);
      expect(warned).toHaveBeenCalledWith(expect.stringContaining('Could not determine remaining time left'));
      expect((await theirs.items())[0]).not.toHaveProperty('in_progress_expiration');
      // A quarter of an hour later no invocation of then can be alive.
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 15 * 60_000 });
      try {
        const later = theirs.idempotent(async () => 'ran', { config: config() })({ key: 'a' });
        await expect(later).rejects.toThrow('already an execution in progress');
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it('Powertools: with a millisecond left it has one, so that the trap is the nought', async () => {
    void theirs.idempotent(() => new Promise(() => {}), { config: config({}, 1) })({ key: 'a' });
    await lab.until(async () => (await theirs.items()).length === 1);
    await pause(10);
    expect(await theirs.idempotent(async () => 'ran')({ key: 'a' })).toBe('ran');
  });

  it.each([0, job.timeoutSeconds])(
    'here: with %i s left nothing is claimed and nothing runs, and the job runs later',
    async (remainingSeconds) => {
      const consumer = new InProcess(lab, job);
      const of = `left ${remainingSeconds}`;
      let runs = 0;
      await consumer.publish({ key: of });
      await consumer.deliver({ remainingSeconds, handler: async () => void runs++ });
      expect(runs).toBe(0);
      expect(await consumer.record(of)).toBeUndefined();
      await consumer.drain({ handler: async () => void runs++ });
      expect(await consumer.record(of)).toMatchObject({ state: 'completed', attempts: 1 });
    },
  );

  it('here: a claim ends with its invocation, so that a process that died is found', async () => {
    const consumer = new InProcess(lab, job);
    const never = Promise.withResolvers<void>();
    await consumer.publish({ key: 'leased' });
    const dying = consumer.deliver({ handler: () => never.promise });
    await lab.until(async () => (await consumer.record('leased')) !== undefined);
    const { leaseUntilMs = 0, startedAtMs = 0 } = (await consumer.record('leased')) ?? {};
    expect(leaseUntilMs - startedAtMs).toBeGreaterThan(0);
    expect(leaseUntilMs - startedAtMs).toBeLessThanOrEqual(REMAINING_SECONDS * 1000);
    await lab.advance(REMAINING_SECONDS + 10);
    await consumer.drain({ handler: async () => {} });
    expect(await consumer.record('leased')).toMatchObject({
      state: 'completed',
      history: [{ code: 'CRASHED' }],
    });
    never.resolve();
    await dying;
  });
});

describe('a context that stays registered on a shared config', () => {
  it('Powertools: a claim of one invocation ends with another one’s time, and a second run starts beside it', async () => {
    const shared = config();
    const long = theirs.idempotent(
      async () => {
        running++;
        await gate.promise;
      },
      { config: shared },
    );
    let running = 0;
    const gate = Promise.withResolvers<void>();
    shared.registerLambdaContext(invocationWith(900_000));
    // Another handler of the same environment, with little time left.
    shared.registerLambdaContext(invocationWith(20));
    const first = long({ key: 'a' });
    await lab.until(async () => running === 1);
    await pause(40);
    const second = long({ key: 'a' });
    await lab.until(async () => running === 2);
    gate.resolve();
    await Promise.all([first, second]);
  });

  it('here: each claim ends with its own invocation, whatever began after it', async () => {
    const [long, brief] = [new InProcess(lab, job), new InProcess(lab, other)];
    const gate = Promise.withResolvers<void>();
    await long.publish({ key: 'context' });
    await brief.publish({ key: 'context' });
    const deliveries = [
      long.deliver({ remainingSeconds: 300, handler: () => gate.promise }),
      brief.deliver({ remainingSeconds: 40, handler: () => gate.promise }),
    ];
    await lab.until(async () => Boolean((await long.record('context')) && (await brief.record('context'))));
    const leaseOf = async (of: typeof long) => {
      const { leaseUntilMs = 0, startedAtMs = 0 } = (await of.record('context')) ?? {};
      return (leaseUntilMs - startedAtMs) / 1000;
    };
    expect(await leaseOf(long)).toBeGreaterThan(290);
    expect(await leaseOf(brief)).toBeLessThanOrEqual(40);
    gate.resolve();
    await Promise.all(deliveries);
    expect(await long.record('context')).toMatchObject({ state: 'completed' });
  });
});
