import * as z from 'zod';
import { deadLetter, NotDone, PermanentError, RetryAfter, verify } from '../../shared/consumer/index.ts';
import { schedule } from '../../shared/jobs/schedule.ts';
import { defineStage, defineStagedJob, type Stage, type StagedJob } from '../../shared/jobs/staged-job.ts';
import type { StageContext } from '../../shared/stages/index.ts';
import type { Fault } from './faults.ts';
import type { Payload } from './jobs.ts';
import { Refused } from './provider.ts';
import type { World } from './world.ts';

const RETRY = { attempts: 3, baseSeconds: 2, capSeconds: 20 };
const TIMEOUT_SECONDS = 5;
/** Stages that ask for later, or look for long after an uncertain step, run into it. */
const EXECUTION_TIMEOUT_SECONDS = 1200;
/** More than an execution carries inline. */
const LARGE_CHARACTERS = 46_000;

const Part = z.object({ place: z.int(), filling: z.string() });
const Found = z.object({ parts: z.array(Part) });
const receipt = z.string();

const stage = { timeoutSeconds: TIMEOUT_SECONDS, retry: RETRY };
const STAGES = {
  gather: defineStage({ ...stage, name: 'gather', input: z.looseObject({}), output: Found }),
  part: defineStage({
    ...stage,
    name: 'part',
    input: Part,
    output: receipt,
    forEach: { list: 'parts', mostAtATime: 2 },
  }),
  archive: defineStage({ ...stage, name: 'archive', input: z.array(receipt), output: receipt }),
  mail: defineStage({ ...stage, name: 'mail', input: z.array(receipt), output: receipt }),
};

export type StageName = keyof typeof STAGES;
// biome-ignore lint/suspicious/noExplicitAny: each stage has an input of its own
export const stageOf = (name: StageName): Stage<any, any> => STAGES[name];
/** In order. */
export const ORDER: readonly (readonly StageName[])[] = [['gather'], ['part'], ['archive', 'mail']];

/** A job in stages: one, then one for each part, then two side by side. */
export function stagedContract(type: string, delaysSeconds: readonly number[]): StagedJob<Payload, Payload> {
  return defineStagedJob({
    type,
    payload: z.object({ job: z.string(), variant: z.int() }),
    key: ({ job }) => job,
    schedule: schedule(delaysSeconds),
    batchSize: 10,
    maxConcurrency: 2,
    executionTimeoutSeconds: EXECUTION_TIMEOUT_SECONDS,
    stages: [STAGES.gather, STAGES.part, [STAGES.archive, STAGES.mail]],
  });
}

export function partsOf(job: string): readonly number[] {
  return Number(job.slice(-6)) % 2 === 0 ? [0] : [0, 1];
}

/** All runs of a stage that a job needs, as the records name them. */
export function runsOf(job: string, name: StageName): readonly string[] {
  return name === 'part' ? partsOf(job).map((place) => `stage/part[${place}]`) : [`stage/${name}`];
}

/** The steps with an effect outside that a completed job has left. */
export function stagedSteps(job: string): readonly string[] {
  return ORDER.flat()
    .flatMap((name) => runsOf(job, name))
    .map(effectOf);
}

/** Where a stage has its effect: some within a step of its own, which may happen once; others leave it to the stage, which may run again. */
export function effectOf(run: string): string {
  if (/^stage\/part\[\d+\]$/.test(run)) return `${run}/print`;
  return run === 'stage/mail' ? 'stage/mail/send' : run;
}

export const REPEATABLE_STAGES: readonly string[] = ['stage/gather', 'stage/archive'];

interface StageRun {
  readonly job: string;
  readonly world: World;
  readonly faults: readonly Fault[];
}

/** What the stages do, on the provider outside. */
export function workOf(name: StageName, { job, world, faults }: StageRun) {
  const effect = async (step: string, { signal }: StageContext<Payload>): Promise<string> => {
    try {
      return await world.provider.call(job, step, { signal, once: REPEATABLE_STAGES.includes(step) });
    } catch (error) {
      throw error instanceof Refused ? new NotDone('The provider refused.', { cause: error }) : error;
    }
  };
  const work = async (input: unknown, context: StageContext<Payload>): Promise<unknown> => {
    await context.progress(0.5, 'half of it');
    switch (name) {
      case 'gather': {
        await effect('stage/gather', context);
        return { parts: partsOf(job).map((place) => ({ place, filling: fillingOf(job) })) };
      }
      case 'part': {
        const { place } = input as z.infer<typeof Part>;
        if (place !== context.index) throw wrongInput(world, job, name);
        const step = effectOf(`stage/part[${place}]`);
        return context.step('print', () => effect(step, context), {
          ifUncertain: verify(({ begunAtMs }) => world.provider.look<string>(job, step, begunAtMs)),
        });
      }
      case 'archive':
      case 'mail': {
        const receipts = partsOf(job).map((place) =>
          world.provider.receipt(job, effectOf(`stage/part[${place}]`)),
        );
        if (JSON.stringify(input) !== JSON.stringify(receipts)) throw wrongInput(world, job, name);
        if (name === 'archive') return effect('stage/archive', context);
        return context.step('send', () => effect('stage/mail/send', context), { ifUncertain: deadLetter() });
      }
    }
  };
  return async (input: unknown, context: StageContext<Payload>): Promise<unknown> => {
    const has = (kind: string): Fault | undefined => faults.find((fault) => fault.kind === kind);
    const fails = has('stage-throws');
    if (fails && fails.moment !== 'after') throw failure();
    if (has('stage-gives-up'))
      throw new PermanentError('The simulated stage gives up.', { code: 'SIM_PERMANENT' });
    if (has('stage-asks-for-later')) throw new RetryAfter(60, 'the simulation wants it so');
    if (has('stage-hangs')) await new Promise(() => {});
    const output = await work(input, context);
    if (fails) throw failure();
    return output;
  };
}

function fillingOf(job: string): string {
  return Number(job.slice(-6)) % 10 === 3 ? job.padEnd(LARGE_CHARACTERS, '.') : '';
}

function wrongInput(world: World, job: string, name: string): Error {
  world.violate('a stage is given what the one before returned', `${job} ${name}`);
  return new Error('The simulation stops here.');
}

function failure(): Error {
  return Object.assign(new Error('The simulated stage failed.'), { code: 'SIM_FAILED' });
}
