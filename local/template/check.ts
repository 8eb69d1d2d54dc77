import { LocalCloudError } from '../kernel/errors.ts';
import type { Assembly, AssemblyStack, TemplateResource } from './assembly.ts';
import { INERT_TYPES } from './inert.ts';
import { namesIn, provisioningOrder } from './references.ts';

const SECTIONS = new Set([
  'AWSTemplateFormatVersion',
  'Conditions',
  'Description',
  'Mappings',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Rules', // CDK's only rule holds the bootstrap version against the account; there is none here.
]);

const RESOURCE_ATTRIBUTES = new Set([
  'Condition',
  'DeletionPolicy',
  'DependsOn',
  'Metadata',
  'Properties',
  'Type',
  'UpdateReplacePolicy',
]);

/**
 * Finds what the local cloud cannot deploy before anything is made, in every stack and whatever the conditions say.
 *
 * @throws LocalCloudError `UNKNOWN_RESOURCE` listing all of them; `UNKNOWN_INTRINSIC`, `UNKNOWN_PROPERTY`,
 *   `UNKNOWN_REFERENCE`, `CYCLE`
 */
export function checkAssembly(assembly: Assembly, providedTypes: ReadonlySet<string>): void {
  refuseUnknownTypes(assembly, providedTypes);
  for (const stack of assembly.stacks) {
    refuseUnknownSections(stack);
    provisioningOrder(stack.name, stack.template);
    const { Outputs, Conditions } = stack.template;
    for (const [name, condition] of Object.entries(Conditions ?? {}))
      namesIn(condition, `${stack.name}/Conditions/${name}`);
    for (const [name, output] of Object.entries(Outputs ?? {}))
      namesIn(output, `${stack.name}/Outputs/${name}`);
  }
}

function refuseUnknownTypes(assembly: Assembly, providedTypes: ReadonlySet<string>): void {
  const unknown = assembly.stacks.flatMap((stack) =>
    Object.entries(stack.template.Resources ?? {})
      .filter(([, { Type }]) => !providedTypes.has(Type) && !Object.hasOwn(INERT_TYPES, Type))
      .map(([logicalId, { Type }]) => `${stack.name}/${logicalId} is of the type ${Type}`),
  );
  if (unknown.length === 0) return;
  throw new LocalCloudError(
    'UNKNOWN_RESOURCE',
    `The local cloud does not know every resource of the template: ${unknown.join('; ')}.`,
  );
}

function refuseUnknownSections(stack: AssemblyStack): void {
  for (const name of Object.keys(stack.template))
    if (!SECTIONS.has(name))
      throw new LocalCloudError(
        'UNKNOWN_PROPERTY',
        `The template of ${stack.name} has the section "${name}", which the local cloud does not know.`,
      );
  for (const [logicalId, resource] of Object.entries(stack.template.Resources ?? {}))
    for (const name of Object.keys(resource))
      if (!RESOURCE_ATTRIBUTES.has(name)) throw unknownAttribute(stack, logicalId, resource, name);
}

function unknownAttribute(stack: AssemblyStack, logicalId: string, resource: TemplateResource, name: string) {
  return new LocalCloudError(
    'UNKNOWN_PROPERTY',
    `${stack.name}/${logicalId} (${resource.Type}) has the attribute "${name}", which the local cloud does not know.`,
  );
}
