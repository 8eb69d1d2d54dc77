import type { ServiceResponse } from '../kernel/service.ts';
import type { XmlElements } from '../kernel/xml.ts';
import { isoTime, type S3Call, xmlAnswer } from './call.ts';
import { invalidArgument } from './errors.ts';
import { type ObjectParts, quoted } from './object-operations.ts';
import type { Objects, StoredObject } from './objects.ts';

const MAX_KEYS = 1000;
/** Behind every key that begins like the text before it. */
const BEHIND = '\u{10FFFF}';
const ROWS_AT_A_TIME = 200;

export const LIST_PARAMETERS = [
  'list-type',
  'prefix',
  'delimiter',
  'max-keys',
  'continuation-token',
  'start-after',
  'encoding-type',
  'fetch-owner',
];

interface Page {
  readonly objects: readonly StoredObject[];
  readonly commonPrefixes: readonly string[];
  /** Where the next page begins; `undefined` on the last one. */
  readonly nextFrom: string | undefined;
}

/** ListObjectsV2. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
export function listObjects({ objects, bucketOf }: ObjectParts, { bucket, query }: S3Call): ServiceResponse {
  bucketOf(bucket);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const startAfter = query.get('start-after');
  const token = query.get('continuation-token');
  const maxKeys = readMaxKeys(query.get('max-keys'));
  const encoding = query.get('encoding-type');
  if (encoding !== null && encoding !== 'url')
    throw invalidArgument('Invalid Encoding Method specified in Request');
  const encode = encoding === 'url' ? urlEncoded : (text: string) => text;
  const from = token === null ? behind(startAfter ?? '') : Buffer.from(token, 'base64url').toString('utf8');
  const page = readPage(objects, bucket, { prefix, delimiter, from, maxKeys });
  return xmlAnswer('ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: maxKeys,
    KeyCount: page.objects.length + page.commonPrefixes.length,
    IsTruncated: page.nextFrom !== undefined,
    EncodingType: encoding ?? undefined,
    ContinuationToken: token ?? undefined,
    NextContinuationToken:
      page.nextFrom === undefined ? undefined : Buffer.from(page.nextFrom, 'utf8').toString('base64url'),
    StartAfter: startAfter === null ? undefined : encode(startAfter),
    Contents: page.objects.map((object) => describe(object, encode)),
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  });
}

function readPage(
  objects: Objects,
  bucket: string,
  options: { prefix: string; delimiter: string; from: string; maxKeys: number },
): Page {
  const { prefix, delimiter, maxKeys } = options;
  const found: StoredObject[] = [];
  const commonPrefixes: string[] = [];
  let from = Buffer.compare(Buffer.from(options.from), Buffer.from(prefix)) > 0 ? options.from : prefix;
  if (maxKeys === 0) return { objects: [], commonPrefixes: [], nextFrom: undefined };
  for (;;) {
    const rows = objects.list(bucket, from, ROWS_AT_A_TIME);
    let jumped = false;
    for (const row of rows) {
      if (!row.key.startsWith(prefix)) return { objects: found, commonPrefixes, nextFrom: undefined };
      if (found.length + commonPrefixes.length === maxKeys)
        return { objects: found, commonPrefixes, nextFrom: row.key };
      const end = delimiter === '' ? -1 : row.key.indexOf(delimiter, prefix.length);
      if (end < 0) {
        found.push(row);
        from = behind(row.key);
        continue;
      }
      const common = row.key.slice(0, end + delimiter.length);
      commonPrefixes.push(common);
      // What is behind the group comes from a new query, however large the group is.
      from = common + BEHIND;
      jumped = true;
      break;
    }
    if (!jumped && rows.length < ROWS_AT_A_TIME)
      return { objects: found, commonPrefixes, nextFrom: undefined };
  }
}

/** The first key that can follow. */
function behind(key: string): string {
  return key === '' ? '' : `${key}\0`;
}

function describe(object: StoredObject, encode: (text: string) => string): XmlElements {
  return {
    Key: encode(object.key),
    LastModified: isoTime(object.modifiedMs),
    ETag: quoted(object.etag),
    ChecksumAlgorithm: object.checksum?.algorithm,
    ChecksumType: object.checksum?.type,
    Size: object.sizeBytes,
    StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
  };
}

function readMaxKeys(text: string | null): number {
  if (text === null) return MAX_KEYS;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > 2 ** 31 - 1)
    throw invalidArgument(`Argument max-keys must be an integer between 0 and ${2 ** 31 - 1}`);
  return Math.min(number, MAX_KEYS);
}

function urlEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/');
}
