import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { type AnyJob, defineJob } from '../../../shared/jobs/define-job.ts';
import {
  DEFAULT_STAGE_RETRY,
  defineStage,
  defineStagedJob,
  isStaged,
  type StagedJobSettings,
  type StageOrder,
} from '../../../shared/jobs/staged-job.ts';

const any = z.unknown();
const stage = (name: string, changes: object = {}) =>
  defineStage({ name, input: any, output: any, ...changes });
const fan = (name: string) => stage(name, { forEach: { list: 'items', mostAtATime: 5 } });
const base = {
  type: 'make-film',
  payload: z.object({ title: z.string() }),
  key: ({ title }: { title: string }) => title,
};
const withStages = (...stages: StageOrder) => defineStagedJob({ ...base, stages });

describe('defineStage', () => {
  it('needs a name, an input and an output; the rest has defaults', () => {
    expect(stage('plan')).toMatchObject({
      timeoutSeconds: 60,
      memoryMegabytes: 512,
      retry: DEFAULT_STAGE_RETRY,
    });
  });

  it.each([
    ['Plan', {}, 'Stage "Plan": use lower case letters, digits and "-"'],
    ['1st', {}, 'Stage "1st": use lower case letters'],
    ['p'.repeat(31), {}, 'at most 30 characters'],
    ['value', {}, 'not "value" or "object"'],
    ['object', {}, 'not "value" or "object"'],
    ['a/b', {}, 'Stage "a/b": use lower case letters'],
    [
      'plan',
      { timeoutSeconds: 841 },
      'Stage "plan": timeoutSeconds is 841; give a whole number from 1 to 840.',
    ],
    ['plan', { memoryMegabytes: 64 }, 'memoryMegabytes is 64; give a whole number from 128 to 10240.'],
    ['plan', { retry: { ...DEFAULT_STAGE_RETRY, attempts: 0 } }, 'retry.attempts is 0; give'],
    ['plan', { retry: { ...DEFAULT_STAGE_RETRY, baseSeconds: 0.5 } }, 'retry.baseSeconds is 0.5; give'],
    ['plan', { retry: { ...DEFAULT_STAGE_RETRY, capSeconds: 86_401 } }, 'retry.capSeconds is 86401; give'],
    [
      'plan',
      { forEach: { list: 'x', mostAtATime: 41 } },
      'forEach.mostAtATime is 41; give a whole number from 1 to 40.',
    ],
  ])('refuses a stage "%s" with %j, naming what is wrong and what is allowed', (name, changes, message) => {
    expect(() => stage(name, changes)).toThrow(message);
  });
});

describe('defineStagedJob', () => {
  it('is a job like any other, whose starter has a short time, and lasts a day at most by default', () => {
    const job = withStages(stage('plan'), fan('frame'), stage('cut'));
    expect(job).toMatchObject({ type: 'make-film', timeoutSeconds: 15, executionTimeoutSeconds: 86_400 });
    expect(isStaged(job as AnyJob)).toBe(true);
    expect(isStaged(defineJob(base) as AnyJob)).toBe(false);
    expectTypeOf(job).toExtend<AnyJob>();
    expectTypeOf(job).toExtend<StagedJobSettings>();
  });

  it('takes a fan-out first, after one stage, and before stages side by side', () => {
    const order = [fan('a'), stage('b'), fan('c'), [stage('d'), stage('e')], stage('f')];
    expect(withStages(...order).stages).toEqual(order);
  });

  it.each<[string, StageOrder, string]>([
    ['no stage', [], 'Staged job "make-film": give at least one stage.'],
    [
      'two of one name',
      [stage('a'), [stage('b'), stage('a')]],
      'stage "a" is there twice; each has a name of its own.',
    ],
    ['one stage side by side', [[stage('a')]], 'stages side by side are two or more.'],
    [
      'a fan-out side by side',
      [[stage('a'), fan('b')]],
      'stage "b" cannot both run side by side with others and fan out.',
    ],
    [
      'a fan-out after several',
      [[stage('a'), stage('b')], fan('c')],
      'stage "c" fans out over a list, and what is before it are several stages.',
    ],
    [
      'a fan-out after another',
      [fan('a'), fan('b')],
      'stage "b" fans out right after stage "a"; put a stage between them.',
    ],
  ])('refuses an order with %s in a sentence', (_, stages, sentence) => {
    expect(() => withStages(...stages)).toThrow(sentence);
  });

  it.each([59, 31_536_001, 90.5])('refuses executions of %d s', (executionTimeoutSeconds) => {
    expect(() => defineStagedJob({ ...base, stages: [stage('a')], executionTimeoutSeconds })).toThrow(
      `executionTimeoutSeconds is ${executionTimeoutSeconds}; give a whole number from 60 to 31536000.`,
    );
  });

  it('refuses what every job refuses', () => {
    expect(() => defineStagedJob({ ...base, type: 'Make Film', stages: [stage('a')] })).toThrow(
      'type is "Make Film"; use lower case letters',
    );
  });
});
