import { AwsError } from '../kernel/errors.ts';
import { invalidArgument, notImplemented } from './errors.ts';

type Headers = Readonly<Record<string, string | undefined>>;

const KEPT = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
  'x-amz-storage-class',
];
const USER_METADATA = 'x-amz-meta-';
const USER_METADATA_LIMIT_BYTES = 2048;
const DEFAULT_TYPE = 'binary/octet-stream';
const ENCRYPTIONS = ['AES256', 'aws:kms', 'aws:kms:dsse'];

/** `x-amz-…` headers that are acted on, or that change nothing on one machine. Any other asks for what is not there. */
const KNOWN_AMZ = new Set([
  'x-amz-acl',
  'x-amz-bucket-key-enabled',
  'x-amz-checksum-algorithm',
  'x-amz-checksum-mode',
  'x-amz-checksum-type',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-expected-bucket-owner',
  'x-amz-metadata-directive',
  'x-amz-mp-object-size',
  'x-amz-request-payer',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-security-token',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-source-expected-bucket-owner',
  'x-amz-storage-class',
  'x-amz-trailer',
  'x-amz-user-agent',
]);
const KNOWN_AMZ_FAMILIES = [USER_METADATA, 'x-amz-checksum-crc', 'x-amz-checksum-sha', 'x-amz-copy-source'];

/** @throws AwsError `NotImplemented`, naming the header */
export function checkAmzHeaders(headers: Headers): void {
  for (const name of Object.keys(headers)) {
    if (!name.startsWith('x-amz-') || KNOWN_AMZ.has(name)) continue;
    if (KNOWN_AMZ_FAMILIES.some((family) => name.startsWith(family)) && !name.includes('customer')) continue;
    throw notImplemented(`the header ${name}`);
  }
}

/** What is kept of a request's headers and answered with the object. @throws AwsError `MetadataTooLarge`, `InvalidArgument` */
export function readObjectHeaders(headers: Headers): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': DEFAULT_TYPE };
  let metadataBytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    if (name.startsWith(USER_METADATA)) metadataBytes += name.length - USER_METADATA.length + value.length;
    else if (!KEPT.includes(name)) continue;
    kept[name] = value;
  }
  if (metadataBytes > USER_METADATA_LIMIT_BYTES)
    throw new AwsError(
      'MetadataTooLarge',
      'Your metadata headers exceed the maximum allowed metadata size',
      400,
      {
        Size: String(metadataBytes),
        MaxSizeAllowed: String(USER_METADATA_LIMIT_BYTES),
      },
    );
  const encryption = headers['x-amz-server-side-encryption'] ?? 'AES256';
  if (!ENCRYPTIONS.includes(encryption))
    throw invalidArgument(`The encryption method specified is not supported: ${encryption}`);
  return { ...kept, 'x-amz-server-side-encryption': encryption };
}
