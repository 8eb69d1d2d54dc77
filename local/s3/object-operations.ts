import { AwsError } from '../kernel/errors.ts';
import { isCarried } from '../kernel/header.ts';
import type { ServiceResponse } from '../kernel/service.ts';
import type { XmlElements } from '../kernel/xml.ts';
import type { Bucket } from './buckets.ts';
import { decodePath, emptyAnswer, isoTime, type S3Call, xmlAnswer } from './call.ts';
import {
  type Checksum,
  checkBody,
  checksumFields,
  checksumHeaders,
  digest,
  md5,
  readAlgorithm,
} from './checksums.ts';
import { checkCopySource, checkRead, checkWrite, readRange } from './conditions.ts';
import { invalidArgument, noSuchKey, notImplemented } from './errors.ts';
import { readObjectHeaders } from './object-headers.ts';
import type { Objects, StoredObject } from './objects.ts';
import { readXml, xmlList } from './xml-body.ts';

const DELETE_LIMIT = 1000;
/** Query parameters by which a (presigned) GET sets headers of its answer. */
export const RESPONSE_OVERRIDES = [
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
];

export interface ObjectParts {
  readonly objects: Objects;
  /** @throws AwsError `NoSuchBucket` */
  readonly bucketOf: (name: string) => Bucket;
}

type Operation = (call: S3Call) => ServiceResponse;

export function objectOperations(
  parts: ObjectParts,
): Record<'put' | 'copy' | 'get' | 'head' | 'delete' | 'deleteMany', Operation> {
  const { objects, bucketOf } = parts;
  return {
    put({ bucket: name, key, headers, body }) {
      const bucket = bucketOf(name);
      checkWrite(key, visible(objects.find(name, key)), headers);
      const checksum = checkBody(body, headers);
      const stored = objects.put(
        name,
        { key, bytes: body, etag: md5(body).toString('hex'), headers: readObjectHeaders(headers), checksum },
        isVersioned(bucket),
      );
      return emptyAnswer(200, {
        etag: quoted(stored.etag),
        ...versionHeaders(bucket, stored),
        ...checksumHeaders(checksum),
        'x-amz-server-side-encryption': stored.headers['x-amz-server-side-encryption'] ?? 'AES256',
      });
    },

    copy({ bucket: name, key, headers }) {
      const bucket = bucketOf(name);
      const source = copySource(parts, headers['x-amz-copy-source'] ?? '');
      checkCopySource(source.object, headers);
      checkWrite(key, visible(objects.find(name, key)), headers);
      const replace = headers['x-amz-metadata-directive'] === 'REPLACE';
      if (source.bucket === name && source.object.key === key && !replace && source.versionId === undefined)
        throw new AwsError(
          'InvalidRequest',
          "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
        );
      const bytes = objects.bytes(source.object);
      const stored = objects.put(
        name,
        {
          key,
          bytes,
          etag: md5(bytes).toString('hex'),
          headers: replace ? readObjectHeaders(headers) : source.object.headers,
          checksum: copiedChecksum(bytes, source.object, headers['x-amz-checksum-algorithm']),
        },
        isVersioned(bucket),
      );
      return xmlAnswer(
        'CopyObjectResult',
        {
          ETag: quoted(stored.etag),
          LastModified: isoTime(stored.modifiedMs),
          ...checksumFields(stored.checksum),
        },
        versionHeaders(bucket, stored),
      );
    },

    get(call) {
      const { object, headers } = read(parts, call);
      if (checkRead(object, call.headers) === 'not-modified') return emptyAnswer(304, headers);
      const bytes = objects.bytes(object);
      const range = readRange(call.headers.range, object.sizeBytes);
      if (!range) return { status: 200, headers: { ...headers, ...checksumOf(call, object) }, body: bytes };
      return {
        status: 206,
        headers: { ...headers, 'content-range': `bytes ${range.start}-${range.end}/${object.sizeBytes}` },
        body: bytes.subarray(range.start, range.end + 1),
      };
    },

    head(call) {
      const { object, headers } = read(parts, call);
      if (checkRead(object, call.headers) === 'not-modified') return emptyAnswer(304, headers);
      const range = readRange(call.headers.range, object.sizeBytes);
      const sizeBytes = range ? range.end - range.start + 1 : object.sizeBytes;
      return emptyAnswer(range ? 206 : 200, {
        ...headers,
        ...(range
          ? { 'content-range': `bytes ${range.start}-${range.end}/${object.sizeBytes}` }
          : checksumOf(call, object)),
        'content-length': String(sizeBytes),
      });
    },

    delete({ bucket: name, key, query, headers }) {
      const bucket = bucketOf(name);
      if (headers['if-match'] !== undefined) checkWrite(key, visible(objects.find(name, key)), headers);
      const deleted = deleteOne(objects, bucket, key, query.get('versionId') ?? undefined);
      return emptyAnswer(204, {
        ...(deleted.versionId !== undefined && { 'x-amz-version-id': deleted.versionId }),
        ...(deleted.marker && { 'x-amz-delete-marker': 'true' }),
      });
    },

    deleteMany({ bucket: name, headers, body }) {
      const bucket = bucketOf(name);
      checkBody(body, headers);
      const request = readXml(body, 'Delete');
      const entries = xmlList(request.Object);
      if (entries.length === 0 || entries.length > DELETE_LIMIT)
        throw new AwsError(
          'MalformedXML',
          `Delete takes 1 to ${DELETE_LIMIT} objects, not ${entries.length}.`,
        );
      const results = entries.map((entry) => deleteEntry(objects, bucket, entry));
      return xmlAnswer('DeleteResult', {
        Deleted: request.Quiet === 'true' ? [] : results.filter((result) => !('Code' in result)),
        Error: results.filter((result) => 'Code' in result),
      });
    },
  };
}

export function isVersioned({ settings }: Bucket): boolean {
  return settings.versioning === 'Enabled';
}

/** An object that can be read: no delete marker. */
export function visible(object: StoredObject | undefined): StoredObject | undefined {
  return object?.blobId === undefined ? undefined : object;
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}

export function versionHeaders({ settings }: Bucket, { versionId }: StoredObject): Record<string, string> {
  return settings.versioning === undefined ? {} : { 'x-amz-version-id': versionId };
}

function read(
  { objects, bucketOf }: ObjectParts,
  { bucket: name, key, query }: S3Call,
): { object: StoredObject; headers: Record<string, string> } {
  const bucket = bucketOf(name);
  const versionId = query.get('versionId') ?? undefined;
  const object = objects.find(name, key, versionId);
  if (!object && versionId !== undefined) throw noSuchVersion(key, versionId);
  if (!object) throw noSuchKey(key);
  if (object.blobId === undefined && versionId !== undefined)
    throw new AwsError(
      'MethodNotAllowed',
      'The specified method is not allowed against this resource: it is a delete marker.',
      405,
    );
  if (object.blobId === undefined) throw noSuchKey(key);
  const overrides = RESPONSE_OVERRIDES.flatMap((parameter) => {
    const value = query.get(parameter);
    if (value === null) return [];
    const header = parameter.replace('response-', '');
    if (!isCarried(header, value))
      throw invalidArgument('Header value cannot be represented using ISO-8859-1.', {
        ArgumentName: parameter,
        ArgumentValue: value,
      });
    return [[header, value]];
  });
  return {
    object,
    headers: {
      ...object.headers,
      ...Object.fromEntries(overrides),
      'accept-ranges': 'bytes',
      etag: quoted(object.etag),
      'last-modified': new Date(object.modifiedMs).toUTCString(),
      ...versionHeaders(bucket, object),
    },
  };
}

function checksumOf({ headers }: S3Call, { checksum }: StoredObject): Record<string, string> {
  return headers['x-amz-checksum-mode']?.toUpperCase() === 'ENABLED' ? checksumHeaders(checksum) : {};
}

/** `[/]bucket/key[?versionId=…]`, percent-encoded. */
export function copySource(
  { objects, bucketOf }: ObjectParts,
  header: string,
): { bucket: string; object: StoredObject; versionId: string | undefined } {
  const [path = '', versionId] = header.replace(/^\//, '').split('?versionId=');
  const decoded = decodePath(path);
  const slash = decoded.indexOf('/');
  if (slash < 1 || slash === decoded.length - 1)
    throw invalidArgument('Copy Source must mention the source bucket and key: sourcebucket/sourcekey');
  const bucket = bucketOf(decoded.slice(0, slash));
  const key = decoded.slice(slash + 1);
  const object = visible(objects.find(bucket.name, key, versionId));
  if (object) return { bucket: bucket.name, object, versionId };
  throw versionId === undefined ? noSuchKey(key) : noSuchVersion(key, versionId);
}

function copiedChecksum(
  bytes: Buffer,
  source: StoredObject,
  named: string | undefined,
): Checksum | undefined {
  const algorithm = readAlgorithm(named) ?? source.checksum?.algorithm;
  // The copy is one whole object, even where the source was put together from parts.
  return algorithm && { algorithm, value: digest(algorithm, bytes), type: 'FULL_OBJECT' };
}

interface Deleted {
  readonly versionId: string | undefined;
  /** A delete marker was made or removed. */
  readonly marker: boolean;
}

function deleteOne(objects: Objects, bucket: Bucket, key: string, versionId: string | undefined): Deleted {
  if (versionId !== undefined) {
    const removed = objects.remove(bucket.name, key, versionId);
    return { versionId, marker: removed !== undefined && removed.blobId === undefined };
  }
  if (bucket.settings.versioning === undefined) {
    const current = objects.find(bucket.name, key);
    if (current) objects.remove(bucket.name, key, current.versionId);
    return { versionId: undefined, marker: false };
  }
  const marker = objects.mark(bucket.name, key, isVersioned(bucket));
  return { versionId: marker.versionId, marker: true };
}

function deleteEntry(
  objects: Objects,
  bucket: Bucket,
  entry: Readonly<Record<string, unknown>>,
): XmlElements {
  const unknown = Object.keys(entry).find((name) => name !== 'Key' && name !== 'VersionId');
  if (unknown !== undefined) throw notImplemented(`${unknown} of an object in DeleteObjects`);
  const key = String(entry.Key ?? '');
  const versionId = entry.VersionId === undefined ? undefined : String(entry.VersionId);
  if (key === '') return { Key: key, Code: 'UserKeyMustBeSpecified', Message: 'An object has no Key.' };
  const deleted = deleteOne(objects, bucket, key, versionId);
  return {
    Key: key,
    VersionId: versionId,
    DeleteMarker: deleted.marker || undefined,
    DeleteMarkerVersionId: deleted.marker ? deleted.versionId : undefined,
  };
}

function noSuchVersion(key: string, versionId: string): AwsError {
  return new AwsError('NoSuchVersion', 'The specified version does not exist.', 404, {
    Key: key,
    VersionId: versionId,
  });
}
