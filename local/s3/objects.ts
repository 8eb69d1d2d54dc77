import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { CloudContext } from '../kernel/service.ts';
import type { Blobs } from './blobs.ts';
import type { Checksum } from './checksums.ts';
import type { Ids } from './ids.ts';

/** The version of an object in a bucket without versioning. */
export const NULL_VERSION = 'null';

export interface StoredObject {
  readonly key: string;
  readonly versionId: string;
  /** A delete marker has no bytes. */
  readonly blobId: string | undefined;
  readonly sizeBytes: number;
  /** Without its quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
  /** As they are answered again: content type, user metadata and the like. */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum: Checksum | undefined;
}

export type NewObject = Omit<StoredObject, 'versionId' | 'blobId' | 'sizeBytes' | 'modifiedMs'> & {
  readonly bytes: Buffer;
};

/** Rows of objects over their bytes. A row is written after its bytes and forgotten before them. */
export class Objects {
  readonly #context: CloudContext;
  readonly #blobs: Blobs;
  readonly #ids: Ids;

  constructor(context: CloudContext, blobs: Blobs, ids: Ids) {
    this.#context = context;
    this.#blobs = blobs;
    this.#ids = ids;
    context.store.db.exec(`
      CREATE TABLE IF NOT EXISTS s3_objects (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL,
        latest INTEGER NOT NULL, blob TEXT, size_bytes INTEGER NOT NULL, etag TEXT NOT NULL, modified_ms INTEGER NOT NULL,
        headers TEXT NOT NULL, checksum TEXT, UNIQUE (bucket, key, version));
      CREATE INDEX IF NOT EXISTS s3_latest ON s3_objects (bucket, key) WHERE latest = 1;
    `);
  }

  /** Replaces the object of the key, or puts a version before it where `versioned`. */
  put(bucket: string, object: NewObject, versioned: boolean): StoredObject {
    const blobId = this.#ids.next();
    this.#blobs.put(blobId, object.bytes);
    const { bytes, ...fields } = object;
    return this.#add(bucket, { ...fields, blobId, sizeBytes: bytes.length }, versioned);
  }

  /** The newest version (which may be a delete marker), or the one that is named. */
  find(bucket: string, key: string, versionId?: string): StoredObject | undefined {
    const row =
      versionId === undefined
        ? this.#db
            .prepare('SELECT * FROM s3_objects WHERE bucket = ? AND key = ? AND latest = 1')
            .get(bucket, key)
        : this.#db
            .prepare('SELECT * FROM s3_objects WHERE bucket = ? AND key = ? AND version = ?')
            .get(bucket, key, versionId);
    return row && storedObject(row);
  }

  bytes(object: StoredObject): Buffer {
    return object.blobId === undefined ? Buffer.alloc(0) : this.#blobs.get(object.blobId);
  }

  /** Hides the key behind a delete marker; without `versioned` the marker takes the place of the null version. */
  mark(bucket: string, key: string, versioned: boolean): StoredObject {
    return this.#add(
      bucket,
      { key, blobId: undefined, sizeBytes: 0, etag: '', headers: {}, checksum: undefined },
      versioned,
    );
  }

  /** Removes one version for good; the one before it becomes the newest. */
  remove(bucket: string, key: string, versionId: string): StoredObject | undefined {
    const object = this.find(bucket, key, versionId);
    if (!object) return undefined;
    this.#context.store.transaction(() => {
      this.#db
        .prepare('DELETE FROM s3_objects WHERE bucket = ? AND key = ? AND version = ?')
        .run(bucket, key, versionId);
      this.#db
        .prepare(
          `UPDATE s3_objects SET latest = 1 WHERE seq = (SELECT max(seq) FROM s3_objects WHERE bucket = ? AND key = ?)`,
        )
        .run(bucket, key);
    });
    if (object.blobId !== undefined) this.#blobs.delete(object.blobId);
    return object;
  }

  /** The first objects, in the order of their keys as bytes, whose key is `from` or behind it. Delete markers are left out. */
  list(bucket: string, from: string, limit: number): StoredObject[] {
    return this.#db
      .prepare(
        'SELECT * FROM s3_objects WHERE bucket = ? AND latest = 1 AND blob IS NOT NULL AND key >= ? ORDER BY key LIMIT ?',
      )
      .all(bucket, from, limit)
      .map(storedObject);
  }

  /** Every version that was last modified at `beforeMs` or earlier. */
  older(bucket: string, beforeMs: number): (StoredObject & { readonly latest: boolean })[] {
    return this.#db
      .prepare('SELECT * FROM s3_objects WHERE bucket = ? AND modified_ms <= ? ORDER BY seq')
      .all(bucket, beforeMs)
      .map((row) => ({ ...storedObject(row), latest: row.latest === 1 }));
  }

  isEmpty(bucket: string): boolean {
    return this.#db.prepare('SELECT 1 FROM s3_objects WHERE bucket = ? LIMIT 1').get(bucket) === undefined;
  }

  blobIds(): string[] {
    return this.#db
      .prepare('SELECT blob FROM s3_objects WHERE blob IS NOT NULL')
      .all()
      .map(({ blob }) => String(blob));
  }

  #add(
    bucket: string,
    object: Omit<StoredObject, 'versionId' | 'modifiedMs'>,
    versioned: boolean,
  ): StoredObject {
    const versionId = versioned ? this.#ids.next() : NULL_VERSION;
    const modifiedMs = Math.trunc(this.#context.clock.now());
    const replaced = this.#context.store.transaction(() => {
      const old = this.find(bucket, object.key, versionId);
      this.#db
        .prepare('UPDATE s3_objects SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1')
        .run(bucket, object.key);
      this.#db
        .prepare(
          `INSERT OR REPLACE INTO s3_objects
             (bucket, key, version, latest, blob, size_bytes, etag, modified_ms, headers, checksum)
           VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          bucket,
          object.key,
          versionId,
          object.blobId ?? null,
          object.sizeBytes,
          object.etag,
          modifiedMs,
          JSON.stringify(object.headers),
          object.checksum ? JSON.stringify(object.checksum) : null,
        );
      return old;
    });
    if (replaced?.blobId !== undefined) this.#blobs.delete(replaced.blobId);
    return { ...object, versionId, modifiedMs };
  }

  get #db(): DatabaseSync {
    return this.#context.store.db;
  }
}

function storedObject(row: Record<string, SQLOutputValue>): StoredObject {
  return {
    key: String(row.key),
    versionId: String(row.version),
    blobId: row.blob === null ? undefined : String(row.blob),
    sizeBytes: Number(row.size_bytes),
    etag: String(row.etag),
    modifiedMs: Number(row.modified_ms),
    headers: JSON.parse(String(row.headers)) as Record<string, string>,
    checksum: row.checksum === null ? undefined : (JSON.parse(String(row.checksum)) as Checksum),
  };
}
