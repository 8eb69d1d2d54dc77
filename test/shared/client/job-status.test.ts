import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../shared/client/job-status.ts';
import type { JobRecord } from '../../../shared/jobs/record.ts';

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
});
