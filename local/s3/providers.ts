import { LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity, ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext } from '../kernel/service.ts';
import type { BucketSettings, Buckets } from './buckets.ts';
import type { LifecycleRule } from './lifecycle.ts';

const BUCKET = 'AWS::S3::Bucket';
const POLICY = 'AWS::S3::BucketPolicy';

/** Who may do what, how it is encrypted and what is counted: nothing of it changes what a job reads and writes here. */
const INERT = [
  'AnalyticsConfigurations',
  'BucketEncryption',
  'InventoryConfigurations',
  'LoggingConfiguration',
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
          ['BucketName', 'VersioningConfiguration', 'LifecycleConfiguration'],
          INERT,
        );
        // Generated names hold capitals, which bucket names must not.
        const name = String(properties.BucketName ?? identity.generatedName(63).toLowerCase());
        buckets.declare(name, settingsOf(properties, identity));
        return { ref: name, attributes: attributesOf(name, context.region) };
      },
    },
    {
      type: POLICY,
      provision(properties, identity) {
        checkProperties(POLICY, properties, identity, ['Bucket', 'PolicyDocument']);
        buckets.get(String(properties.Bucket));
        return { ref: identity.generatedName(64), attributes: {} };
      },
    },
  ];
}

function settingsOf(properties: Properties, identity: ResourceIdentity): BucketSettings {
  const versioning = properties.VersioningConfiguration as { Status?: 'Enabled' | 'Suspended' } | undefined;
  const lifecycle = (properties.LifecycleConfiguration ?? {}) as { Rules?: readonly Properties[] };
  return {
    versioning: versioning?.Status,
    lifecycle: (lifecycle.Rules ?? [])
      .filter(({ Status }) => Status === 'Enabled')
      .map((rule) => lifecycleRule(rule, identity)),
  };
}

/** Another storage class costs less and reads the same, so that transitions change nothing here. */
function lifecycleRule(rule: Properties, identity: ResourceIdentity): LifecycleRule {
  checkProperties(
    BUCKET,
    rule,
    identity,
    [
      'Id',
      'Status',
      'Prefix',
      'ExpirationInDays',
      'NoncurrentVersionExpiration',
      'NoncurrentVersionExpirationInDays',
      'AbortIncompleteMultipartUpload',
    ],
    ['Transitions', 'Transition', 'NoncurrentVersionTransitions', 'NoncurrentVersionTransition'],
  );
  const noncurrent = (rule.NoncurrentVersionExpiration ?? {}) as Properties;
  checkProperties(BUCKET, noncurrent, identity, ['NoncurrentDays']);
  const abort = (rule.AbortIncompleteMultipartUpload ?? {}) as Properties;
  const expirationDays = days(rule.ExpirationInDays, identity);
  const noncurrentDays = days(noncurrent.NoncurrentDays ?? rule.NoncurrentVersionExpirationInDays, identity);
  const abortUploadDays = days(abort.DaysAfterInitiation, identity);
  return {
    prefix: String(rule.Prefix ?? ''),
    ...(expirationDays !== undefined && { expirationDays }),
    ...(noncurrentDays !== undefined && { noncurrentDays }),
    ...(abortUploadDays !== undefined && { abortUploadDays }),
  };
}

function days(value: unknown, { stackName, logicalId }: ResourceIdentity): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new LocalCloudError(
    'INVALID_PROPERTY',
    `${stackName}/${logicalId} (${BUCKET}) has a lifecycle rule of ${JSON.stringify(value)} days; it takes a whole number from 1 on.`,
  );
}

function attributesOf(name: string, region: string): Record<string, string> {
  return {
    Arn: `arn:aws:s3:::${name}`,
    DomainName: `${name}.s3.amazonaws.com`,
    RegionalDomainName: `${name}.s3.${region}.amazonaws.com`,
    DualStackDomainName: `${name}.s3.dualstack.${region}.amazonaws.com`,
    WebsiteURL: `http://${name}.s3-website-${region}.amazonaws.com`,
  };
}
