/**
 * Resource types that the local cloud lets pass without doing anything, each with the reason why nothing that a job sees
 * depends on it. A type that is neither here nor provided by a service fails the deployment.
 */
export const INERT_TYPES: Readonly<Record<string, string>> = {
  'AWS::CDK::Metadata': 'tells AWS which constructs were used; changes nothing',
};
