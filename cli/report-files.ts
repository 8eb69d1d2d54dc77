import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { REPORT_ASSETS_PREFIX, REPORTS_PREFIX } from '../shared/jobs/names.ts';

const SAMPLES = fileURLToPath(new URL('../samples/report-assets', import.meta.url));
const READS_AT_A_TIME = 8;

/** A bucket, and who reads it. */
export interface Objects {
  readonly s3: S3Client;
  readonly bucket: string;
}

/** Puts the sample pictures where reports find theirs. */
export async function seedReportAssets({ s3, bucket }: Objects): Promise<void> {
  const pictures = readdirSync(SAMPLES).filter((file) => /\.(jpg|png)$/.test(file));
  await Promise.all(
    pictures.map((file) =>
      s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: REPORT_ASSETS_PREFIX + file,
          Body: readFileSync(join(SAMPLES, file)),
        }),
      ),
    ),
  );
}

/** What lies in the reports' folders of the bucket, by key. */
export async function reportFiles({ s3, bucket }: Objects): Promise<Map<string, Uint8Array>> {
  const keys: string[] = [];
  const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: REPORTS_PREFIX });
  for await (const { Contents = [] } of pages) keys.push(...Contents.flatMap(({ Key }) => Key ?? []));
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at < keys.length; at += READS_AT_A_TIME)
    await Promise.all(
      keys.slice(at, at + READS_AT_A_TIME).map(async (Key) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
        files.set(Key, (await Body?.transformToByteArray()) ?? new Uint8Array());
      }),
    );
  return files;
}

/** Writes them into a folder under their own names, for a person to open: the local cloud keeps objects by ids of its own. */
export function writeReportFiles(files: ReadonlyMap<string, Uint8Array>, directory: string): void {
  for (const [key, bytes] of files) {
    const path = join(directory, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}
