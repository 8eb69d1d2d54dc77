import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { statusOf } from '../../shared/client/job-status.ts';
import { tableName } from '../../shared/jobs/names.ts';
import type { JobRecord } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';

const PROGRAM = fileURLToPath(new URL('../../cli/honest-jobs.mjs', import.meta.url));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  await lab.dynamo.send(
    new PutCommand({
      TableName: tableName(STAGE, 'accounts'),
      Item: { accountId: 'acc-cli', balanceMinor: 10, currency: 'EUR' },
    }),
  );
  const payment = { accountId: 'acc-cli', amountMinor: 5, currency: 'EUR' };
  await lab.publish(JOBS.processPayment, { ...payment, transactionId: 'tx-good' }, { id: 'job-good' });
  await lab.publish(
    JOBS.processPayment,
    { ...payment, transactionId: 'tx-dead', accountId: 'acc-none' },
    { id: 'job-dead' },
  );
  await lab.send(JOBS.processPayment, 'no JSON');
  await lab.drain();
});
afterAll(() => lab.stop());

async function honestJobs(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [PROGRAM, ...args, '--endpoint-url', lab.cloud.endpoint],
      { env: { ...process.env, ...lab.cloud.environment } },
    );
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

describe('honest-jobs status', () => {
  it('tells a completed job by the id of its publisher', async () => {
    const { code, stdout } = await honestJobs('status', 'job-good');
    expect(code).toBe(0);
    expect(stdout).toContain('process-payment#tx-good');
    expect(stdout).toMatch(/completed 2\S+Z, result \{"transactionId":"tx-good"\}/);
  });

  it('tells by type and key why a job died, and each attempt that failed', async () => {
    const { code, stdout } = await honestJobs('status', 'process-payment#tx-dead');
    expect(code).toBe(0);
    expect(stdout).toMatch(/dead-lettered 2\S+Z because UNKNOWN_ACCOUNT: There is no account acc-none\./);
    expect(stdout).toMatch(
      /life 1, attempt 1: 2\S+Z, took \d+\.\d s, request [0-9a-f-]{36}\n {6}UNKNOWN_ACCOUNT/,
    );
  });

  it('says what it may mean that there is no record, and exits 1', async () => {
    const { code, stdout } = await honestJobs('status', 'job-none');
    expect(code).toBe(1);
    expect(stdout).toContain('still waits for its first attempt, or it was never accepted');
  });
});

describe('honest-jobs dead', () => {
  it('lists the dead letters of a type with their reasons', async () => {
    const { code, stdout } = await honestJobs('dead', 'process-payment');
    expect(code).toBe(0);
    expect(stdout).toContain('2 dead letters of process-payment in stage "dev"');
    expect(stdout).toMatch(/process-payment#tx-dead \(id job-dead\), sent 2\S+Z\n {4}UNKNOWN_ACCOUNT/);
    expect(stdout).toMatch(/message [0-9a-f-]{36}, sent 2\S+Z\n {4}NOT_JSON: The body is not JSON/);
  });

  it.each([
    [
      ['dead', 'send-fax'],
      'There is no job type "send-fax"; there are send-email, process-payment, place-order.',
    ],
    [['redo', 'x'], 'There is no command "redo"'],
    [['status'], '"status" takes one argument'],
    [['status', 'x', '--bogus'], "Unknown option '--bogus'"],
  ])('and refuses %j with one sentence and exit code 2', async (args, message) => {
    const { code, stderr } = await honestJobs(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('statusOf', () => {
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
