import * as z from 'zod';
import { REPORT_ASSETS_PREFIX } from './names.ts';
import { defineStage, defineStagedJob } from './staged-job.ts';

const LONGEST_PERIOD_DAYS = 366;
const DAY_MS = 86_400_000;
/** An S3 key holds 1,024 bytes; most servers take addresses of 2,048. */
const LONGEST_SOURCE = 2048;

/** What a report is about besides figures: a picture by name, from the bucket or from the web. */
export const reportAsset = z.object({
  name: z.string().min(1).max(200),
  /** `s3://report-assets/…` is a key in this stage's bucket; anything else an `https://` address that everybody may read. */
  source: z
    .string()
    .max(LONGEST_SOURCE)
    .refine(
      (source) =>
        (source.startsWith(`s3://${REPORT_ASSETS_PREFIX}`) &&
          source.length > `s3://${REPORT_ASSETS_PREFIX}`.length) ||
        (source.startsWith('https://') && URL.canParse(source)),
      `must be s3://${REPORT_ASSETS_PREFIX}… or https://…`,
    ),
});
export type ReportAsset = z.output<typeof reportAsset>;

/** The sizes that each asset is made in: the longer side in pixels; a smaller original stays as it is. */
export const ASSET_SIZES = { large: 1280, medium: 640, small: 160 } as const;
export type AssetSize = keyof typeof ASSET_SIZES;

/** Bytes in the bucket, under a key that follows from them. */
const storedFile = z.object({
  key: z.string(),
  sha256: z.string(),
  bytes: z.int(),
});
export type StoredFile = z.output<typeof storedFile>;

const storedImage = storedFile.extend({
  size: z.enum(Object.keys(ASSET_SIZES) as [AssetSize, ...AssetSize[]]),
  width: z.int(),
  height: z.int(),
});
export type StoredImage = z.output<typeof storedImage>;

/** What became of one asset. One that cannot be read is reported by name, and the report goes on without it. */
const processedAsset = z.discriminatedUnion('state', [
  z.object({ state: z.literal('processed'), name: z.string(), images: z.array(storedImage).min(1) }),
  z.object({ state: z.literal('failed'), name: z.string(), reason: z.string() }),
]);
export type ProcessedAsset = z.output<typeof processedAsset>;

const counts = z.object({
  orders: z.int(),
  payments: z.int(),
  pages: z.int(),
  assets: z.int(),
  failedAssets: z.int(),
});

const generated = z.object({ pdf: storedFile, counts, assets: z.array(processedAsset) });

const uploaded = z.object({
  /** Where the report's files lie in the bucket. */
  prefix: z.string(),
  files: z.int(),
  pdf: storedFile,
  /** Names each file with its size and SHA-256. */
  manifest: storedFile,
  counts,
  failedAssets: z.array(z.string()),
});
export type Uploaded = z.output<typeof uploaded>;

const signed = z.object({
  /** Presigned; whoever has one may read until `linksExpireAt`, or until the credentials that signed it end. */
  links: z.object({ pdf: z.url(), manifest: z.url() }),
  linksExpireAt: z.iso.datetime(),
});
export type Signed = z.output<typeof signed>;

const notified = uploaded.extend({ ...signed.shape, notificationId: z.string() });
export type Notified = z.output<typeof notified>;

/** Reads one asset and makes its sizes. */
export const processAsset = defineStage({
  name: 'process-asset',
  input: reportAsset,
  output: processedAsset,
  timeoutSeconds: 120,
  // A picture of 24 megapixels takes 96 MB decoded, and is there twice while it is made smaller.
  memoryMegabytes: 1024,
  forEach: { list: 'assets', mostAtATime: 10 },
});

/** Reads the tables and writes the PDF. */
export const generate = defineStage({
  name: 'generate',
  input: z.array(processedAsset),
  output: generated,
  timeoutSeconds: 300,
  memoryMegabytes: 1024,
});

/** Lays the report's files where they stay. */
export const upload = defineStage({
  name: 'upload',
  input: generated,
  output: uploaded,
  timeoutSeconds: 600,
  memoryMegabytes: 512,
});

/** Signs links to the files and publishes the e-mail. */
export const notify = defineStage({
  name: 'notify',
  input: uploaded,
  output: notified,
  timeoutSeconds: 30,
  memoryMegabytes: 256,
});

/** Writes the report's row. */
export const record = defineStage({
  name: 'record',
  input: notified,
  output: z.object({ reportId: z.string() }),
  timeoutSeconds: 30,
  memoryMegabytes: 256,
});

/**
 * A report of a period's orders and payments as a PDF, with pictures, in the bucket and announced by e-mail. The pictures come first,
 * since a stage is given what the one before returned, and the PDF shows them.
 */
export const generateReport = defineStagedJob({
  type: 'generate-report',
  payload: z.object({
    /** Part of the files' keys: letters, digits, `.`, `_` and `-`, at most 100. */
    reportId: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/),
    title: z.string().min(1).max(200),
    /** UTC days, both included. */
    period: z.object({ from: z.iso.date(), to: z.iso.date() }).refine(
      ({ from, to }) => {
        const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
        return days >= 1 && days <= LONGEST_PERIOD_DAYS;
      },
      { error: `must be 1 to ${LONGEST_PERIOD_DAYS} days, the first one first` },
    ),
    /** Who is told that it is ready. */
    email: z.string().min(1).max(320),
    assets: z
      .array(reportAsset)
      .max(1000)
      .refine((assets) => new Set(assets.map(({ name }) => name)).size === assets.length, {
        error: 'must have a name of its own each',
      }),
  }),
  key: ({ reportId }) => reportId,
  stages: [processAsset, generate, upload, notify, record],
});
export type Report = z.output<typeof generateReport.payload>;
