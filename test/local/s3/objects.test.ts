import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type S3Lab, s3Lab } from './s3-lab.ts';

const Bucket = 'payloads';
let lab: S3Lab;

beforeEach(async () => {
  lab = await s3Lab();
  await lab.client.send(new CreateBucketCommand({ Bucket }));
});

afterEach(() => lab.stop());

function put(Key: string, Body: string | Readable, more: Partial<PutObjectCommandInput> = {}) {
  return lab.client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
}

function get(Key: string, more: Partial<GetObjectCommandInput> = {}) {
  return lab.client.send(new GetObjectCommand({ Bucket, Key, ...more }));
}

async function textOf(Key: string, more: Partial<GetObjectCommandInput> = {}): Promise<string | undefined> {
  return (await get(Key, more)).Body?.transformToString();
}

describe('objects', () => {
  test('an object comes back with its bytes, type, metadata and the MD5 of its bytes as ETag', async () => {
    await put('a/b c+d ü.txt', 'hello', {
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      Metadata: { job: 'j-1' },
    });
    const answer = await get('a/b c+d ü.txt');
    expect(await answer.Body?.transformToString()).toBe('hello');
    expect(answer).toMatchObject({
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      ContentLength: 5,
      Metadata: { job: 'j-1' },
      ETag: `"${createHash('md5').update('hello').digest('hex')}"`,
    });
    expect(answer.LastModified?.toISOString()).toMatch(/^2026-03-02T12:0/);
  });

  test('a streamed body is taken out of its chunks, and its content encoding is the one that was given', async () => {
    const body = Buffer.alloc(300_000, 'abc');
    await put('stream', Readable.from([body.subarray(0, 100_000), body.subarray(100_000)]), {
      ContentLength: body.length,
      ContentEncoding: 'gzip',
    });
    const answer = await get('stream');
    expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
    expect(answer.ContentEncoding).toBe('gzip');
  });

  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'a %s checksum is kept with the object and given back on demand',
    async (ChecksumAlgorithm) => {
      const sent = await put('a', 'hello', { ChecksumAlgorithm });
      const head = await lab.client.send(
        new HeadObjectCommand({ Bucket, Key: 'a', ChecksumMode: 'ENABLED' }),
      );
      expect(head[`Checksum${ChecksumAlgorithm}`]).toBe(sent[`Checksum${ChecksumAlgorithm}`]);
      expect(head[`Checksum${ChecksumAlgorithm}`]).toBe(
        {
          CRC32: 'NhCmhg==',
          CRC32C: 'mnG7TA==',
          CRC64NVME: 'M3eFcAZSQlc=',
          SHA1: 'qvTGHdzF6KLavt4PO0gs2a6pQ00=',
          SHA256: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
        }[ChecksumAlgorithm],
      );
    },
  );

  test('a body that does not match its checksum or MD5 is not taken', async () => {
    await expect(put('a', 'hello', { ChecksumCRC32: 'AAAAAA==' })).rejects.toMatchObject({
      name: 'BadDigest',
    });
    await expect(
      put('a', 'hello', { ContentMD5: createHash('md5').update('other').digest('base64') }),
    ).rejects.toMatchObject({ name: 'BadDigest' });
    await expect(get('a')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('what is not there is named as AWS names it', async () => {
    await expect(get('none')).rejects.toMatchObject({
      name: 'NoSuchKey',
      $metadata: { httpStatusCode: 404 },
    });
    await expect(lab.client.send(new GetObjectCommand({ Bucket: 'nobody', Key: 'a' }))).rejects.toMatchObject(
      { name: 'NoSuchBucket' },
    );
    await expect(lab.client.send(new HeadObjectCommand({ Bucket, Key: 'none' }))).rejects.toMatchObject({
      name: 'NotFound',
    });
    await expect(lab.client.send(new HeadBucketCommand({ Bucket: 'nobody' }))).rejects.toMatchObject({
      name: 'NotFound',
    });
  });

  test('ranges are answered from the start, from the end, and refused beyond it', async () => {
    await put('a', '0123456789');
    const part = await get('a', { Range: 'bytes=2-4' });
    expect(await part.Body?.transformToString()).toBe('234');
    expect(part).toMatchObject({ ContentRange: 'bytes 2-4/10', ContentLength: 3 });
    expect(await textOf('a', { Range: 'bytes=-3' })).toBe('789');
    expect(await textOf('a', { Range: 'bytes=7-100' })).toBe('789');
    await expect(get('a', { Range: 'bytes=10-' })).rejects.toMatchObject({ name: 'InvalidRange' });
  });

  test('a copy takes bytes and metadata along, or new metadata', async () => {
    await put('from', 'hello', { Metadata: { a: '1' }, ContentType: 'text/plain' });
    await lab.client.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource: `${Bucket}/from` }));
    expect(await get('to')).toMatchObject({ Metadata: { a: '1' }, ContentType: 'text/plain' });
    await lab.client.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'to',
        CopySource: `/${Bucket}/from`,
        MetadataDirective: 'REPLACE',
        Metadata: { b: '2' },
      }),
    );
    expect((await get('to')).Metadata).toEqual({ b: '2' });
    await expect(
      lab.client.send(new CopyObjectCommand({ Bucket, Key: 'from', CopySource: `${Bucket}/from` })),
    ).rejects.toMatchObject({ name: 'InvalidRequest' });
  });

  test('deleting is quiet about what is not there, one by one and by the batch', async () => {
    await put('a', '1');
    await put('b <&> "c"', '2');
    await lab.client.send(new DeleteObjectCommand({ Bucket, Key: 'none' }));
    const answer = await lab.client.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: [{ Key: 'a' }, { Key: 'b <&> "c"' }, { Key: 'none' }] },
      }),
    );
    expect(answer.Deleted?.map(({ Key }) => Key)).toEqual(['a', 'b <&> "c"', 'none']);
    expect((await lab.client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  });
});

describe('conditions', () => {
  test('only the first of two writers creates a key', async () => {
    const outcomes = await Promise.allSettled([
      put('once', 'one', { IfNoneMatch: '*' }),
      put('once', 'two', { IfNoneMatch: '*' }),
    ]);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
  });

  test('a write over another version than the one that was read is refused', async () => {
    const { ETag } = await put('a', 'one');
    await put('a', 'two', { IfMatch: ETag });
    await expect(put('a', 'three', { IfMatch: ETag })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(put('none', 'x', { IfMatch: ETag })).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(await textOf('a')).toBe('two');
  });

  test('a read of what the caller has answers 304', async () => {
    const { ETag } = await put('a', 'one');
    await expect(get('a', { IfNoneMatch: ETag })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 304 },
    });
    await expect(get('a', { IfMatch: '"other"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    expect(await textOf('a', { IfMatch: ETag })).toBe('one');
  });
});

describe('listing', () => {
  async function keys(input: object): Promise<{ keys: unknown[]; prefixes: unknown[]; pages: number }> {
    const found: unknown[] = [];
    const prefixes: unknown[] = [];
    let pages = 0;
    let ContinuationToken: string | undefined;
    do {
      const page = await lab.client.send(new ListObjectsV2Command({ Bucket, ContinuationToken, ...input }));
      found.push(...(page.Contents ?? []).map(({ Key }) => Key));
      prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
      ContinuationToken = page.NextContinuationToken;
      pages++;
    } while (ContinuationToken !== undefined);
    return { keys: found, prefixes, pages };
  }

  test('keys come in the order of their bytes, page by page, each once', async () => {
    const names = ['b', 'a', 'a/1', 'é', 'a b', 'Z', 'z'];
    for (const name of names) await put(name, 'x');
    const sorted = names.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    expect(await keys({})).toEqual({ keys: sorted, prefixes: [], pages: 1 });
    expect(await keys({ MaxKeys: 2 })).toEqual({ keys: sorted, prefixes: [], pages: 4 });
    expect((await keys({ StartAfter: 'a' })).keys).toEqual(sorted.slice(sorted.indexOf('a') + 1));
  });

  test('keys with a common prefix up to the delimiter are one entry, also across pages', async () => {
    for (const name of ['a/1', 'a/2', 'a/x/3', 'b', 'c/1', 'd']) await put(name, 'x');
    expect(await keys({ Delimiter: '/' })).toEqual({ keys: ['b', 'd'], prefixes: ['a/', 'c/'], pages: 1 });
    expect(await keys({ Delimiter: '/', MaxKeys: 1 })).toEqual({
      keys: ['b', 'd'],
      prefixes: ['a/', 'c/'],
      pages: 4,
    });
    expect(await keys({ Delimiter: '/', Prefix: 'a/' })).toEqual({
      keys: ['a/1', 'a/2'],
      prefixes: ['a/x/'],
      pages: 1,
    });
  });
});

describe('buckets', () => {
  test('a bucket is deleted only when it is empty', async () => {
    await put('a', '1');
    await expect(lab.client.send(new DeleteBucketCommand({ Bucket }))).rejects.toMatchObject({
      name: 'BucketNotEmpty',
    });
    await lab.client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    await lab.client.send(new DeleteBucketCommand({ Bucket }));
    expect((await lab.client.send(new ListBucketsCommand({}))).Buckets).toEqual([]);
  });

  test('a name that no bucket may have is refused', async () => {
    await expect(lab.client.send(new CreateBucketCommand({ Bucket: 'Upper_case' }))).rejects.toMatchObject({
      name: 'InvalidBucketName',
    });
  });

  test('a bucket in the name of the host is found too', async () => {
    await put('a', 'hello');
    const answer = await new Promise<string>((resolve, reject) => {
      const { port } = new URL(lab.endpoint);
      const headers = {
        host: `${Bucket}.localhost:${port}`,
        authorization: 'AWS4-HMAC-SHA256 Credential=a/20260302/us-east-1/s3/aws4_request',
      };
      request({ host: '127.0.0.1', port, path: '/a', headers }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () => resolve(text));
      })
        .on('error', reject)
        .end();
    });
    expect(answer).toBe('hello');
  });
});

describe('links', () => {
  test('a link that was signed in its query is answered, with the headers that it asks for', async () => {
    await put('a', 'hello');
    const signed = new URLSearchParams({
      'X-Amz-Credential': 'a/20260302/us-east-1/s3/aws4_request',
      'X-Amz-Signature': 'x',
      'response-content-type': 'text/html',
    });
    const answer = await fetch(`${lab.endpoint}/${Bucket}/a?${signed}`);
    expect(answer.headers.get('content-type')).toBe('text/html');
    expect(await answer.text()).toBe('hello');
    const older = await fetch(`${lab.endpoint}/${Bucket}/a?AWSAccessKeyId=a&Signature=x&Expires=1`);
    expect(await older.text()).toBe('hello');
  });

  test('a header that HTTP cannot carry is refused', async () => {
    await put('a', 'hello');
    const ResponseContentDisposition = 'attachment; filename="Übersicht – Q3.pdf"';
    await expect(get('a', { ResponseContentDisposition })).rejects.toMatchObject({
      name: 'InvalidArgument',
      message: 'Header value cannot be represented using ISO-8859-1.',
      ArgumentName: 'response-content-disposition',
      $metadata: { httpStatusCode: 400 },
    });
    const latin = 'attachment; filename="Übersicht.pdf"';
    expect((await get('a', { ResponseContentDisposition: latin })).ContentDisposition).toBe(latin);
  });
});

describe('what is not served', () => {
  test('an operation is refused by its subresource, and a header by its name', async () => {
    await expect(lab.client.send(new GetBucketAclCommand({ Bucket }))).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining('?acl'),
    });
    await expect(put('a', '1', { Tagging: 'a=b' })).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining('x-amz-tagging'),
    });
  });
});

describe('on disk', () => {
  let directory: string;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 's3-'));
    await lab.stop();
    lab = await s3Lab(directory);
    await lab.client.send(new CreateBucketCommand({ Bucket }));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  test('objects are there after a restart, and later ones do not write over them', async () => {
    await put('a', 'one');
    await lab.stop();
    lab = await s3Lab(directory);
    await put('b', 'two');
    expect([await textOf('a'), await textOf('b')]).toEqual(['one', 'two']);
  });

  test('an object leaves one file, however often it is written over, and none when it is deleted', async () => {
    await put('a', 'one');
    await put('a', 'two');
    expect(readdirSync(join(directory, 'objects'))).toHaveLength(1);
    await lab.client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    expect(readdirSync(join(directory, 'objects'))).toEqual([]);
  });

  test('bytes that no row knows of are dropped at the start', async () => {
    await put('a', 'one');
    await lab.stop();
    writeFileSync(join(directory, 'objects', 'half.partial'), 'x');
    lab = await s3Lab(directory);
    expect(readdirSync(join(directory, 'objects'))).toHaveLength(1);
    expect(await textOf('a')).toBe('one');
  });
});
