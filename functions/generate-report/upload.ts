import { S3Client } from '@aws-sdk/client-s3';
import { CLIENT_DEFAULTS, documentClient } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required, tableVariable } from '../../shared/jobs/environment.ts';
import { generateReport, upload } from '../../shared/jobs/generate-report.ts';
import { runStage } from '../../shared/stages/index.ts';
import { inParallel } from './in-parallel.ts';
import { manifestOf, pictureName, prefixOf, type ReportFile } from './manifest.ts';
import { ReportFiles } from './report-files.ts';
import { ReportRows } from './report-rows.ts';
import { Uploader } from './uploader.ts';

const COPIES_AT_A_TIME = 16;

const bucket = required(ENVIRONMENT.bucket);
// A part of 8 MB may take a while.
const s3 = new S3Client({
  ...CLIENT_DEFAULTS,
  requestHandler: { ...CLIENT_DEFAULTS.requestHandler, requestTimeout: 30_000 },
});
const uploader = new Uploader(s3, bucket, new ReportFiles(s3, bucket));
const rows = new ReportRows(documentClient(), required(tableVariable('reports')));

export const handler = runStage(
  generateReport,
  upload,
  async ({ pdf, counts, assets }, { payload, signal, progress }) => {
    await rows.reserve(payload);
    const prefix = prefixOf(payload);
    const report = await uploader.upload(pdf, `${prefix}report.pdf`, 'application/pdf', signal);
    const pictures = assets.flatMap((asset, index) =>
      asset.state === 'failed'
        ? []
        : asset.images.map((image) => ({
            image,
            asset: asset.name,
            path: pictureName(index, asset.name, image.size),
          })),
    );
    let copied = 0;
    const copies = await inParallel(
      pictures,
      COPIES_AT_A_TIME,
      async ({ image, asset, path }): Promise<ReportFile> => {
        const { size, width, height } = image;
        const file = await uploader.copy(image, `${prefix}${path}`, signal);
        await progress(++copied / (pictures.length + 1), `${copied} of ${pictures.length} pictures`);
        return { ...file, asset, size, width, height };
      },
    );
    const failed = assets.flatMap((asset) =>
      asset.state === 'failed' ? [{ name: asset.name, reason: asset.reason }] : [],
    );
    const manifest = await uploader.write(
      manifestOf(payload, [report, ...copies], failed),
      `${prefix}manifest.json`,
      'application/json',
      signal,
    );
    return {
      prefix,
      files: copies.length + 2,
      pdf: report,
      manifest,
      counts,
      failedAssets: failed.map(({ name }) => name),
    };
  },
);
