import { S3Client } from '@aws-sdk/client-s3';
import { CLIENT_DEFAULTS, documentClient } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required, tableVariable } from '../../shared/jobs/environment.ts';
import { generate, generateReport, type ProcessedAsset } from '../../shared/jobs/generate-report.ts';
import { runStage } from '../../shared/stages/index.ts';
import { reportDocument, type Shown } from './document/report-document.ts';
import { inParallel } from './in-parallel.ts';
import { readFigures } from './read-figures.ts';
import { ReportFiles } from './report-files.ts';

const READS_AT_A_TIME = 10;

const tables = { orders: required(tableVariable('orders')), payments: required(tableVariable('payments')) };
const dynamo = documentClient();
const files = new ReportFiles(new S3Client(CLIENT_DEFAULTS), required(ENVIRONMENT.bucket));

export const handler = runStage(generateReport, generate, async (assets, { payload, signal, progress }) => {
  const { title, period } = payload;
  const figures = await readFigures(period, {
    dynamo,
    tables,
    signal,
    progress: (fraction, text) => progress(fraction / 2, text),
  });
  const pictures = await inParallel(assets, READS_AT_A_TIME, (asset) => shown(asset, signal));
  await progress(0.75, 'the figures are added up and the pictures read');
  const { bytes, pages } = await reportDocument({ title, period, figures, pictures });
  return {
    pdf: await files.keep(bytes, '.pdf', 'application/pdf', signal),
    counts: {
      orders: figures.orders,
      payments: figures.payments,
      pages,
      assets: assets.length,
      failedAssets: assets.filter(({ state }) => state === 'failed').length,
    },
    assets,
  };
});

async function shown(asset: ProcessedAsset, signal: AbortSignal): Promise<Shown> {
  if (asset.state === 'failed') return asset;
  const small = asset.images.find(({ size }) => size === 'small');
  if (!small) return { name: asset.name, reason: 'its small size was not made' };
  return {
    name: asset.name,
    jpeg: await files.read(small, signal),
    width: small.width,
    height: small.height,
  };
}
