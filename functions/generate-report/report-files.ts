import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { StoredFile } from '../../shared/jobs/generate-report.ts';
import { REPORT_DATA_PREFIX } from '../../shared/jobs/names.ts';

/** What the stages of a report hand on: bytes in the bucket whose key follows from them, so that a second run writes the same again. */
export class ReportFiles {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(s3: S3Client, bucket: string) {
    this.#s3 = s3;
    this.#bucket = bucket;
  }

  /** @param extension with its dot */
  async keep(
    bytes: Uint8Array,
    extension: string,
    contentType: string,
    signal: AbortSignal,
  ): Promise<StoredFile> {
    const digest = createHash('sha256').update(bytes).digest();
    const sha256 = digest.toString('hex');
    const key = `${REPORT_DATA_PREFIX}${sha256}${extension}`;
    await this.#s3.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Body: bytes,
        ContentType: contentType,
        // S3 refuses what arrives otherwise.
        ChecksumSHA256: digest.toString('base64'),
      }),
      { abortSignal: signal },
    );
    return { key, sha256, bytes: bytes.byteLength };
  }

  /** @throws Error when the bytes are not those that were kept */
  async read(file: StoredFile, signal: AbortSignal): Promise<Uint8Array> {
    const { Body } = await this.#get(file, signal);
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
    if (createHash('sha256').update(bytes).digest('hex') !== file.sha256) throw damaged(file);
    return bytes;
  }

  /** As it comes, for what is too large to be held at once; fails at its end when the bytes are not those that were kept. */
  async *stream(file: StoredFile, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { Body } = await this.#get(file, signal);
    const hash = createHash('sha256');
    for await (const chunk of Body as Readable) {
      hash.update(chunk as Buffer);
      yield chunk as Buffer;
    }
    if (hash.digest('hex') !== file.sha256) throw damaged(file);
  }

  #get({ key }: StoredFile, signal: AbortSignal) {
    return this.#s3.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }), { abortSignal: signal });
  }
}

function damaged({ key }: StoredFile): Error {
  return new Error(`The bytes under ${key} are not those that were written there.`);
}
