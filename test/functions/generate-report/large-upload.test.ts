import { createHash } from 'node:crypto';
import {
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault, ObservedCall } from '../../../local/faults/index.ts';
import { AwsError } from '../../../local/kernel/errors.ts';
import { cancelJob } from '../../../shared/client/cancel.ts';
import { REPORT_DATA_PREFIX, REPORTS_PREFIX, tableName } from '../../../shared/jobs/names.ts';
import {
  expirationSeconds,
  jobPartitionKey,
  stageStepName,
  stepSortKey,
} from '../../../shared/jobs/record.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { type ReportInput, ReportLab } from './report-lab.ts';

const { generateReport } = JOBS;
const PART_BYTES = 8 * 1024 * 1024;
/** Six parts of 8 MB and one of a byte. */
const PDF = Buffer.alloc(6 * PART_BYTES + 1);
for (let at = 0; at < PDF.length; at += 4096) PDF.writeUInt32LE(at, Math.min(at, PDF.length - 4));
const PARTS = 7;
const SHA256 = createHash('sha256').update(PDF).digest();
const DAY_SECONDS = 86_400;
/** The SDK's own tries in one run. */
const TRIES_A_RUN = 3;

let reports: ReportLab;
let s3: S3Client;
beforeAll(async () => {
  reports = await ReportLab.start();
  const { endpoint, region } = reports.lab.cloud;
  s3 = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
  });
});
afterAll(async () => {
  s3.destroy();
  await reports.stop();
});

/** A report whose PDF is so large: as if the stage that generates it had ended already. */
async function largeReport(): Promise<ReportInput> {
  const report = reports.report({ assets: [] });
  const Key = `${REPORT_DATA_PREFIX}${SHA256.toString('hex')}.pdf`;
  await s3.send(new PutObjectCommand({ Bucket: reports.bucket, Key, Body: PDF }));
  const nowMs = Math.trunc(reports.lab.cloud.clock.now());
  const value = {
    pdf: { key: Key, sha256: SHA256.toString('hex'), bytes: PDF.length },
    counts: { orders: 0, payments: 0, pages: 1, assets: 0, failedAssets: 0 },
    assets: [],
  };
  await reports.lab.dynamo.send(
    new PutCommand({
      TableName: tableName(STAGE, 'jobs'),
      Item: {
        pk: jobPartitionKey(generateReport.type, report.reportId),
        sk: stepSortKey(stageStepName('generate')),
        state: 'done',
        owner: 'earlier',
        firstBegunAtMs: nowMs,
        begunAtMs: nowMs,
        doneAtMs: nowMs,
        result: JSON.stringify({ output: { value }, items: [] }),
        expiration: expirationSeconds(nowMs),
      },
    }),
  );
  return report;
}

const keyOf = ({ reportId }: ReportInput): string => `${REPORTS_PREFIX}${reportId}/report.pdf`;

/** The calls for a report's PDF: `PART 3`, `COMPLETE`. `befall` may let one of them fail. */
function follow(
  report: ReportInput,
  befall: (call: string, moment: ObservedCall['moment']) => Fault | undefined,
) {
  const calls: string[] = [];
  const end = reports.lab.cloud.faults.add(({ operation, query, moment }) => {
    if (!operation.endsWith(keyOf(report))) return undefined;
    const call = callOf(operation, query);
    if (moment === 'before') calls.push(call);
    return befall(call, moment);
  });
  return { calls, end };
}

function callOf(operation: string, query: URLSearchParams): string {
  const [method = ''] = operation.split(' ');
  if (method === 'PUT') return query.has('partNumber') ? `PART ${query.get('partNumber')}` : 'PUT';
  if (method === 'POST') return query.has('uploads') ? 'CREATE' : 'COMPLETE';
  return method === 'DELETE' && query.has('uploadId') ? 'ABORT' : method;
}

const uploadsUnderWay = async (): Promise<string[]> => {
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: reports.bucket }));
  return Uploads.map(({ Key = '' }) => Key);
};

async function holdsWholePdf(report: ReportInput): Promise<void> {
  expect(await reports.record(report)).toMatchObject({ state: 'completed' });
  const files = await reports.files(report);
  const pdf = files.get('report.pdf') ?? new Uint8Array();
  expect(createHash('sha256').update(pdf).digest('hex')).toBe(SHA256.toString('hex'));
  const manifest = JSON.parse(Buffer.from(files.get('manifest.json') ?? []).toString());
  expect(manifest.files).toMatchObject([
    { path: 'report.pdf', sha256: SHA256.toString('hex'), bytes: PDF.length },
  ]);
  expect(reports.mails(report)).toHaveLength(1);
}

const partsOf = (calls: readonly string[]): string[] =>
  calls.filter((call) => call.startsWith('PART')).sort();
const EACH_PART = Array.from({ length: PARTS }, (_, index) => `PART ${index + 1}`);

describe('a large PDF', () => {
  it('goes up in parts, and S3 has held each against its SHA-256', async () => {
    const report = await largeReport();
    const { calls, end } = follow(report, () => undefined);
    await reports.run(report);
    end();
    await holdsWholePdf(report);
    expect(partsOf(calls)).toEqual(EACH_PART);
    const head = await s3.send(
      new HeadObjectCommand({ Bucket: reports.bucket, Key: keyOf(report), ChecksumMode: 'ENABLED' }),
    );
    const ofParts = Array.from({ length: PARTS }, (_, index) =>
      createHash('sha256')
        .update(PDF.subarray(index * PART_BYTES, (index + 1) * PART_BYTES))
        .digest(),
    );
    const ofAll = createHash('sha256').update(Buffer.concat(ofParts)).digest('base64');
    expect(head).toMatchObject({
      ChecksumSHA256: `${ofAll}-${PARTS}`,
      ContentType: 'application/pdf',
      ContentLength: PDF.length,
    });
    expect(await uploadsUnderWay()).toEqual([]);
  });

  it('of which S3 refuses a part once goes up with that one part sent again', async () => {
    const report = await largeReport();
    let refused = 0;
    const { calls, end } = follow(report, (call, moment) =>
      call === 'PART 2' && moment === 'before' && refused++ === 0
        ? new AwsError('SlowDown', 'Please reduce your request rate.', 503)
        : undefined,
    );
    await reports.run(report);
    end();
    await holdsWholePdf(report);
    expect(partsOf(calls)).toEqual([...EACH_PART, 'PART 2'].sort());
    expect(calls.filter((call) => call === 'CREATE')).toHaveLength(1);
  });

  it('of which S3 refuses a part in all tries of a run is aborted, and the next run begins it anew', async () => {
    const report = await largeReport();
    let refused = 0;
    const { calls, end } = follow(report, (call, moment) =>
      call === 'PART 2' && moment === 'before' && refused++ < TRIES_A_RUN
        ? new AwsError('SlowDown', 'Please reduce your request rate.', 503)
        : undefined,
    );
    await reports.run(report);
    end();
    await holdsWholePdf(report);
    expect(calls.filter((call) => !call.startsWith('PART'))).toEqual([
      'CREATE',
      'ABORT',
      'CREATE',
      'COMPLETE',
    ]);
    expect(await uploadsUnderWay()).toEqual([]);
  });

  it('whose completion is answered to nobody is whole all the same', async () => {
    const report = await largeReport();
    let lost = 0;
    const { end } = follow(report, (call, moment) =>
      call === 'COMPLETE' && moment === 'after' && lost++ === 0 ? 'reset' : undefined,
    );
    await reports.run(report);
    end();
    expect(lost).toBeGreaterThan(0);
    await holdsWholePdf(report);
    expect(await uploadsUnderWay()).toEqual([]);
  });

  it.each([2, PARTS])(
    'whose process is killed after part %i is uploaded anew; what it left is removed a day later',
    async (part) => {
      const report = await largeReport();
      let killed = 0;
      const { calls, end } = follow(report, (call, moment) =>
        call === `PART ${part}` && moment === 'after' && killed++ === 0 ? 'kill' : undefined,
      );
      await reports.run(report);
      end();
      await holdsWholePdf(report);
      expect(calls.filter((call) => call === 'CREATE')).toHaveLength(2);
      expect(await uploadsUnderWay()).toEqual([keyOf(report)]);
      await reports.lab.advance(2 * DAY_SECONDS);
      expect(await uploadsUnderWay()).toEqual([]);
    },
  );

  it('whose job is cancelled meanwhile is never to be seen; what it left is removed a day later', async () => {
    const report = await largeReport();
    let held = 0;
    let release = (): void => {};
    const heldUntil = new Promise<void>((go) => {
      release = go;
    });
    const { calls, end } = follow(report, (call, moment) =>
      call === 'PART 3' && moment === 'before' && held++ === 0 ? { heldUntil } : undefined,
    );
    await reports.lab.publish(generateReport, report);
    await reports.lab.until(async () => held > 0);
    const { dynamo, cloud, lookup } = reports.lab;
    await cancelJob(generateReport, report.reportId, { dynamo, stage: STAGE, now: () => cloud.clock.now() });
    await reports.lab.until(async () => {
      const pk = jobPartitionKey(generateReport.type, report.reportId);
      const steps = await lookup.steps({ pk });
      return steps.some(({ failure }) => failure?.code === 'CANCELLED');
    });
    release();
    await reports.lab.drain();
    end();
    expect(await reports.record(report)).toMatchObject({ state: 'cancelled' });
    expect(calls).not.toContain('COMPLETE');
    expect(await reports.files(report)).toEqual(new Map());
    await reports.lab.advance(2 * DAY_SECONDS);
    expect(await uploadsUnderWay()).toEqual([]);
  });
});
