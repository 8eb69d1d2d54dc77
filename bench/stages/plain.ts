import { S3Client } from '@aws-sdk/client-s3';
import { readAsset } from '../../functions/generate-report/asset-source.ts';
import { reportDocument, type Shown } from '../../functions/generate-report/document/report-document.ts';
import { sizesOf } from '../../functions/generate-report/pictures/sizes.ts';
import { readFigures } from '../../functions/generate-report/read-figures.ts';
import { ReportFiles } from '../../functions/generate-report/report-files.ts';
import { Uploader } from '../../functions/generate-report/uploader.ts';
import { CLIENT_DEFAULTS, documentClient } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required, tableVariable } from '../../shared/jobs/environment.ts';
import type { Report } from '../../shared/jobs/generate-report.ts';

const bucket = required(ENVIRONMENT.bucket);
const s3 = new S3Client(CLIENT_DEFAULTS);
const uploader = new Uploader(s3, bucket, new ReportFiles(s3, bucket));

/** The same report in one plain function: nothing is recorded, and what fails begins anew. */
export async function handler({ title, period, assets, reportId }: Report): Promise<{ files: number }> {
  const { signal } = new AbortController();
  const pictures: Shown[] = [];
  let files = 0;
  for (const [index, { name, source }] of assets.entries())
    for (const { size, bytes, width, height } of await sizesOf(
      await readAsset(source, { s3, bucket, signal }),
    )) {
      await uploader.write(bytes, `reports/${reportId}/${index}-${size}.jpg`, 'image/jpeg', signal);
      files++;
      if (size === 'small') pictures.push({ name, jpeg: bytes, width, height });
    }
  const figures = await readFigures(period, {
    dynamo: documentClient(),
    tables: { orders: required(tableVariable('orders')), payments: required(tableVariable('payments')) },
    signal,
    progress: async () => {},
  });
  const { bytes } = await reportDocument({ title, period, figures, pictures });
  await uploader.write(bytes, `reports/${reportId}/report.pdf`, 'application/pdf', signal);
  return { files: files + 1 };
}
