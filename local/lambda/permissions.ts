import type { PolicyStatement } from '../iam/policy.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity } from '../kernel/resources.ts';
import type { FunctionConfiguration } from './function-configuration.ts';

export const PERMISSION_TYPE = 'AWS::Lambda::Permission';

export interface FunctionPermission {
  readonly functionName: string;
  readonly statement: PolicyStatement;
}

const HONOURED = [
  'Action',
  'FunctionName',
  'FunctionUrlAuthType',
  'InvokedViaFunctionUrl',
  'Principal',
  'SourceAccount',
  'SourceArn',
];
/** Of Alexa and organizations, which are not here. */
const INERT = ['EventSourceToken', 'PrincipalOrgID'];

/** The keys by which a statement is bound to function URLs. https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html */
export const URL_AUTH_TYPE = 'lambda:FunctionUrlAuthType';
export const VIA_URL = 'lambda:InvokedViaFunctionUrl';

/** A statement of a function's own policy. Who asks by it: EventBridge, and whoever calls a function URL. */
export function functionPermission(
  properties: Properties,
  identity: ResourceIdentity,
  { name, arn }: FunctionConfiguration,
): FunctionPermission {
  checkProperties(PERMISSION_TYPE, properties, identity, HONOURED, INERT);
  const { Action, SourceArn, SourceAccount, FunctionUrlAuthType, InvokedViaFunctionUrl } = properties;
  const equal = {
    ...(SourceAccount !== undefined && { 'aws:SourceAccount': SourceAccount }),
    ...(FunctionUrlAuthType !== undefined && { [URL_AUTH_TYPE]: FunctionUrlAuthType }),
  };
  return {
    functionName: name,
    statement: {
      Effect: 'Allow',
      Action: String(Action),
      Resource: arn,
      Principal: principalOf(String(properties.Principal)),
      Condition: {
        ...(SourceArn !== undefined && { ArnLike: { 'aws:SourceArn': SourceArn } }),
        ...(Object.keys(equal).length > 0 && { StringEquals: equal }),
        ...(InvokedViaFunctionUrl !== undefined && { Bool: { [VIA_URL]: InvokedViaFunctionUrl } }),
      },
    },
  };
}

function principalOf(principal: string): unknown {
  if (principal === '*') return principal;
  return principal.endsWith('.amazonaws.com') ? { Service: principal } : { AWS: principal };
}
