import { checkProperties } from '../kernel/properties.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { Buckets } from './buckets.ts';

const BUCKET = 'AWS::S3::Bucket';
const BUCKET_POLICY = 'AWS::S3::BucketPolicy';

/** Who may read, how it is encrypted, what it costs. */
const INERT_OF_BUCKET = [
  'AccessControl',
  'BucketEncryption',
  'IntelligentTieringConfigurations',
  'MetricsConfigurations',
  'OwnershipControls',
  'PublicAccessBlockConfiguration',
  'Tags',
];

export function s3Providers(context: CloudContext, buckets: Buckets): ResourceProvider[] {
  return [
    {
      type: BUCKET,
      provision(properties, identity) {
        checkProperties(
          BUCKET,
          properties,
          identity,
          ['BucketName', 'LifecycleConfiguration'],
          INERT_OF_BUCKET,
        );
        const name =
          (properties.BucketName as string | undefined) ?? identity.generatedName(63).toLowerCase();
        buckets.declare(name, { versioning: undefined, lifecycle: [] });
        return {
          ref: name,
          attributes: {
            Arn: `arn:aws:s3:::${name}`,
            DomainName: `${name}.s3.amazonaws.com`,
            RegionalDomainName: `${name}.s3.${context.region}.amazonaws.com`,
            DualStackDomainName: `${name}.s3.dualstack.${context.region}.amazonaws.com`,
          },
        };
      },
    },
    {
      type: BUCKET_POLICY,
      provision(properties, identity) {
        checkProperties(BUCKET_POLICY, properties, identity, ['Bucket'], ['PolicyDocument']);
        return { ref: buckets.get(String(properties.Bucket)).name, attributes: {} };
      },
    },
  ];
}
