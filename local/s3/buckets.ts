import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import { noSuchBucket } from './errors.ts';
import type { LifecycleRule } from './lifecycle.ts';

export interface BucketSettings {
  readonly versioning: 'Enabled' | 'Suspended' | undefined;
  readonly lifecycle: readonly LifecycleRule[];
}

export interface Bucket {
  readonly name: string;
  readonly createdMs: number;
  readonly settings: BucketSettings;
}

const PLAIN: BucketSettings = { versioning: undefined, lifecycle: [] };
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const NAME = /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export class Buckets {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(
      'CREATE TABLE IF NOT EXISTS s3_buckets (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, settings TEXT NOT NULL)',
    );
  }

  /** @throws AwsError `InvalidBucketName`, `BucketAlreadyOwnedByYou` */
  create(name: string): void {
    checkName(name);
    // As on AWS: in the oldest region creating twice is well, everywhere else it is a conflict.
    if (this.find(name)) {
      if (this.#context.region === 'us-east-1') return;
      throw new AwsError(
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
        409,
        { BucketName: name },
      );
    }
    this.#insert(name, PLAIN);
  }

  /** Creates the bucket where it is missing and gives it these settings. @throws AwsError `InvalidBucketName` */
  declare(name: string, settings: BucketSettings): void {
    checkName(name);
    if (!this.find(name)) this.#insert(name, settings);
    this.#context.store.db
      .prepare('UPDATE s3_buckets SET settings = ? WHERE name = ?')
      .run(JSON.stringify(settings), name);
  }

  find(name: string): Bucket | undefined {
    return this.#select('WHERE name = ?', name)[0];
  }

  /** @throws AwsError `NoSuchBucket` */
  get(name: string): Bucket {
    const bucket = this.find(name);
    if (bucket) return bucket;
    throw noSuchBucket(name);
  }

  all(): Bucket[] {
    return this.#select('ORDER BY name');
  }

  delete(name: string): void {
    this.#context.store.db.prepare('DELETE FROM s3_buckets WHERE name = ?').run(name);
  }

  #insert(name: string, settings: BucketSettings): void {
    this.#context.store.db
      .prepare('INSERT INTO s3_buckets (name, created_ms, settings) VALUES (?, ?, ?)')
      .run(name, Math.trunc(this.#context.clock.now()), JSON.stringify(settings));
  }

  #select(clause: string, ...parameters: string[]): Bucket[] {
    return this.#context.store.db
      .prepare(`SELECT name, created_ms, settings FROM s3_buckets ${clause}`)
      .all(...parameters)
      .map((row) => ({
        name: String(row.name),
        createdMs: Number(row.created_ms),
        settings: { ...PLAIN, ...(JSON.parse(String(row.settings)) as Partial<BucketSettings>) },
      }));
  }
}

function checkName(name: string): void {
  if (!NAME.test(name))
    throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', 400, { BucketName: name });
}
