import { createHash } from 'node:crypto';
import { AwsError } from '../kernel/errors.ts';
import { crc32, crc32c, crc64nvme } from './crc.ts';
import { invalidArgument } from './errors.ts';

const DIGESTS = {
  CRC32: crc32,
  CRC32C: crc32c,
  CRC64NVME: crc64nvme,
  SHA1: (bytes: Buffer) => createHash('sha1').update(bytes).digest(),
  SHA256: (bytes: Buffer) => createHash('sha256').update(bytes).digest(),
} as const;

export type ChecksumAlgorithm = keyof typeof DIGESTS;
/** `COMPOSITE`: over the checksums of an upload's parts. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64; a composite one ends in `-` and the number of parts. */
  readonly value: string;
  readonly type: ChecksumType;
}

type Headers = Readonly<Record<string, string | undefined>>;

export function digest(algorithm: ChecksumAlgorithm, bytes: Buffer): string {
  return DIGESTS[algorithm](bytes).toString('base64');
}

export function md5(bytes: Buffer): Buffer {
  return createHash('md5').update(bytes).digest();
}

/** As `x-amz-checksum-algorithm` or `x-amz-sdk-checksum-algorithm` name it. @throws AwsError `InvalidRequest` */
export function readAlgorithm(name: string | undefined): ChecksumAlgorithm | undefined {
  if (name === undefined) return undefined;
  const upper = name.toUpperCase();
  if (Object.hasOwn(DIGESTS, upper)) return upper as ChecksumAlgorithm;
  throw new AwsError('InvalidRequest', `Checksum algorithm provided is unsupported: ${name}.`);
}

/**
 * Holds the body against every checksum that the request brought, as headers or as trailers of its body.
 *
 * @returns the one to keep with the object; computed where the request only names an algorithm
 * @throws AwsError `BadDigest`, `InvalidDigest`, `InvalidRequest`
 */
export function checkBody(body: Buffer, headers: Headers): Checksum | undefined {
  checkMd5(body, headers['content-md5']);
  const brought = Object.keys(headers)
    .map((name) => /^x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)$/.exec(name)?.[1])
    .filter((name) => name !== undefined);
  if (brought.length > 1)
    throw new AwsError(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  const [only] = brought;
  if (only === undefined) {
    const named = readAlgorithm(headers['x-amz-sdk-checksum-algorithm']);
    return named && { algorithm: named, value: digest(named, body), type: 'FULL_OBJECT' };
  }
  const algorithm = only.toUpperCase() as ChecksumAlgorithm;
  const value = digest(algorithm, body);
  if (value !== headers[`x-amz-checksum-${only}`])
    throw new AwsError('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
  return { algorithm, value, type: 'FULL_OBJECT' };
}

function checkMd5(body: Buffer, header: string | undefined): void {
  if (header === undefined) return;
  const given = Buffer.from(header, 'base64');
  if (given.length !== 16) throw new AwsError('InvalidDigest', 'The Content-MD5 you specified was invalid.');
  if (!given.equals(md5(body)))
    throw new AwsError('BadDigest', 'The Content-MD5 you specified did not match what we received.');
}

/** A checksum over parts, each of which has one. */
export function composite(algorithm: ChecksumAlgorithm, parts: readonly string[]): Checksum {
  const all = Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
  return { algorithm, value: `${digest(algorithm, all)}-${parts.length}`, type: 'COMPOSITE' };
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (!checksum) return {};
  return {
    [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`]: checksum.value,
    'x-amz-checksum-type': checksum.type,
  };
}

/** As XML answers carry it: `ChecksumCRC32` and the like. */
export function checksumFields(checksum: Checksum | undefined): Record<string, string> {
  if (!checksum) return {};
  return { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type };
}

/** @throws AwsError `InvalidArgument` for what is no type, or none of this algorithm */
export function readChecksumType(
  name: string | undefined,
  algorithm: ChecksumAlgorithm | undefined,
): ChecksumType {
  // CRC-64 adds up over parts, so S3 offers it for whole objects only; the hashes do not.
  const fallback = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  const type = name ?? fallback;
  const possible =
    (type === 'COMPOSITE' && algorithm !== 'CRC64NVME') ||
    (type === 'FULL_OBJECT' && algorithm !== 'SHA1' && algorithm !== 'SHA256');
  if (!possible)
    throw invalidArgument(`The checksum type ${type} is not possible with ${algorithm ?? 'no algorithm'}.`);
  return type as ChecksumType;
}
