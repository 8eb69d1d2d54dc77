import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { ReportLab } from './report-lab.ts';

const { generateReport } = JOBS;
/** The SDK's own tries in one run. */
const TRIES_A_RUN = 3;

let reports: ReportLab;
beforeAll(async () => {
  reports = await ReportLab.start();
});
afterAll(() => reports.stop());

/** Lets S3 refuse the PDF so often. @returns what lifts it, and how often it refused so far */
function refuseUploads(times: number): { lift: () => void; refused: () => number } {
  let refused = 0;
  const lift = reports.lab.cloud.faults.add(({ functionName, operation, moment }) => {
    const isPdf = operation.startsWith('PUT ') && operation.endsWith('/report.pdf');
    if (functionName !== reports.functionOf('upload') || !isPdf || moment !== 'before') return undefined;
    if (refused >= times) return undefined;
    refused++;
    return new AwsError('SlowDown', 'Please reduce your request rate.', 503);
  });
  return { lift, refused: () => refused };
}

/** Counts the runs of each stage: each begins with one read of its step by a call to DynamoDB. */
function countRuns(): { runs: Map<string, number>; end: () => void } {
  const runs = new Map<string, number>();
  const end = reports.lab.cloud.faults.add(({ functionName, moment }) => {
    if (moment === 'before' && functionName.startsWith('hj-'))
      runs.set(functionName, (runs.get(functionName) ?? 0) + 1);
    return undefined;
  });
  return { runs, end };
}

describe('a report whose upload S3 refuses', () => {
  it('three times recovers by itself', async () => {
    const { lift, refused } = refuseUploads(3 * TRIES_A_RUN);
    const report = reports.report();
    await reports.run(report);
    lift();
    expect(refused()).toBe(3 * TRIES_A_RUN);
    expect(await reports.record(report)).toMatchObject({ state: 'completed' });
    expect(reports.mails(report)).toHaveLength(1);
    expect(await reports.files(report)).toHaveProperty('size', 8);
  });

  it('for good is a dead letter that names the stage; redriven once S3 takes it, it goes on there, and what was done is not done again', async () => {
    const { lift } = refuseUploads(Number.POSITIVE_INFINITY);
    const report = reports.report();
    await reports.run(report);
    expect(await reports.record(report)).toMatchObject({ state: 'dead' });
    const letter = await reports.lab.deadLetterOf(generateReport, report.reportId);
    // The look has hidden it for a moment.
    await reports.lab.advance(60);
    expect(letter?.reason).toMatchObject({
      code: 'STAGE_FAILED',
      message: expect.stringMatching(/upload.*SlowDown: Please reduce your request rate\./s),
    });
    expect(reports.mails(report)).toEqual([]);
    expect(await reports.row(report)).toMatchObject({ state: 'preparing' });

    lift();
    const { runs, end } = countRuns();
    await reports.lab.redrive(generateReport);
    await reports.lab.drain();
    end();
    expect(await reports.record(report)).toMatchObject({ state: 'completed', life: 2 });
    expect([...runs.keys()].sort()).toEqual(
      ['notify', 'record', 'upload'].map((name) => reports.functionOf(name)),
    );
    expect(reports.mails(report)).toHaveLength(1);
    expect(await reports.files(report)).toHaveProperty('size', 8);
  });
});
