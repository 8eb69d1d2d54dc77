import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import {
  type AnyJob,
  defineJob,
  functionTimeoutSeconds,
  type JobSettings,
  maxReceiveCount,
} from '../../../shared/jobs/define-job.ts';
import { JOBS, jobByType } from '../../../shared/jobs/registry.ts';
import { DEFAULT_SCHEDULE, schedule } from '../../../shared/jobs/schedule.ts';

const base = {
  type: 'send-receipt',
  payload: z.object({ orderId: z.string() }),
  key: ({ orderId }: { orderId: string }) => orderId,
};

describe('defineJob', () => {
  it('needs a type, a payload and a key; the rest has defaults', () => {
    expect(defineJob(base)).toMatchObject({
      timeoutSeconds: 30,
      schedule: DEFAULT_SCHEDULE,
      batchSize: 10,
      maxConcurrency: 10,
      memoryMegabytes: 256,
    });
  });

  it('gives two receives for every attempt and five to spare, and the function time to record what a job left', () => {
    const job = defineJob({ ...base, schedule: schedule([1, 1]), timeoutSeconds: 20 });
    expect(maxReceiveCount(job)).toBe(11);
    expect(functionTimeoutSeconds(job)).toBe(35);
  });

  it.each([
    [{ type: 'Send Receipt' }, 'type is "Send Receipt"; use lower case letters'],
    [{ timeoutSeconds: 0 }, 'timeoutSeconds is 0; give a whole number from 1 to 840'],
    [{ timeoutSeconds: 900 }, 'timeoutSeconds is 900'],
    [{ batchSize: 11 }, 'batchSize is 11; give a whole number from 1 to 10'],
    [{ maxConcurrency: 1 }, 'maxConcurrency is 1; give a whole number from 2 to 1000'],
    [{ memoryMegabytes: 64 }, 'memoryMegabytes is 64; give a whole number from 128 to 10240'],
    [
      { schedule: { delaysSeconds: [5, 0] } },
      'Job "send-receipt": Delay 2 of the schedule is 0: give whole seconds',
    ],
    [
      { schedule: { delaysSeconds: Array(50).fill(1) } },
      'Job "send-receipt": A schedule of 50 delays is too long',
    ],
  ])('refuses %j, naming the setting, the value and what is allowed', (wrong, message) => {
    expect(() => defineJob({ ...base, ...wrong })).toThrow(message);
  });

  it('types the key by the payload, and reads as settings and as any job', () => {
    const job = defineJob(base);
    expectTypeOf(job.key).parameter(0).toEqualTypeOf<{ orderId: string }>();
    expectTypeOf(job).toExtend<JobSettings>();
    expectTypeOf(job).toExtend<AnyJob>();
  });
});

describe('the registry', () => {
  it('finds each contract by its type', () => {
    for (const job of Object.values(JOBS)) expect(jobByType(job.type)).toBe(job);
    expect(jobByType('constructor')).toBeUndefined();
  });
});
