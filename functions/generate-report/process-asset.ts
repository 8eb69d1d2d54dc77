import { S3Client } from '@aws-sdk/client-s3';
import { CLIENT_DEFAULTS } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required } from '../../shared/jobs/environment.ts';
import {
  generateReport,
  type ProcessedAsset,
  processAsset,
  type StoredImage,
} from '../../shared/jobs/generate-report.ts';
import { runStage } from '../../shared/stages/index.ts';
import { readAsset, UnreadableAsset } from './asset-source.ts';
import { CorruptPicture } from './pictures/corrupt-picture.ts';
import { sizesOf } from './pictures/sizes.ts';
import { ReportFiles } from './report-files.ts';

const s3 = new S3Client(CLIENT_DEFAULTS);
const bucket = required(ENVIRONMENT.bucket);
const files = new ReportFiles(s3, bucket);

export const handler = runStage(
  generateReport,
  processAsset,
  async ({ name, source }, { signal, log }): Promise<ProcessedAsset> => {
    try {
      const images: StoredImage[] = [];
      for (const { size, bytes, width, height } of await sizesOf(
        await readAsset(source, { s3, bucket, signal }),
      ))
        images.push({ ...(await files.keep(bytes, '.jpg', 'image/jpeg', signal)), size, width, height });
      return { state: 'processed', name, images };
    } catch (error) {
      if (!(error instanceof CorruptPicture || error instanceof UnreadableAsset)) throw error;
      // One picture is never worth the whole report.
      log.warn('The asset cannot be shown.', { reason: error.message });
      return { state: 'failed', name, reason: error.message };
    }
  },
);
