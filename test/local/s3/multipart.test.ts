import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type ChecksumAlgorithm,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type S3Lab, s3Lab } from './s3-lab.ts';

const Bucket = 'payloads';
const Key = 'large';
const LARGE = Buffer.alloc(5 * 1024 * 1024, 'a');
let lab: S3Lab;

beforeEach(async () => {
  lab = await s3Lab();
  await lab.client.send(new CreateBucketCommand({ Bucket }));
});

afterEach(() => lab.stop());

async function begin(algorithm?: ChecksumAlgorithm): Promise<string> {
  const { UploadId } = await lab.client.send(
    new CreateMultipartUploadCommand({
      Bucket,
      Key,
      ContentType: 'text/plain',
      ...(algorithm && { ChecksumAlgorithm: algorithm }),
    }),
  );
  return UploadId ?? '';
}

async function part(UploadId: string, PartNumber: number, Body: Buffer): Promise<CompletedPart> {
  const { ETag, ChecksumCRC32 } = await lab.client.send(
    new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }),
  );
  return { PartNumber, ETag, ChecksumCRC32 };
}

function complete(UploadId: string, Parts: CompletedPart[], more: object = {}) {
  return lab.client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }),
  );
}

async function text(): Promise<string | undefined> {
  return (await lab.client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
}

test('parts become one object in the order of their numbers, its ETag made of theirs', async () => {
  const id = await begin();
  const tail = Buffer.from('tail');
  const second = await part(id, 2, tail);
  const first = await part(id, 1, LARGE);
  const answer = await complete(id, [first, second]);
  const md5s = [LARGE, tail].map((bytes) => createHash('md5').update(bytes).digest());
  expect(answer.ETag).toBe(`"${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-2"`);
  expect(await text()).toBe(`${LARGE}tail`);
  await expect(complete(id, [first])).rejects.toMatchObject({ name: 'NoSuchUpload' });
});

test('an upload with a checksum algorithm gets a checksum over the checksums of its parts', async () => {
  const id = await begin('CRC32');
  const parts = [await part(id, 1, LARGE), await part(id, 2, Buffer.from('tail'))];
  expect(parts[0]?.ChecksumCRC32).toBeDefined();
  const answer = await complete(id, parts);
  expect(answer).toMatchObject({ ChecksumType: 'COMPOSITE' });
  expect(answer.ChecksumCRC32).toMatch(/-2$/);
});

test('nothing is visible before an upload is completed, or after it was aborted', async () => {
  const id = await begin();
  await part(id, 1, Buffer.from('x'));
  await expect(text()).rejects.toMatchObject({ name: 'NoSuchKey' });
  const uploads = await lab.client.send(new ListMultipartUploadsCommand({ Bucket }));
  expect(uploads.Uploads).toMatchObject([{ Key, UploadId: id }]);
  await lab.client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: id }));
  await expect(part(id, 1, Buffer.from('x'))).rejects.toMatchObject({ name: 'NoSuchUpload' });
});

test('a part that is sent again replaces the first', async () => {
  const id = await begin();
  await part(id, 1, Buffer.from('old'));
  const again = await part(id, 1, Buffer.from('new'));
  const { Parts } = await lab.client.send(new ListPartsCommand({ Bucket, Key, UploadId: id }));
  expect(Parts).toMatchObject([{ PartNumber: 1, Size: 3, ETag: again.ETag }]);
  await complete(id, [again]);
  expect(await text()).toBe('new');
});

test('a range of another object can be a part', async () => {
  await lab.client.send(new PutObjectCommand({ Bucket, Key: 'source', Body: '0123456789' }));
  const id = await begin();
  const { CopyPartResult } = await lab.client.send(
    new UploadPartCopyCommand({
      Bucket,
      Key,
      UploadId: id,
      PartNumber: 1,
      CopySource: `${Bucket}/source`,
      CopySourceRange: 'bytes=3-5',
    }),
  );
  await complete(id, [{ PartNumber: 1, ETag: CopyPartResult?.ETag }]);
  expect(await text()).toBe('345');
});

test('small parts before the last, a wrong order, and unknown parts are refused', async () => {
  const id = await begin();
  const small = await part(id, 1, Buffer.from('x'));
  const last = await part(id, 2, Buffer.from('y'));
  await expect(complete(id, [small, last])).rejects.toMatchObject({ name: 'EntityTooSmall' });
  await expect(complete(id, [last, small])).rejects.toMatchObject({ name: 'InvalidPartOrder' });
  await expect(complete(id, [{ PartNumber: 3, ETag: '"x"' }])).rejects.toMatchObject({ name: 'InvalidPart' });
  await expect(complete(id, [{ PartNumber: 1, ETag: '"x"' }])).rejects.toMatchObject({ name: 'InvalidPart' });
});

test('completing is conditional as a put is', async () => {
  await lab.client.send(new PutObjectCommand({ Bucket, Key, Body: 'there' }));
  const id = await begin();
  const only = await part(id, 1, Buffer.from('x'));
  await expect(complete(id, [only], { IfNoneMatch: '*' })).rejects.toMatchObject({
    name: 'PreconditionFailed',
  });
  await expect(complete(id, [only], { MpuObjectSize: 5 })).rejects.toMatchObject({ name: 'InvalidRequest' });
  expect(await text()).toBe('there');
});
