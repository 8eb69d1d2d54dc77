import { AwsError } from '../kernel/errors.ts';
import type { CloudContext, ServiceResponse } from '../kernel/service.ts';
import type { Buckets } from './buckets.ts';
import { emptyAnswer, isoTime, NAMESPACE, type S3Call, xmlAnswer } from './call.ts';
import type { ObjectParts } from './object-operations.ts';
import type { Uploads } from './uploads.ts';
import { readXml } from './xml-body.ts';

type Operation = (call: S3Call) => ServiceResponse;

export function bucketOperations(
  { objects, bucketOf }: ObjectParts,
  buckets: Buckets,
  uploads: Uploads,
  { region, accountId }: CloudContext,
): Record<'list' | 'create' | 'head' | 'delete' | 'location' | 'versioning', Operation> {
  return {
    list: () =>
      xmlAnswer('ListAllMyBucketsResult', {
        Owner: { ID: accountId, DisplayName: 'local' },
        Buckets: {
          Bucket: buckets.all().map(({ name, createdMs }) => ({
            Name: name,
            CreationDate: isoTime(createdMs),
            BucketRegion: region,
          })),
        },
      }),

    create({ bucket, body }) {
      const asked = body.length === 0 ? {} : readXml(body, 'CreateBucketConfiguration');
      const location = String(asked.LocationConstraint ?? region);
      if (location !== region)
        throw new AwsError(
          'IllegalLocationConstraintException',
          `The ${location} location constraint is incompatible for the region specific endpoint this request was sent to: the local cloud is ${region}.`,
        );
      buckets.create(bucket);
      return emptyAnswer(200, { location: `/${bucket}` });
    },

    head({ bucket }) {
      bucketOf(bucket);
      return emptyAnswer(200, { 'x-amz-bucket-region': region });
    },

    delete({ bucket }) {
      bucketOf(bucket);
      if (!objects.isEmpty(bucket))
        throw new AwsError('BucketNotEmpty', 'The bucket you tried to delete is not empty', 409, {
          BucketName: bucket,
        });
      for (const upload of uploads.all(bucket)) uploads.remove(upload.id);
      buckets.delete(bucket);
      return emptyAnswer(204);
    },

    location({ bucket }) {
      bucketOf(bucket);
      // us-east-1 is older than location constraints, and answers none.
      return {
        status: 200,
        headers: { 'content-type': 'application/xml' },
        body: `<LocationConstraint xmlns="${NAMESPACE}">${region === 'us-east-1' ? '' : region}</LocationConstraint>`,
      };
    },

    versioning: ({ bucket }) =>
      xmlAnswer('VersioningConfiguration', { Status: bucketOf(bucket).settings.versioning }),
  };
}
