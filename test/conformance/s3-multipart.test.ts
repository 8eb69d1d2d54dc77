import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  S3Client,
  type S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3 } from '../../local/s3/index.ts';
import { type Target, target } from './endpoint.ts';

/** For every part but the last. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const LEAST_PART_BYTES = 5 * 1024 * 1024;
const FIRST = Buffer.alloc(LEAST_PART_BYTES, 'first ');
const LAST = Buffer.from('and the last');

const Bucket = `conformance-${crypto.randomUUID()}`;
let reached: Target;
let s3: S3Client;
let made = 0;
const objects: string[] = [];
const uploads: { Key: string; UploadId: string }[] = [];

beforeAll(async () => {
  reached = await target((context) => [new S3(context)]);
  s3 = new S3Client({ ...reached.client, forcePathStyle: reached.kind !== 'aws', maxAttempts: 1 });
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(async () => {
  if (reached.kind !== 'embedded') {
    for (const upload of uploads)
      await s3.send(new AbortMultipartUploadCommand({ Bucket, ...upload })).catch(() => {});
    for (const Key of objects) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
  }
  s3.destroy();
  await reached.stop();
});

/** An upload of an object that no test has written before. */
async function begin(): Promise<{ Key: string; UploadId: string }> {
  const Key = `reports/${++made} ä.pdf`;
  objects.push(Key);
  const { UploadId = '' } = await s3.send(
    new CreateMultipartUploadCommand({
      Bucket,
      Key,
      ContentType: 'application/pdf',
      ChecksumAlgorithm: 'SHA256',
    }),
  );
  uploads.push({ Key, UploadId });
  return { Key, UploadId };
}

type Upload = Awaited<ReturnType<typeof begin>>;

async function send(upload: Upload, PartNumber: number, Body: Buffer): Promise<CompletedPart> {
  const { ETag, ChecksumSHA256 } = await s3.send(
    new UploadPartCommand({ Bucket, ...upload, PartNumber, Body, ChecksumAlgorithm: 'SHA256' }),
  );
  return { PartNumber, ETag, ChecksumSHA256 };
}

const complete = (upload: Upload, Parts: CompletedPart[], more: { IfNoneMatch?: string } = {}) =>
  s3.send(new CompleteMultipartUploadCommand({ Bucket, ...upload, MultipartUpload: { Parts }, ...more }));

async function whole(Key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

async function failure(answer: Promise<unknown>): Promise<string> {
  return answer.then(
    () => 'none',
    (error: S3ServiceException) => error.name,
  );
}

describe('S3 multipart uploads', () => {
  it('become one object in the order of their parts’ numbers, with the headers that they began with', async () => {
    const upload = await begin();
    const last = await send(upload, 2, LAST);
    const first = await send(upload, 1, FIRST);
    const { ETag } = await complete(upload, [first, last]);
    expect((await whole(upload.Key)).equals(Buffer.concat([FIRST, LAST]))).toBe(true);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: upload.Key }));
    expect(head).toMatchObject({
      ETag,
      ContentType: 'application/pdf',
      ContentLength: FIRST.length + LAST.length,
    });
    expect(ETag).toMatch(/^"[0-9a-f]{32}-2"$/);
  });

  it('have a SHA-256 over those of their parts', async () => {
    const upload = await begin();
    const parts = [await send(upload, 1, FIRST), await send(upload, 2, LAST)];
    expect(parts.map(({ ChecksumSHA256 }) => ChecksumSHA256)).toEqual(
      [FIRST, LAST].map((bytes) => sha256(bytes).toString('base64')),
    );
    await complete(upload, parts);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: upload.Key, ChecksumMode: 'ENABLED' }));
    expect(head.ChecksumSHA256).toBe(
      `${sha256(Buffer.concat([sha256(FIRST), sha256(LAST)])).toString('base64')}-2`,
    );
  });

  it('take no part that is not what its SHA-256 says', async () => {
    const upload = await begin();
    const other = sha256(LAST).toString('base64');
    const sent = s3.send(
      new UploadPartCommand({ Bucket, ...upload, PartNumber: 1, Body: FIRST, ChecksumSHA256: other }),
    );
    expect(await failure(sent)).toBe('BadDigest');
    const { Parts = [] } = await s3.send(new ListPartsCommand({ Bucket, ...upload }));
    expect(Parts).toEqual([]);
  });

  it('replace a part that is sent again', async () => {
    const upload = await begin();
    await send(upload, 1, Buffer.from('not this'));
    const again = await send(upload, 1, LAST);
    const { Parts } = await s3.send(new ListPartsCommand({ Bucket, ...upload }));
    expect(Parts).toMatchObject([{ PartNumber: 1, Size: LAST.length, ETag: again.ETag }]);
    await complete(upload, [again]);
    expect(await whole(upload.Key)).toEqual(LAST);
  });

  it('leave out parts that are not named at the end', async () => {
    const upload = await begin();
    await send(upload, 1, FIRST);
    await complete(upload, [await send(upload, 2, LAST)]);
    expect(await whole(upload.Key)).toEqual(LAST);
  });

  it('are seen by those who ask for uploads, and by nobody else, until they are completed', async () => {
    const upload = await begin();
    const part = await send(upload, 1, LAST);
    const underWay = async () =>
      (await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: upload.Key }))).Uploads ?? [];
    expect(await failure(whole(upload.Key))).toBe('NoSuchKey');
    expect(await underWay()).toMatchObject([upload]);
    await complete(upload, [part]);
    expect(await underWay()).toEqual([]);
  });

  it.each([
    ['a part that was never sent', 'InvalidPart', (first: CompletedPart) => [{ ...first, PartNumber: 9 }]],
    ['a part by another ETag', 'InvalidPart', (first: CompletedPart) => [{ ...first, ETag: '"0"' }]],
    [
      'parts in another order than their numbers’',
      'InvalidPartOrder',
      (first: CompletedPart, second: CompletedPart) => [second, first],
    ],
    [
      'a part before the last of less than 5 MiB',
      'EntityTooSmall',
      (first: CompletedPart, second: CompletedPart) => [first, second],
    ],
  ])('are not completed with %s, and can be completed well after', async (_what, code, named) => {
    const upload = await begin();
    const first = await send(upload, 1, Buffer.from('little'));
    const second = await send(upload, 2, LAST);
    expect(await failure(complete(upload, named(first, second)))).toBe(code);
    expect(await failure(whole(upload.Key))).toBe('NoSuchKey');
    await complete(upload, [second]);
    expect(await whole(upload.Key)).toEqual(LAST);
  });

  it('are not completed over an object where only a new one is wanted', async () => {
    const upload = await begin();
    await complete(upload, [await send(upload, 1, LAST)]);
    const { UploadId = '' } = await s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key: upload.Key, ChecksumAlgorithm: 'SHA256' }),
    );
    const second = { Key: upload.Key, UploadId };
    uploads.push(second);
    const part = await send(second, 1, Buffer.from('other'));
    expect(await failure(complete(second, [part], { IfNoneMatch: '*' }))).toBe('PreconditionFailed');
    expect(await whole(upload.Key)).toEqual(LAST);
  });

  it('that are aborted take no parts and leave nothing', async () => {
    const upload = await begin();
    const part = await send(upload, 1, LAST);
    await s3.send(new AbortMultipartUploadCommand({ Bucket, ...upload }));
    expect(await failure(send(upload, 2, LAST))).toBe('NoSuchUpload');
    expect(await failure(complete(upload, [part]))).toBe('NoSuchUpload');
    expect(await failure(whole(upload.Key))).toBe('NoSuchKey');
  });
});
