import { AwsError } from '../kernel/errors.ts';
import { noSuchKey, notImplemented, preconditionFailed } from './errors.ts';
import type { StoredObject } from './objects.ts';

type Headers = Readonly<Record<string, string | undefined>>;

/**
 * May the object be answered? An ETag outweighs a date, as RFC 9110 has it.
 *
 * @returns `not-modified` for a 304
 * @throws AwsError `PreconditionFailed`
 */
export function checkRead(object: StoredObject, headers: Headers): 'send' | 'not-modified' {
  const modifiedSeconds = Math.floor(object.modifiedMs / 1000);
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined && !matches(ifMatch, object)) throw preconditionFailed('If-Match');
  const unmodifiedSince = seconds(headers['if-unmodified-since']);
  if (ifMatch === undefined && unmodifiedSince !== undefined && modifiedSeconds > unmodifiedSince)
    throw preconditionFailed('If-Unmodified-Since');
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, object) ? 'not-modified' : 'send';
  const modifiedSince = seconds(headers['if-modified-since']);
  return modifiedSince !== undefined && modifiedSeconds <= modifiedSince ? 'not-modified' : 'send';
}

/**
 * May the object be written over, or deleted?
 *
 * @param current `undefined` when the key is free (or hidden by a delete marker)
 * @throws AwsError `PreconditionFailed`; `NoSuchKey` for an If-Match on nothing
 */
export function checkWrite(key: string, current: StoredObject | undefined, headers: Headers): void {
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*')
    throw notImplemented('If-None-Match with an ETag on a write (nor does AWS): only "*"');
  if (ifNoneMatch === '*' && current !== undefined) throw preconditionFailed('If-None-Match');
  const ifMatch = headers['if-match'];
  if (ifMatch === undefined) return;
  if (current === undefined) throw noSuchKey(key);
  if (!matches(ifMatch, current)) throw preconditionFailed('If-Match');
}

/** The conditions that CopyObject puts on its source. @throws AwsError `PreconditionFailed` */
export function checkCopySource(source: StoredObject, headers: Headers): void {
  const outcome = checkRead(source, {
    'if-match': headers['x-amz-copy-source-if-match'],
    'if-none-match': headers['x-amz-copy-source-if-none-match'],
    'if-modified-since': headers['x-amz-copy-source-if-modified-since'],
    'if-unmodified-since': headers['x-amz-copy-source-if-unmodified-since'],
  });
  if (outcome === 'not-modified') throw preconditionFailed('x-amz-copy-source-If-None-Match');
}

export interface ByteRange {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/**
 * `bytes=0-9`, `bytes=10-` or `bytes=-5`. What is no such range (several ranges, other units) is answered whole, as S3 does.
 *
 * @throws AwsError `InvalidRange`
 */
export function readRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  // A last byte before the first one makes no range at all, says RFC 9110; it is left out of account.
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (start >= sizeBytes || (first === '' && Number(last) === 0))
    throw new AwsError('InvalidRange', 'The requested range is not satisfiable', 416, {
      RangeRequested: header ?? '',
      ActualObjectSize: String(sizeBytes),
    });
  return { start, end };
}

function matches(header: string, { etag }: StoredObject): boolean {
  if (header.trim() === '*') return true;
  return header
    .split(',')
    .map((one) =>
      one
        .trim()
        .replace(/^W\//, '')
        .replace(/^"(.*)"$/, '$1'),
    )
    .includes(etag);
}

function seconds(date: string | undefined): number | undefined {
  const ms = Date.parse(date ?? '');
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}
