import { describe, expect, it } from 'vitest';
import { statusOf, stepStatusOf } from '../../../shared/client/job-status.ts';
import type { JobRecord, StepRecord } from '../../../shared/jobs/record.ts';

describe('a record, at the very moment,', () => {
  const record = (changes: Partial<JobRecord>): JobRecord => ({
    pk: 'probe#1',
    sk: 'job',
    jobId: '1',
    status: 'INPROGRESS',
    state: 'running',
    owner: 'o',
    requestId: 'r',
    leaseUntilMs: 1000,
    payloadHash: 'h',
    attempts: 2,
    life: 1,
    messageId: 'm',
    startedAtMs: 500,
    expiration: 9,
    ...changes,
  });

  it('shows nothing as running once its lease is over', () => {
    expect(statusOf(record({}), 999)).toMatchObject({ state: 'running', sinceMs: 500, attempt: 2 });
    expect(statusOf(record({}), 1000)).toEqual({ state: 'crashed', startedAtMs: 500, attempt: 2 });
  });

  it('tells a job that backs off from one that is due', () => {
    const retrying = record({ state: 'retrying', notBeforeMs: 2000 });
    expect(statusOf(retrying, 1999)).toEqual({ state: 'backing-off', untilMs: 2000, failedAttempts: 2 });
    expect(statusOf(retrying, 2000)).toEqual({ state: 'due', sinceMs: 2000, failedAttempts: 2 });
  });

  it('tells a step that a stage’s run may be in from one that it has left, whatever became of the execution', () => {
    const stage = {
      pk: 'probe#1',
      sk: 'step#stage/a',
      state: 'begun',
      owner: 'w',
      begunAtMs: 500,
    } as StepRecord;
    const failure = { code: 'Error', message: 'no', atMs: 600, requestId: 'r' };
    const step = { ...stage, sk: 'step#stage/a/call', leaseUntilMs: 1000 };
    const stateOf = (stageNow: StepRecord, nowMs: number) =>
      stepStatusOf(step, record({ state: 'dead' }), nowMs, [stageNow, step]).state;
    expect(stateOf(stage, 999)).toBe('under-way');
    expect(stateOf(stage, 1000)).toBe('uncertain');
    expect(stateOf({ ...stage, failure }, 700)).toBe('uncertain');
    // Another run has the stage by now; the former one may be in the step all the same.
    expect(stateOf({ ...stage, owner: 'other', failure }, 700)).toBe('under-way');
  });
});
