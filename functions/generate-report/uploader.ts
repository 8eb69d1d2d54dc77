import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { CopyObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { StoredFile } from '../../shared/jobs/generate-report.ts';
import type { ReportFiles } from './report-files.ts';

/** Larger than this goes in parts of this size, two at a time: a few of them in memory, whatever the report's size. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_A_TIME = 2;

/** Puts a report's files where they stay. The same file under the same key: a second run changes nothing. */
export class Uploader {
  readonly #s3: S3Client;
  readonly #bucket: string;
  readonly #files: ReportFiles;

  constructor(s3: S3Client, bucket: string, files: ReportFiles) {
    this.#s3 = s3;
    this.#bucket = bucket;
    this.#files = files;
  }

  /** Through this function, in parts where it is large; S3 holds each part against its SHA-256, and the whole is held against the file's own. */
  async upload(file: StoredFile, key: string, contentType: string, signal: AbortSignal): Promise<StoredFile> {
    await this.#put(Readable.from(this.#files.stream(file, signal)), key, contentType, signal);
    return { ...file, key };
  }

  async write(bytes: Uint8Array, key: string, contentType: string, signal: AbortSignal): Promise<StoredFile> {
    await this.#put(bytes, key, contentType, signal);
    return { key, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength };
  }

  /** Within S3: its bytes do not pass through here. */
  async copy(file: StoredFile, key: string, signal: AbortSignal): Promise<StoredFile> {
    await this.#s3.send(
      new CopyObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        CopySource: `${this.#bucket}/${file.key}`,
        ChecksumAlgorithm: 'SHA256',
      }),
      { abortSignal: signal },
    );
    return { ...file, key };
  }

  async #put(
    body: Uint8Array | Readable,
    key: string,
    contentType: string,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const upload = new Upload({
      client: this.#s3,
      params: {
        Bucket: this.#bucket,
        Key: key,
        Body: body,
        ContentType: contentType,
        ChecksumAlgorithm: 'SHA256',
      },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_A_TIME,
    });
    // It waits for the parts under way, and a function whose run was abandoned freezes: what is left, the bucket's lifecycle removes after a day.
    const abort = (): void => void upload.abort().catch(() => {});
    signal.addEventListener('abort', abort, { once: true });
    try {
      await upload.done();
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
