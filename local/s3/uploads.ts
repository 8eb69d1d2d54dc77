import type { SQLOutputValue } from 'node:sqlite';
import type { CloudContext } from '../kernel/service.ts';
import type { Blobs } from './blobs.ts';
import type { Checksum, ChecksumAlgorithm, ChecksumType } from './checksums.ts';
import { noSuchUpload } from './errors.ts';
import type { Ids } from './ids.ts';

export interface Upload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly startedMs: number;
  /** Of the object to be. */
  readonly headers: Readonly<Record<string, string>>;
  readonly algorithm: ChecksumAlgorithm | undefined;
  readonly checksumType: ChecksumType;
}

export interface Part {
  readonly number: number;
  readonly blobId: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedMs: number;
  readonly checksum: Checksum | undefined;
}

/** Multipart uploads under way. */
export class Uploads {
  readonly #context: CloudContext;
  readonly #blobs: Blobs;
  readonly #ids: Ids;

  constructor(context: CloudContext, blobs: Blobs, ids: Ids) {
    this.#context = context;
    this.#blobs = blobs;
    this.#ids = ids;
    context.store.db.exec(`
      CREATE TABLE IF NOT EXISTS s3_uploads (id TEXT PRIMARY KEY, bucket TEXT NOT NULL, upload TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS s3_parts (
        upload TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, part TEXT NOT NULL, PRIMARY KEY (upload, number));
    `);
  }

  create(fields: Omit<Upload, 'id' | 'startedMs'>): Upload {
    const upload = { ...fields, id: this.#ids.next(), startedMs: Math.trunc(this.#context.clock.now()) };
    this.#context.store.db
      .prepare('INSERT INTO s3_uploads (id, bucket, upload) VALUES (?, ?, ?)')
      .run(upload.id, upload.bucket, JSON.stringify(upload));
    return upload;
  }

  /** @throws AwsError `NoSuchUpload` when it is over, or of another object */
  get(bucket: string, key: string, id: string): Upload {
    const row = this.#context.store.db
      .prepare('SELECT upload FROM s3_uploads WHERE id = ? AND bucket = ?')
      .get(id, bucket);
    const upload = row && asUpload(row);
    if (upload?.key !== key) throw noSuchUpload(id);
    return upload;
  }

  all(bucket: string): Upload[] {
    return this.#context.store.db
      .prepare('SELECT upload FROM s3_uploads WHERE bucket = ? ORDER BY rowid')
      .all(bucket)
      .map(asUpload);
  }

  /** Replaces the part of that number. */
  putPart(upload: Upload, part: Omit<Part, 'blobId' | 'modifiedMs' | 'sizeBytes'>, bytes: Buffer): void {
    const blobId = this.#ids.next();
    this.#blobs.put(blobId, bytes);
    const whole: Part = {
      ...part,
      blobId,
      sizeBytes: bytes.length,
      modifiedMs: Math.trunc(this.#context.clock.now()),
    };
    const replaced = this.#context.store.db
      .prepare('SELECT blob FROM s3_parts WHERE upload = ? AND number = ?')
      .get(upload.id, part.number);
    this.#context.store.db
      .prepare('INSERT OR REPLACE INTO s3_parts (upload, number, blob, part) VALUES (?, ?, ?, ?)')
      .run(upload.id, part.number, blobId, JSON.stringify(whole));
    if (replaced) this.#blobs.delete(String(replaced.blob));
  }

  /** In the order of their numbers. */
  parts(uploadId: string): Part[] {
    return this.#context.store.db
      .prepare('SELECT part FROM s3_parts WHERE upload = ? ORDER BY number')
      .all(uploadId)
      .map(({ part }) => {
        const read = JSON.parse(String(part)) as Part;
        return { ...read, checksum: read.checksum };
      });
  }

  bytes({ blobId }: Part): Buffer {
    return this.#blobs.get(blobId);
  }

  /** Ends it and drops its parts. */
  remove(uploadId: string): void {
    const parts = this.parts(uploadId);
    this.#context.store.transaction(() => {
      this.#context.store.db.prepare('DELETE FROM s3_uploads WHERE id = ?').run(uploadId);
      this.#context.store.db.prepare('DELETE FROM s3_parts WHERE upload = ?').run(uploadId);
    });
    for (const { blobId } of parts) this.#blobs.delete(blobId);
  }

  blobIds(): string[] {
    return this.#context.store.db
      .prepare('SELECT blob FROM s3_parts')
      .all()
      .map(({ blob }) => String(blob));
  }
}

function asUpload({ upload }: Record<string, SQLOutputValue>): Upload {
  const read = JSON.parse(String(upload)) as Upload;
  return { ...read, algorithm: read.algorithm };
}
