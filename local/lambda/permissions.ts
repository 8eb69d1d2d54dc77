import type { PolicyStatement } from '../iam/policy.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity } from '../kernel/resources.ts';
import type { FunctionConfiguration } from './function-configuration.ts';

export const PERMISSION_TYPE = 'AWS::Lambda::Permission';

export interface FunctionPermission {
  readonly functionName: string;
  readonly statement: PolicyStatement;
}

const HONOURED = ['Action', 'FunctionName', 'Principal', 'SourceAccount', 'SourceArn'];
/** Of function URLs, Alexa and organizations, none of which are here. */
const INERT = ['EventSourceToken', 'FunctionUrlAuthType', 'InvokedViaFunctionUrl', 'PrincipalOrgID'];

/** A statement of a function's own policy. Who asks by it: EventBridge. */
export function functionPermission(
  properties: Properties,
  identity: ResourceIdentity,
  { name, arn }: FunctionConfiguration,
): FunctionPermission {
  checkProperties(PERMISSION_TYPE, properties, identity, HONOURED, INERT);
  const { Action, Principal, SourceArn, SourceAccount } = properties;
  return {
    functionName: name,
    statement: {
      Effect: 'Allow',
      Action: String(Action),
      Resource: arn,
      Principal: { Service: String(Principal) },
      Condition: {
        ...(SourceArn !== undefined && { ArnLike: { 'aws:SourceArn': SourceArn } }),
        ...(SourceAccount !== undefined && { StringEquals: { 'aws:SourceAccount': SourceAccount } }),
      },
    },
  };
}
