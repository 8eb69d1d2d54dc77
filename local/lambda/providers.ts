import { LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity, ResourceProvider } from '../kernel/resources.ts';
import { DEFAULT_EVENT_INVOKE } from './async-invocations.ts';
import { FUNCTION_TYPE, functionConfiguration } from './function-configuration.ts';
import { URL_TYPE } from './function-urls.ts';
import type { Lambda } from './lambda.ts';
import { functionNameOf, MAPPING_TYPE, mappingConfiguration } from './mapping-configuration.ts';
import { functionPermission, PERMISSION_TYPE } from './permissions.ts';

const EVENT_INVOKE_TYPE = 'AWS::Lambda::EventInvokeConfig';

export function lambdaProviders(lambda: Lambda): readonly ResourceProvider[] {
  return [
    {
      type: FUNCTION_TYPE,
      provision: (properties, identity) => provisionFunction(lambda, properties, identity),
    },
    {
      type: MAPPING_TYPE,
      provision: (properties, identity) => provisionMapping(lambda, properties, identity),
    },
    {
      type: PERMISSION_TYPE,
      provision: (properties, identity) => provisionPermission(lambda, properties, identity),
    },
    {
      type: EVENT_INVOKE_TYPE,
      provision: (properties, identity) => provisionEventInvoke(lambda, properties, identity),
    },
    {
      type: URL_TYPE,
      provision: (properties, identity) => provisionUrl(lambda, properties, identity),
    },
  ];
}

function provisionFunction(lambda: Lambda, properties: Properties, identity: ResourceIdentity) {
  const configuration = functionConfiguration(properties, identity, lambda.context);
  const reserved = properties.ReservedConcurrentExecutions;
  lambda.deployFunction(configuration, reserved === undefined ? undefined : Number(reserved));
  return { ref: configuration.name, attributes: { Arn: configuration.arn } };
}

function provisionMapping(lambda: Lambda, properties: Properties, identity: ResourceIdentity) {
  const configuration = mappingConfiguration(properties, identity);
  lambda.deployMapping(configuration);
  const { region, accountId } = lambda.context;
  return {
    ref: configuration.uuid,
    attributes: {
      Id: configuration.uuid,
      EventSourceMappingArn: `arn:aws:lambda:${region}:${accountId}:event-source-mapping:${configuration.uuid}`,
    },
  };
}

function provisionPermission(lambda: Lambda, properties: Properties, identity: ResourceIdentity) {
  const configuration = lambda.function(functionNameOf(String(properties.FunctionName)));
  const id = identity.generatedName(100);
  lambda.permissions.set(id, functionPermission(properties, identity, configuration));
  return { ref: id, attributes: { Id: id } };
}

function provisionEventInvoke(lambda: Lambda, properties: Properties, identity: ResourceIdentity) {
  checkProperties(EVENT_INVOKE_TYPE, properties, identity, [
    'DestinationConfig',
    'FunctionName',
    'MaximumEventAgeInSeconds',
    'MaximumRetryAttempts',
    'Qualifier',
  ]);
  const { maximumEventAgeSeconds, maximumRetryAttempts } = DEFAULT_EVENT_INVOKE;
  const { name } = lambda.function(functionNameOf(String(properties.FunctionName)));
  const onFailure = onFailureOf(properties, identity);
  lambda.eventInvokes.set(name, {
    maximumEventAgeSeconds: Number(properties.MaximumEventAgeInSeconds ?? maximumEventAgeSeconds),
    maximumRetryAttempts: Number(properties.MaximumRetryAttempts ?? maximumRetryAttempts),
    ...(onFailure !== undefined && { onFailure }),
  });
  return { ref: `${name}|${String(properties.Qualifier ?? '$LATEST')}`, attributes: {} };
}

function provisionUrl(lambda: Lambda, properties: Properties, identity: ResourceIdentity) {
  const url = lambda.open.deploy(properties, identity);
  const { arn } = lambda.function(url.functionName);
  return { ref: arn, attributes: { FunctionArn: arn, FunctionUrl: lambda.open.addressOf(url) } };
}

function onFailureOf(properties: Properties, identity: ResourceIdentity): string | undefined {
  const { DestinationConfig = {} } = properties as { DestinationConfig?: Properties };
  checkProperties(`${EVENT_INVOKE_TYPE}/DestinationConfig`, DestinationConfig, identity, ['OnFailure']);
  const { OnFailure } = DestinationConfig as { OnFailure?: { Destination?: string } };
  if (OnFailure?.Destination === undefined) return undefined;
  if (OnFailure.Destination.split(':')[2] === 'sqs') return OnFailure.Destination;
  throw new LocalCloudError(
    'UNSUPPORTED_FUNCTION',
    `${identity.stackName}/${identity.logicalId} (${EVENT_INVOKE_TYPE}) sends what fails to ${OnFailure.Destination}. The local cloud knows SQS queues as such destinations.`,
  );
}
