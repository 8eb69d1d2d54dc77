import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LocalCloudError } from '../../../local/kernel/errors.ts';
import type { Properties, Provisioned, ResourceIdentity } from '../../../local/kernel/resources.ts';
import { type S3Lab, s3Lab } from './s3-lab.ts';

const DAY_MS = 86_400_000;
let lab: S3Lab;

beforeEach(async () => {
  lab = await s3Lab();
});

afterEach(() => lab.stop());

const IDENTITY: ResourceIdentity = {
  stackName: 'State',
  logicalId: 'Payloads',
  metadata: {},
  generatedName: () => 'State-Payloads-ABC',
  assetDirectory: () => '',
};

function provision(properties: Properties, type = 'AWS::S3::Bucket'): Provisioned {
  const provider = lab.s3.providers().find((one) => one.type === type);
  if (!provider) throw new Error(`no provider of ${type}`);
  return provider.provision(properties, IDENTITY);
}

function put(Bucket: string, Key: string, Body: string): Promise<{ VersionId?: string | undefined }> {
  return lab.client.send(new PutObjectCommand({ Bucket, Key, Body }));
}

async function text(Bucket: string, Key: string, VersionId?: string): Promise<string | undefined> {
  const { Body } = await lab.client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
  return Body?.transformToString();
}

describe('a bucket of the template', () => {
  test('takes what CDK writes for an encrypted, private bucket, and a name that buckets may have', async () => {
    const { ref, attributes } = provision({
      BucketEncryption: { ServerSideEncryptionConfiguration: [] },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true },
    });
    expect(ref).toBe('state-payloads-abc');
    expect(attributes).toMatchObject({ Arn: 'arn:aws:s3:::state-payloads-abc' });
    provision({ Bucket: ref, PolicyDocument: { Statement: [] } }, 'AWS::S3::BucketPolicy');
    await put(ref, 'a', 'hello');
    expect(await text(ref, 'a')).toBe('hello');
  });

  test('keeps its objects when it is deployed again', async () => {
    const { ref } = provision({});
    await put(ref, 'a', 'hello');
    provision({});
    expect(await text(ref, 'a')).toBe('hello');
  });

  test('is refused with a property that would change what a job sees', () => {
    expect(() => provision({ ReplicationConfiguration: {} })).toThrow(LocalCloudError);
    expect(() =>
      provision({ LifecycleConfiguration: { Rules: [{ Status: 'Enabled', TagFilters: [] }] } }),
    ).toThrow('TagFilters');
  });
});

describe('lifecycle rules', () => {
  test('an object goes when its days have passed since the midnight after its writing, its neighbours stay', async () => {
    const { ref: Bucket } = provision({
      LifecycleConfiguration: {
        Rules: [
          { Status: 'Enabled', Prefix: 'tmp/', ExpirationInDays: 1 },
          { Status: 'Disabled', ExpirationInDays: 1 },
        ],
      },
    });
    await put(Bucket, 'tmp/a', '1');
    await put(Bucket, 'kept', '1');
    await lab.clock.advance(DAY_MS);
    expect(await text(Bucket, 'tmp/a')).toBe('1');
    await lab.clock.advance(DAY_MS);
    await expect(text(Bucket, 'tmp/a')).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(await text(Bucket, 'kept')).toBe('1');
  });

  test('an upload that was broken off goes, too', async () => {
    const { ref: Bucket } = provision({
      LifecycleConfiguration: {
        Rules: [{ Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }],
      },
    });
    await lab.client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'a' }));
    await lab.clock.advance(2 * DAY_MS);
    const { Uploads } = await lab.client.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(Uploads ?? []).toEqual([]);
  });
});

describe('versions', () => {
  test('a versioned bucket keeps what was written over and what was deleted', async () => {
    const { ref: Bucket } = provision({ VersioningConfiguration: { Status: 'Enabled' } });
    const { Status } = await lab.client.send(new GetBucketVersioningCommand({ Bucket }));
    expect(Status).toBe('Enabled');
    const one = await put(Bucket, 'a', 'one');
    const two = await put(Bucket, 'a', 'two');
    expect(one.VersionId).not.toBe(two.VersionId);
    expect(await text(Bucket, 'a')).toBe('two');
    expect(await text(Bucket, 'a', one.VersionId)).toBe('one');

    const deleted = await lab.client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    expect(deleted.DeleteMarker).toBe(true);
    await expect(text(Bucket, 'a')).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect((await lab.client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    expect(await text(Bucket, 'a', two.VersionId)).toBe('two');
  });

  test('removing the delete marker brings the object back', async () => {
    const { ref: Bucket } = provision({ VersioningConfiguration: { Status: 'Enabled' } });
    await put(Bucket, 'a', 'one');
    const { VersionId } = await lab.client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    await lab.client.send(new DeleteObjectCommand({ Bucket, Key: 'a', VersionId }));
    expect(await text(Bucket, 'a')).toBe('one');
  });
});
