import { AwsError } from '../kernel/errors.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
export function noSuchBucket(bucket: string): AwsError {
  return new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404, { BucketName: bucket });
}

export function noSuchKey(key: string): AwsError {
  return new AwsError('NoSuchKey', 'The specified key does not exist.', 404, { Key: key });
}

export function noSuchUpload(uploadId: string): AwsError {
  return new AwsError(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    404,
    { UploadId: uploadId },
  );
}

export function preconditionFailed(condition: string): AwsError {
  return new AwsError(
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold',
    412,
    { Condition: condition },
  );
}

export function invalidArgument(message: string, details: Readonly<Record<string, string>> = {}): AwsError {
  return new AwsError('InvalidArgument', message, 400, details);
}

/** What S3 can do and the local cloud cannot. */
export function notImplemented(what: string): AwsError {
  return new AwsError('NotImplemented', `The local cloud's S3 does not know ${what}.`, 501);
}
