import { AwsError } from '../kernel/errors.ts';
import type { CloudContext, ServiceResponse } from '../kernel/service.ts';
import { emptyAnswer, isoTime, type S3Call, xmlAnswer } from './call.ts';
import {
  type Checksum,
  checkBody,
  checksumFields,
  checksumHeaders,
  composite,
  digest,
  md5,
  readAlgorithm,
  readChecksumType,
} from './checksums.ts';
import { checkCopySource, checkWrite, readRange } from './conditions.ts';
import { invalidArgument } from './errors.ts';
import { readObjectHeaders } from './object-headers.ts';
import {
  copySource,
  isVersioned,
  type ObjectParts,
  quoted,
  versionHeaders,
  visible,
} from './object-operations.ts';
import type { Part, Upload, Uploads } from './uploads.ts';
import { readXml, xmlList } from './xml-body.ts';

const MOST_PARTS = 10_000;
/** For every part but the last. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const LEAST_PART_BYTES = 5 * 1024 * 1024;

type Operation = (call: S3Call) => ServiceResponse;

export function multipartOperations(
  parts: ObjectParts,
  uploads: Uploads,
  context: CloudContext,
): Record<
  'create' | 'uploadPart' | 'copyPart' | 'complete' | 'abort' | 'listParts' | 'listUploads',
  Operation
> {
  const { objects, bucketOf } = parts;
  const uploadOf = ({ bucket, key, query }: S3Call): Upload => {
    bucketOf(bucket);
    return uploads.get(bucket, key, query.get('uploadId') ?? '');
  };
  return {
    create({ bucket, key, headers }) {
      bucketOf(bucket);
      const algorithm = readAlgorithm(headers['x-amz-checksum-algorithm']);
      const checksumType = readChecksumType(headers['x-amz-checksum-type'], algorithm);
      const upload = uploads.create({
        bucket,
        key,
        headers: readObjectHeaders(headers),
        algorithm,
        checksumType,
      });
      return xmlAnswer(
        'InitiateMultipartUploadResult',
        { Bucket: bucket, Key: key, UploadId: upload.id },
        algorithm && { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': checksumType },
      );
    },

    uploadPart(call) {
      const upload = uploadOf(call);
      const number = partNumberOf(call);
      const brought = checkBody(call.body, call.headers);
      const checksum = partChecksum(upload, brought, call.body);
      const etag = md5(call.body).toString('hex');
      uploads.putPart(upload, { number, etag, checksum }, call.body);
      const { 'x-amz-checksum-type': _type, ...answered } = checksumHeaders(checksum);
      return emptyAnswer(200, { etag: quoted(etag), ...answered });
    },

    copyPart(call) {
      const upload = uploadOf(call);
      const number = partNumberOf(call);
      const source = copySource(parts, call.headers['x-amz-copy-source'] ?? '').object;
      checkCopySource(source, call.headers);
      const whole = parts.objects.bytes(source);
      const range = readRange(call.headers['x-amz-copy-source-range'], source.sizeBytes);
      const bytes = range ? whole.subarray(range.start, range.end + 1) : whole;
      const etag = md5(bytes).toString('hex');
      const checksum = partChecksum(upload, undefined, bytes);
      uploads.putPart(upload, { number, etag, checksum }, bytes);
      return xmlAnswer('CopyPartResult', {
        ETag: quoted(etag),
        LastModified: isoTime(context.clock.now()),
        ...(checksum && { [`Checksum${checksum.algorithm}`]: checksum.value }),
      });
    },

    complete(call) {
      const upload = uploadOf(call);
      const { bucket: name, key, headers } = call;
      const bucket = bucketOf(name);
      checkWrite(key, visible(objects.find(name, key)), headers);
      const chosen = chosenParts(uploads.parts(upload.id), readXml(call.body, 'CompleteMultipartUpload'));
      const bytes = Buffer.concat(chosen.map((part) => uploads.bytes(part)));
      const etag = `${md5(Buffer.concat(chosen.map((part) => Buffer.from(part.etag, 'hex')))).toString('hex')}-${chosen.length}`;
      const checksum = wholeChecksum(upload, chosen, bytes);
      checkAnnounced(headers, bytes, checksum);
      const stored = objects.put(
        name,
        { key, bytes, etag, headers: upload.headers, checksum },
        isVersioned(bucket),
      );
      // Last: a process that dies before this leaves an upload that can be completed again, to the same end.
      uploads.remove(upload.id);
      return xmlAnswer(
        'CompleteMultipartUploadResult',
        {
          Location: `${context.endpoint()}/${name}/${encodeURIComponent(key)}`,
          Bucket: name,
          Key: key,
          ETag: quoted(etag),
          ...checksumFields(checksum),
        },
        versionHeaders(bucket, stored),
      );
    },

    abort(call) {
      uploads.remove(uploadOf(call).id);
      return emptyAnswer(204);
    },

    listParts(call) {
      const upload = uploadOf(call);
      return xmlAnswer('ListPartsResult', {
        Bucket: call.bucket,
        Key: call.key,
        UploadId: upload.id,
        StorageClass: upload.headers['x-amz-storage-class'] ?? 'STANDARD',
        MaxParts: MOST_PARTS,
        IsTruncated: false,
        Part: uploads.parts(upload.id).map((part) => ({
          PartNumber: part.number,
          LastModified: isoTime(part.modifiedMs),
          ETag: quoted(part.etag),
          Size: part.sizeBytes,
          ...(part.checksum && { [`Checksum${part.checksum.algorithm}`]: part.checksum.value }),
        })),
      });
    },

    listUploads({ bucket, query }) {
      bucketOf(bucket);
      const prefix = query.get('prefix') ?? '';
      return xmlAnswer('ListMultipartUploadsResult', {
        Bucket: bucket,
        Prefix: prefix,
        IsTruncated: false,
        Upload: uploads
          .all(bucket)
          .filter(({ key }) => key.startsWith(prefix))
          .map((upload) => ({
            Key: upload.key,
            UploadId: upload.id,
            Initiated: isoTime(upload.startedMs),
            StorageClass: upload.headers['x-amz-storage-class'] ?? 'STANDARD',
          })),
      });
    },
  };
}

function partChecksum(upload: Upload, brought: Checksum | undefined, body: Buffer): Checksum | undefined {
  const { algorithm } = upload;
  if (brought && algorithm && brought.algorithm !== algorithm)
    throw new AwsError(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${algorithm.toLowerCase()}, actual checksum Type: ${brought.algorithm.toLowerCase()}`,
    );
  if (!algorithm) return brought;
  return brought ?? { algorithm, value: digest(algorithm, body), type: 'FULL_OBJECT' };
}

/** The parts that the caller names, each as it was uploaded. */
function chosenParts(uploaded: readonly Part[], request: Readonly<Record<string, unknown>>): Part[] {
  const named = xmlList(request.Part);
  if (named.length === 0)
    throw new AwsError(
      'MalformedXML',
      'You must specify at least one part: <Part> with its number and ETag.',
    );
  const chosen = named.map((one) => {
    const part = uploaded.find(({ number }) => number === Number(one.PartNumber));
    if (!part || part.etag !== String(one.ETag ?? '').replaceAll('"', '')) throw invalidPart(one);
    if (
      part.checksum &&
      (one[`Checksum${part.checksum.algorithm}`] ?? part.checksum.value) !== part.checksum.value
    )
      throw invalidPart(one);
    return part;
  });
  chosen.forEach((part, at) => {
    const next = chosen[at + 1];
    if (!next) return;
    if (next.number <= part.number)
      throw new AwsError(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
      );
    if (part.sizeBytes < LEAST_PART_BYTES)
      throw new AwsError(
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed size',
        400,
        {
          PartNumber: String(part.number),
          ProposedSize: String(part.sizeBytes),
          MinSizeAllowed: String(LEAST_PART_BYTES),
        },
      );
  });
  return chosen;
}

function wholeChecksum(upload: Upload, parts: readonly Part[], bytes: Buffer): Checksum | undefined {
  const { algorithm, checksumType } = upload;
  if (!algorithm) return undefined;
  if (checksumType === 'FULL_OBJECT')
    return { algorithm, value: digest(algorithm, bytes), type: 'FULL_OBJECT' };
  return composite(
    algorithm,
    parts.map(({ checksum }) => checksum?.value ?? ''),
  );
}

/** What the caller says of the whole: its size, its checksum. */
function checkAnnounced(headers: S3Call['headers'], bytes: Buffer, checksum: Checksum | undefined): void {
  const sizeBytes = headers['x-amz-mp-object-size'];
  if (sizeBytes !== undefined && Number(sizeBytes) !== bytes.length)
    throw new AwsError(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${sizeBytes} does not match what was computed: ${bytes.length}`,
    );
  const announced = checksum && headers[`x-amz-checksum-${checksum.algorithm.toLowerCase()}`];
  if (announced !== undefined && announced !== checksum?.value)
    throw new AwsError(
      'BadDigest',
      `The ${checksum?.algorithm} you specified did not match the calculated checksum.`,
    );
}

function partNumberOf({ query }: S3Call): number {
  const number = Number(query.get('partNumber'));
  if (Number.isInteger(number) && number >= 1 && number <= MOST_PARTS) return number;
  throw invalidArgument(`Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`);
}

function invalidPart(one: Readonly<Record<string, unknown>>): AwsError {
  return new AwsError(
    'InvalidPart',
    "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag.",
    400,
    { PartNumber: String(one.PartNumber ?? '') },
  );
}
