import { createHash } from 'node:crypto';
import { extractText, getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode } from '../../../functions/generate-report/pictures/codecs.ts';
import { RECORD_RETENTION_SECONDS } from '../../../shared/jobs/define-job.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { ReportLab } from './report-lab.ts';

let reports: ReportLab;
beforeAll(async () => {
  reports = await ReportLab.start();
});
afterAll(() => reports.stop());

async function textOf(pdf: Uint8Array<ArrayBuffer> | undefined): Promise<string> {
  const { text } = await extractText(await getDocumentProxy(Uint8Array.from(pdf ?? [])), {
    mergePages: true,
  });
  return text;
}

describe('a report', () => {
  it('ends as files that open, one e-mail and one row', async () => {
    const report = reports.report();
    await reports.run(report);
    expect(await reports.record(report)).toMatchObject({ state: 'completed' });

    const files = await reports.files(report);
    expect([...files.keys()]).toEqual([
      'manifest.json',
      'pictures/0001-shelf-large.jpg',
      'pictures/0001-shelf-medium.jpg',
      'pictures/0001-shelf-small.jpg',
      'pictures/0003-schaufenster-large.jpg',
      'pictures/0003-schaufenster-medium.jpg',
      'pictures/0003-schaufenster-small.jpg',
      'report.pdf',
    ]);
    const text = await textOf(files.get('report.pdf'));
    expect(text).toMatch(/2\s+Orders\s+3\s+Payments\s+2\s+Days/);
    expect(text).toMatch(/EUR\s+3\s+€22.49\s+€3.00\s+2\s+€59.60/);
    expect(text).toMatch(/Sencha, 100 g\s+TEA\s+4/);
    expect(text).toContain('Schaufenster');
    for (const [path, bytes] of files)
      if (path.endsWith('.jpg')) {
        const { width, height } = await decode('jpeg', bytes);
        const side = { large: 900, medium: 640, small: 160 }[path.split('-').at(-1)?.slice(0, -4) ?? ''] ?? 0;
        expect(Math.max(width, height)).toBe(path.includes('0003') ? Math.min(700, side) : side);
      }

    const manifest = JSON.parse(Buffer.from(files.get('manifest.json') ?? []).toString()) as {
      files: { path: string; sha256: string; bytes: number }[];
    };
    expect(manifest.files).toHaveLength(files.size - 1);
    for (const { path, sha256, bytes } of manifest.files) {
      const found = files.get(path);
      expect(found).toHaveLength(bytes);
      expect(
        createHash('sha256')
          .update(found ?? '')
          .digest('hex'),
      ).toBe(sha256);
    }

    const [mail, ...others] = reports.mails(report);
    expect(others).toEqual([]);
    expect(mail?.to).toEqual(['boss@example.com']);
    expect(await reports.row(report)).toMatchObject({
      state: 'ready',
      title: report.title,
      files: 8,
      counts: { orders: 2, payments: 3, assets: 3, failedAssets: 1 },
      failedAssets: ['Broken window'],
    });
  });

  it('names a damaged picture with the reason in its PDF and its manifest, and goes on without it', async () => {
    const report = reports.report();
    await reports.run(report);
    const files = await reports.files(report);
    expect(await textOf(files.get('report.pdf'))).toMatch(
      /Pictures that could not be read[\s\S]*Broken window\s+it is damaged/,
    );
    expect(JSON.parse(Buffer.from(files.get('manifest.json') ?? []).toString())).toMatchObject({
      failedAssets: [{ name: 'Broken window', reason: expect.stringContaining('it is damaged') }],
    });
  });

  it('is linked to from its e-mail, and the link opens', async () => {
    const report = reports.report();
    await reports.run(report);
    const row = (await reports.row(report)) as { links: { pdf: string; manifest: string } };
    const answer = await fetch(row.links.pdf);
    expect(answer.status).toBe(200);
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(
      (await reports.files(report)).get('report.pdf'),
    );
  });

  it('without pictures is a report too', async () => {
    const report = reports.report({ assets: [] });
    await reports.run(report);
    expect([...(await reports.files(report)).keys()]).toEqual(['manifest.json', 'report.pdf']);
    expect(reports.mails(report)).toHaveLength(1);
  });

  it('goes on without what cannot be fetched: an address of this machine, one that is not there, a missing object', async () => {
    const report = reports.report({
      assets: [
        { name: 'Metadata', source: 'https://169.254.169.254/latest/meta-data/' },
        { name: 'Loopback', source: 'https://127.0.0.1:1/a.jpg' },
        { name: 'Missing', source: 's3://report-assets/missing.jpg' },
        { name: 'Shelf', source: 's3://report-assets/shelf.jpg' },
      ],
    });
    await reports.run(report);
    expect(await reports.row(report)).toMatchObject({
      counts: { assets: 4, failedAssets: 3 },
      failedAssets: ['Metadata', 'Loopback', 'Missing'],
    });
  });

  it('of an id that another report has had, weeks ago, changes nothing of that one and mails nobody', async () => {
    const report = reports.report({ assets: [] });
    await reports.run(report);
    const [row, files] = [await reports.row(report), await reports.files(report)];
    await reports.lab.advance(RECORD_RETENTION_SECONDS + 3600);
    await reports.run({ ...report, title: 'Another one' });
    expect((await reports.record(report))?.verdict?.message).toContain('REPORT_ID_REUSED');
    expect(await reports.row(report)).toEqual(row);
    expect(await reports.files(report)).toEqual(files);
    expect(reports.mails(report)).toHaveLength(1);
  }, 180_000);

  it('that is published twice is one report', async () => {
    const report = reports.report();
    await reports.lab.publishTwice(JOBS.generateReport, report);
    await reports.lab.drain();
    expect(reports.mails(report)).toHaveLength(1);
  });
});
