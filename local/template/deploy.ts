import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { AwsError, LocalCloudError } from '../kernel/errors.ts';
import type { Properties, Provisioned, ResourceIdentity, ResourceProvider } from '../kernel/resources.ts';
import { type Assembly, type AssemblyStack, readAssembly, type TemplateResource } from './assembly.ts';
import { checkAssembly } from './check.ts';
import { INERT_TYPES } from './inert.ts';
import { resolve } from './intrinsics.ts';
import { provisioningOrder } from './references.ts';
import { type DeploymentEnvironment, StackScope } from './stack-scope.ts';

export interface DeployedResource {
  readonly logicalId: string;
  readonly type: string;
  /** What `Ref` gives. */
  readonly physicalId: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** With every intrinsic function resolved. */
  readonly properties: Properties;
  /** The construct's path in the CDK app, where the template tells it. */
  readonly path: string | undefined;
}

export interface DeployedStack {
  readonly name: string;
  readonly resources: readonly DeployedResource[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

export interface Deployment {
  readonly stacks: readonly DeployedStack[];
  /** All resources of a type, over all stacks. */
  ofType(type: string): readonly DeployedResource[];
  /** @throws LocalCloudError `UNKNOWN_REFERENCE` */
  output(stackName: string, name: string): unknown;
}

/**
 * Makes every resource of a cloud assembly through its provider, stack by stack and each after what it needs. What the
 * local cloud does not know is found before anything is made.
 *
 * @throws LocalCloudError naming stack, logical id and type
 */
export function deployAssembly(
  source: string | Assembly,
  providers: readonly ResourceProvider[],
  environment: DeploymentEnvironment,
): Deployment {
  const assembly = typeof source === 'string' ? readAssembly(source) : source;
  const byType = new Map(providers.map((provider) => [provider.type, provider]));
  checkAssembly(assembly, new Set(byType.keys()));
  const exports = new Map<string, unknown>();
  const stacks = assembly.stacks.map((stack) => deployStack(stack, assembly, byType, environment, exports));
  return {
    stacks,
    ofType: (type) =>
      stacks.flatMap(({ resources }) => resources.filter((resource) => resource.type === type)),
    output(stackName, name) {
      const stack = stacks.find((candidate) => candidate.name === stackName);
      if (!stack || !Object.hasOwn(stack.outputs, name))
        throw new LocalCloudError(
          'UNKNOWN_REFERENCE',
          `No stack ${stackName} with an output "${name}" is deployed.`,
        );
      return stack.outputs[name];
    },
  };
}

function deployStack(
  stack: AssemblyStack,
  assembly: Assembly,
  providers: ReadonlyMap<string, ResourceProvider>,
  environment: DeploymentEnvironment,
  exports: Map<string, unknown>,
): DeployedStack {
  const provisioned = new Map<string, Provisioned>();
  const scope = new StackScope(stack, environment, provisioned, exports);
  const resources: DeployedResource[] = [];
  for (const logicalId of provisioningOrder(stack.name, stack.template)) {
    const resource = stack.template.Resources?.[logicalId];
    if (!resource || !(resource.Condition === undefined || scope.condition(resource.Condition))) continue;
    const properties = resolve(resource.Properties ?? {}, scope.at(logicalId)) as Properties;
    const identity = identityOf(stack, logicalId, resource, assembly);
    const made = make(providers.get(resource.Type), properties, identity, resource.Type);
    provisioned.set(logicalId, made);
    resources.push({
      logicalId,
      type: resource.Type,
      physicalId: made.ref,
      attributes: made.attributes,
      properties,
      path: resource.Metadata?.['aws:cdk:path'] as string | undefined,
    });
  }
  return { name: stack.name, resources, outputs: outputsOf(stack, scope, exports) };
}

function make(
  provider: ResourceProvider | undefined,
  properties: Properties,
  identity: ResourceIdentity,
  type: string,
): Provisioned {
  if (provider) return accepted(provider, properties, identity);
  if (Object.hasOwn(INERT_TYPES, type)) return { ref: identity.generatedName(64), attributes: {} };
  throw new LocalCloudError(
    'UNKNOWN_RESOURCE',
    `${identity.stackName}/${identity.logicalId} (${type}): no provider`,
  );
}

/** What the service refuses, the deployment refuses, naming the resource. */
function accepted(
  provider: ResourceProvider,
  properties: Properties,
  identity: ResourceIdentity,
): Provisioned {
  try {
    return provider.provision(properties, identity);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new LocalCloudError(
      'INVALID_PROPERTY',
      `${identity.stackName}/${identity.logicalId} (${provider.type}) is refused: ${error.message}`,
      { cause: error },
    );
  }
}

function outputsOf(
  stack: AssemblyStack,
  scope: StackScope,
  exports: Map<string, unknown>,
): Readonly<Record<string, unknown>> {
  const outputs: Record<string, unknown> = {};
  for (const [name, output] of Object.entries(stack.template.Outputs ?? {})) {
    if (output.Condition !== undefined && !scope.condition(output.Condition)) continue;
    const at = scope.at(`Outputs/${name}`);
    const value = resolve(output.Value, at);
    outputs[name] = value;
    if (output.Export) exports.set(String(resolve(output.Export.Name, at)), value);
  }
  return outputs;
}

function identityOf(
  stack: AssemblyStack,
  logicalId: string,
  resource: TemplateResource,
  assembly: Assembly,
): ResourceIdentity {
  return {
    stackName: stack.name,
    logicalId,
    metadata: resource.Metadata ?? {},
    generatedName: (maxLength) => generatedName(stack.name, logicalId, maxLength),
    assetDirectory: (objectKey) => {
      const path = assembly.assets.get(objectKey);
      if (path !== undefined && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
      throw new LocalCloudError(
        'UNKNOWN_ASSET',
        path === undefined
          ? `${stack.name}/${logicalId} needs the asset "${objectKey}", which no asset manifest of ${assembly.directory} lists. Synthesize again.`
          : `${stack.name}/${logicalId} needs the asset "${objectKey}" as a folder, and ${path} is none. Synthesize again, bundling to a folder.`,
      );
    },
  };
}

/** As CloudFormation names things (`Stack-LogicalId-SUFFIX`), but the same at each deployment. */
function generatedName(stackName: string, logicalId: string, maxLength: number): string {
  const hash = createHash('sha256').update(`${stackName}/${logicalId}`).digest('hex');
  const suffix = hash.slice(0, 12).toUpperCase();
  return `${`${stackName}-${logicalId}`.slice(0, maxLength - suffix.length - 1)}-${suffix}`;
}
