import type { Report, StoredFile, StoredImage } from '../../shared/jobs/generate-report.ts';
import { REPORTS_PREFIX } from '../../shared/jobs/names.ts';

/** A file of the report, with the name of its asset where it is a picture. */
export interface ReportFile extends StoredFile, Partial<Pick<StoredImage, 'size' | 'width' | 'height'>> {
  readonly asset?: string;
}

/** Where a report's files lie. */
export function prefixOf({ reportId }: Pick<Report, 'reportId'>): string {
  return `${REPORTS_PREFIX}${reportId}/`;
}

/** `pictures/007-shop-window-large.jpg`: sorts as the report shows them, and can be told apart by eye. */
export function pictureName(index: number, asset: string, size: string): string {
  const words = asset
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40);
  return [`pictures/${String(index + 1).padStart(4, '0')}`, ...(words ? [words] : []), `${size}.jpg`].join(
    '-',
  );
}

/** What is in the report's folder: written last, so that it stands for all that it names. It holds no time: it is the same each time. */
export function manifestOf(
  { reportId, title, period }: Report,
  files: readonly ReportFile[],
  failed: readonly { readonly name: string; readonly reason: string }[],
): Buffer {
  const prefix = prefixOf({ reportId });
  const listed = files.map(({ key, ...file }) => ({ path: key.slice(prefix.length), ...file }));
  return Buffer.from(
    `${JSON.stringify({ reportId, title, period, files: listed, failedAssets: failed }, null, 2)}\n`,
  );
}
